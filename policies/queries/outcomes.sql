-- How exchanges ended, by hour.
-- $hours INTEGER = 24: how far back
SELECT date_trunc('hour', started) AS hour, outcome, status, count(*) AS exchanges
FROM exchanges
WHERE started >= now()::TIMESTAMP - to_hours($hours)
GROUP BY ALL
ORDER BY hour, exchanges DESC

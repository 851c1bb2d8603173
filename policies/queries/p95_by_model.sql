-- How long answered exchanges took, by model and minute.
-- $hours INTEGER = 6: how far back
SELECT date_trunc('minute', started) AS minute, model, count(*) AS exchanges, quantile_cont(total_ms, 0.95) AS p95_ms
FROM exchanges
WHERE started >= now()::TIMESTAMP - to_hours($hours) AND outcome = 'answered'
GROUP BY ALL
ORDER BY minute, model

-- What each caller cost, by day.
-- $days INTEGER = 7: how far back
SELECT day, caller, sum(exchanges)::BIGINT AS exchanges, sum(cost) AS cost, sum(uncosted)::BIGINT AS uncosted
FROM usage_daily
WHERE day > current_date - $days::INTEGER
GROUP BY ALL
ORDER BY day, cost DESC

-- Which part of the input tokens the upstream had cached, by model and day.
-- $days INTEGER = 7: how far back
SELECT
    day,
    model,
    sum(input_tokens)::BIGINT AS input_tokens,
    round(100 * sum(cached_tokens) / nullif(sum(input_tokens), 0), 1) AS cached_percent
FROM usage_daily
WHERE day > current_date - $days::INTEGER
GROUP BY ALL
ORDER BY day, model

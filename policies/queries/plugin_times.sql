-- What each hook of each plugin took, in microseconds.
-- $hours INTEGER = 1: how far back
SELECT
    step.hook,
    step.plugin,
    count(*) AS runs,
    round(quantile_cont(step.took_ns / 1000, 0.5), 1) AS p50_us,
    round(quantile_cont(step.took_ns / 1000, 0.99), 1) AS p99_us,
    count(step.fault) AS faults
FROM (SELECT unnest(trail) AS step FROM exchanges WHERE started >= now()::TIMESTAMP - to_hours($hours))
GROUP BY ALL
ORDER BY p99_us DESC

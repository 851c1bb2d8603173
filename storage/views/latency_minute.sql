CREATE OR REPLACE VIEW latency_minute AS
SELECT
    minute,
    endpoint,
    model,
    max(upto)::BIGINT AS exchanges,
    1.05 ** (min(bucket) FILTER (upto >= 0.50 * total) - 0.5) AS p50_ms,
    1.05 ** (min(bucket) FILTER (upto >= 0.95 * total) - 0.5) AS p95_ms,
    1.05 ** (min(bucket) FILTER (upto >= 0.99 * total) - 0.5) AS p99_ms
FROM (
    SELECT
        *,
        sum(exchanges) OVER (PARTITION BY minute, endpoint, model ORDER BY bucket) AS upto,
        sum(exchanges) OVER (PARTITION BY minute, endpoint, model) AS total
    FROM kept.latency
)
GROUP BY minute, endpoint, model;

COMMENT ON VIEW latency_minute IS 'How long answered exchanges took, by minute, to one part in forty.';
COMMENT ON COLUMN latency_minute.minute IS 'The minute in which they arrived (UTC).';
COMMENT ON COLUMN latency_minute.endpoint IS 'The operation of the API.';
COMMENT ON COLUMN latency_minute.model IS 'The model that was asked for.';
COMMENT ON COLUMN latency_minute.exchanges IS 'How many were answered.';
COMMENT ON COLUMN latency_minute.p50_ms IS 'Half of them took at most so many milliseconds.';
COMMENT ON COLUMN latency_minute.p95_ms IS '95 of 100 took at most so many milliseconds.';
COMMENT ON COLUMN latency_minute.p99_ms IS '99 of 100 took at most so many milliseconds.';

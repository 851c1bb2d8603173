-- What callers see: the rows that are theirs, by `person` (kept.seen_...). The LIMIT keeps their conditions from being
-- asked of anyone else's rows.
CREATE OR REPLACE VIEW caller.exchanges AS
SELECT * FROM main.exchanges LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.attempts AS
SELECT * FROM main.attempts LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.tool_calls AS
SELECT * FROM main.tool_calls LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.incidents AS
SELECT * FROM main.incidents LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.signals AS
SELECT * FROM main.signals LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.changes AS
SELECT * FROM main.changes LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.moderation AS
SELECT * FROM main.moderation LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.feedback AS
SELECT * FROM main.feedback LIMIT 9223372036854775807;
CREATE OR REPLACE VIEW caller.usage_daily AS
SELECT * FROM main.usage_daily LIMIT 9223372036854775807;

-- The histograms know no callers, so theirs are reckoned from their exchanges.
CREATE OR REPLACE VIEW caller.latency_minute AS
SELECT
    date_trunc('minute', started) AS minute,
    endpoint,
    model,
    count(*) AS exchanges,
    quantile_disc(total_ms, 0.50) AS p50_ms,
    quantile_disc(total_ms, 0.95) AS p95_ms,
    quantile_disc(total_ms, 0.99) AS p99_ms
FROM caller.exchanges
WHERE outcome = 'answered'
GROUP BY ALL;

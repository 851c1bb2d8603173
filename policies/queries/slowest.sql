-- The slowest exchanges, and where their time went.
-- $hours INTEGER = 24: how far back
-- $most INTEGER = 20: how many
SELECT audit_id, started, caller, endpoint, model, outcome, total_ms, first_byte_ms, overhead_ms
FROM exchanges
WHERE started >= now()::TIMESTAMP - to_hours($hours)
ORDER BY total_ms DESC NULLS LAST
LIMIT $most

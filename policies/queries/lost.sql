-- Exchanges that were begun and never ended, because the gateway was killed.
-- $days INTEGER = 7: how far back
SELECT audit_id, started, caller, endpoint, model, writer, segment
FROM exchanges
WHERE outcome = 'lost' AND started >= now()::TIMESTAMP - to_days($days)
ORDER BY started DESC

CREATE OR REPLACE VIEW attempts AS
SELECT
    audit_id,
    started + to_microseconds(attempt.began_ns // 1000) AS happened,
    caller,
    number,
    attempt.upstream,
    attempt.model,
    attempt.status,
    attempt.request_id,
    attempt.error,
    (attempt.first_byte_ns - attempt.began_ns) / 1e6 AS first_byte_ms,
    (attempt.ended_ns - attempt.began_ns) / 1e6 AS total_ms
FROM (
    SELECT audit_id, started, caller, unnest(attempts) AS attempt, generate_subscripts(attempts, 1) AS number
    FROM kept.seen_exchange
);

COMMENT ON VIEW attempts IS 'One row for each request to an upstream; an exchange has several where it fell back or ran tools.';
COMMENT ON COLUMN attempts.audit_id IS 'The exchange.';
COMMENT ON COLUMN attempts.happened IS 'When it was begun (UTC).';
COMMENT ON COLUMN attempts.caller IS 'The principal of the caller.';
COMMENT ON COLUMN attempts.number IS 'Which of the exchange''s attempts it is, from 1.';
COMMENT ON COLUMN attempts.upstream IS 'The upstream''s name in the settings.';
COMMENT ON COLUMN attempts.model IS 'The model that was asked for there.';
COMMENT ON COLUMN attempts.status IS 'The HTTP status; NULL where none came.';
COMMENT ON COLUMN attempts.request_id IS 'The upstream''s x-request-id.';
COMMENT ON COLUMN attempts.error IS 'What went wrong.';
COMMENT ON COLUMN attempts.first_byte_ms IS 'Milliseconds to the first byte.';
COMMENT ON COLUMN attempts.total_ms IS 'Milliseconds to the end.';

CREATE OR REPLACE VIEW tool_calls AS
SELECT
    audit_id,
    started + to_microseconds(call.began_ns // 1000) AS happened,
    caller,
    call.name AS tool,
    call.status,
    call.took_ns / 1e6 AS duration_ms,
    call.because,
    call.alias,
    call.summary AS arguments,
    call.tokens
FROM (
    SELECT audit_id, started, caller, unnest(list_concat(
        from_json(tools->'used', '[{"name": "VARCHAR", "status": "VARCHAR", "began_ns": "BIGINT", "took_ns": "BIGINT", "because": "VARCHAR", "alias": "VARCHAR", "summary": "VARCHAR", "tokens": "BIGINT"}]'),
        from_json(tools->'blocked', '[{"name": "VARCHAR", "status": "VARCHAR", "began_ns": "BIGINT", "took_ns": "BIGINT", "because": "VARCHAR", "alias": "VARCHAR", "summary": "VARCHAR", "tokens": "BIGINT"}]')
    )) AS call
    FROM kept.seen_exchange
    WHERE tools IS NOT NULL
);

COMMENT ON VIEW tool_calls IS 'One row for each call of a tool that ran here or was blocked.';
COMMENT ON COLUMN tool_calls.audit_id IS 'The exchange.';
COMMENT ON COLUMN tool_calls.happened IS 'When it began (UTC).';
COMMENT ON COLUMN tool_calls.caller IS 'The principal of the caller.';
COMMENT ON COLUMN tool_calls.tool IS 'The tool, by the name that the model called.';
COMMENT ON COLUMN tool_calls.status IS 'ok, error, timeout, blocked.';
COMMENT ON COLUMN tool_calls.duration_ms IS 'Milliseconds that it took, or until it was blocked.';
COMMENT ON COLUMN tool_calls.because IS 'The code of the refusal of a blocked call.';
COMMENT ON COLUMN tool_calls.alias IS 'The alias of a hosted tool, as policies name it.';
COMMENT ON COLUMN tool_calls.arguments IS 'What the arguments were: redacted, at most 180 characters.';
COMMENT ON COLUMN tool_calls.tokens IS 'Tokens of the step that made the call.';

CREATE OR REPLACE VIEW tool_calls AS
SELECT
    audit_id,
    started + to_microseconds(call.began_ns // 1000) AS happened,
    caller,
    call.name AS tool,
    call.status,
    call.took_ns / 1e6 AS duration_ms,
    call.because
FROM (
    SELECT audit_id, started, caller, unnest(list_concat(
        from_json(tools->'used', '[{"name": "VARCHAR", "status": "VARCHAR", "began_ns": "BIGINT", "took_ns": "BIGINT", "because": "VARCHAR"}]'),
        from_json(tools->'blocked', '[{"name": "VARCHAR", "status": "VARCHAR", "began_ns": "BIGINT", "took_ns": "BIGINT", "because": "VARCHAR"}]')
    )) AS call
    FROM kept.seen_exchange
    WHERE tools IS NOT NULL
);

COMMENT ON VIEW tool_calls IS 'One row for each call of a tool that ran here or was blocked.';
COMMENT ON COLUMN tool_calls.audit_id IS 'The exchange.';
COMMENT ON COLUMN tool_calls.happened IS 'When it began (UTC).';
COMMENT ON COLUMN tool_calls.caller IS 'The principal of the caller.';
COMMENT ON COLUMN tool_calls.tool IS 'The tool, by the name that the model called.';
COMMENT ON COLUMN tool_calls.status IS 'ok, error, blocked.';
COMMENT ON COLUMN tool_calls.duration_ms IS 'Milliseconds that it took, or until it was blocked.';
COMMENT ON COLUMN tool_calls.because IS 'The code of the refusal of a blocked call.';

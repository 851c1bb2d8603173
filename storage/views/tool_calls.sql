CREATE OR REPLACE VIEW kept.every_event AS
SELECT * FROM kept.events
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_events'), union_by_name = true, hive_partitioning = false);

-- What a connection may see of them: its own rows, or all; the caller by principal, as long as the keyring knows it.
CREATE OR REPLACE VIEW kept.seen_event AS
SELECT each.* REPLACE (kept.shown(each.caller, who.pseudonym, who.principal) AS caller)
FROM kept.every_event AS each LEFT JOIN kept.people AS who ON who.pseudonym = each.caller
WHERE getvariable('person') = '*' OR each.caller = getvariable('person');

CREATE OR REPLACE VIEW tool_calls AS
SELECT
    audit_id,
    happened,
    caller,
    line->>'$.tool' AS tool,
    line->>'$.status' AS status,
    try_cast(line->'$.duration_ms' AS DOUBLE) AS duration_ms,
    line->>'$.arguments' AS arguments,
    try_cast(line->'$.tokens' AS BIGINT) AS tokens,
    line AS more
FROM kept.seen_event
WHERE event = 'tool_call';

COMMENT ON VIEW tool_calls IS 'One row for each run of a tool.';
COMMENT ON COLUMN tool_calls.audit_id IS 'The exchange.';
COMMENT ON COLUMN tool_calls.happened IS 'When it ran (UTC).';
COMMENT ON COLUMN tool_calls.caller IS 'The principal of the caller.';
COMMENT ON COLUMN tool_calls.tool IS 'The tool.';
COMMENT ON COLUMN tool_calls.status IS 'ok, error, blocked, timeout.';
COMMENT ON COLUMN tool_calls.duration_ms IS 'Milliseconds that it took.';
COMMENT ON COLUMN tool_calls.arguments IS 'A summary of the arguments, redacted.';
COMMENT ON COLUMN tool_calls.tokens IS 'Tokens of the step.';
COMMENT ON COLUMN tool_calls.more IS 'The whole event, as JSON.';

CREATE OR REPLACE VIEW kept.every_incident AS
SELECT * FROM kept.incidents
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_incidents'), union_by_name = true, hive_partitioning = false);

-- What a connection may see of them: its own rows, or all; the caller by principal, as long as the keyring knows it.
CREATE OR REPLACE VIEW kept.seen_incident AS
SELECT each.* REPLACE (kept.shown(each.caller, who.pseudonym, who.principal) AS caller)
FROM kept.every_incident AS each LEFT JOIN kept.people AS who ON who.pseudonym = each.caller
WHERE getvariable('person') = '*' OR each.caller = getvariable('person');

CREATE OR REPLACE VIEW incidents AS
SELECT
    audit_id,
    happened AS "at",
    caller,
    tool,
    reason,
    action,
    more->>'$.prompt_hash' AS prompt_hash,
    more->>'$.safety_mode' AS safety_mode,
    more->'$.tool_allowlist' AS tool_allowlist,
    more->>'$.arguments' AS arguments,
    happened,
    more
FROM kept.seen_incident;

COMMENT ON VIEW incidents IS 'One row for each call that was blocked.';
COMMENT ON COLUMN incidents.audit_id IS 'The exchange.';
COMMENT ON COLUMN incidents."at" IS 'When it happened (UTC); a word of SQL''s own, so it is written in double quotes.';
COMMENT ON COLUMN incidents.caller IS 'The principal of the caller.';
COMMENT ON COLUMN incidents.tool IS 'The tool that the model called: the alias of a hosted one, else its name.';
COMMENT ON COLUMN incidents.reason IS 'Why the call was blocked.';
COMMENT ON COLUMN incidents.action IS 'What was done.';
COMMENT ON COLUMN incidents.prompt_hash IS 'The hash of the prompt.';
COMMENT ON COLUMN incidents.safety_mode IS 'The safety mode at the time.';
COMMENT ON COLUMN incidents.tool_allowlist IS 'The tools that the request offered at the time, as JSON.';
COMMENT ON COLUMN incidents.arguments IS 'What the arguments were: redacted, at most 180 characters.';
COMMENT ON COLUMN incidents.happened IS 'The same as "at", under a name that needs no quotes.';
COMMENT ON COLUMN incidents.more IS 'What else the record says, as JSON.';

CREATE OR REPLACE VIEW changes AS
SELECT
    audit_id,
    happened,
    caller,
    hook,
    plugin,
    change->>'$.type' AS kind,
    array_to_string(from_json(change->'path', '["VARCHAR"]'), '.') AS path,
    change->'value' AS value,
    because
FROM (
    SELECT *, answer->>'$.because' AS because, unnest(from_json(answer->'changes', '["JSON"]')) AS change
    FROM kept.seen_answer
    WHERE answer->>'$.answer' IN ('nudge', 'amendment', 'retry')
);

COMMENT ON VIEW changes IS 'One row for each change that a plugin made to a request or a reply.';
COMMENT ON COLUMN changes.audit_id IS 'The exchange.';
COMMENT ON COLUMN changes.happened IS 'When the plugin was asked (UTC).';
COMMENT ON COLUMN changes.caller IS 'The principal of the caller.';
COMMENT ON COLUMN changes.hook IS 'shape for the request, review for the reply.';
COMMENT ON COLUMN changes.plugin IS 'The plugin.';
COMMENT ON COLUMN changes.kind IS 'set, remove, insert.';
COMMENT ON COLUMN changes.path IS 'The member of the body, its parts joined by dots.';
COMMENT ON COLUMN changes.value IS 'The new value, as JSON.';
COMMENT ON COLUMN changes.because IS 'The reason.';

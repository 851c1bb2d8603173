CREATE OR REPLACE VIEW kept.seen_answer AS
SELECT audit_id, started + to_microseconds(step.began_ns // 1000) AS happened, caller, step.hook, step.plugin, step.answer
FROM (
    SELECT audit_id, started, caller, unnest(list_filter(trail, lambda each: each.answer IS NOT NULL)) AS step
    FROM kept.seen_exchange
);

CREATE OR REPLACE VIEW signals AS
SELECT
    audit_id,
    happened,
    caller,
    found.key AS signal,
    found.value AS level,
    plugin,
    because[found.key] AS because
FROM (
    SELECT
        *,
        unnest(map_entries(try_cast(answer->'levels' AS MAP(VARCHAR, DOUBLE)))) AS found,
        try_cast(answer->'because' AS MAP(VARCHAR, VARCHAR)) AS because
    FROM kept.seen_answer
    WHERE hook = 'observe' AND answer->>'$.answer' = 'signals'
);

COMMENT ON VIEW signals IS 'One row for each level of a signal that a plugin found in an exchange.';
COMMENT ON COLUMN signals.audit_id IS 'The exchange.';
COMMENT ON COLUMN signals.happened IS 'When the plugin was asked (UTC).';
COMMENT ON COLUMN signals.caller IS 'The principal of the caller.';
COMMENT ON COLUMN signals.signal IS 'The signal.';
COMMENT ON COLUMN signals.level IS 'Its level, 0 to 1.';
COMMENT ON COLUMN signals.plugin IS 'The plugin that found it; of several the maximum counts.';
COMMENT ON COLUMN signals.because IS 'The reason, where the plugin gave one.';

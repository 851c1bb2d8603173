CREATE OR REPLACE VIEW changes AS
SELECT
    audit_id,
    started AS happened,
    caller,
    change.hook,
    change.plugin,
    coalesce(change.kind, 'set') AS kind,
    change.parameter AS path,
    change.after AS value,
    change.because,
    change.before,
    coalesce(change.in_reply, false) AS in_reply,
    coalesce(change.applied, true) AS applied,
    change.signal
FROM (
    SELECT audit_id, started, caller, unnest(from_json(changes, '[{
        "hook": "VARCHAR", "plugin": "VARCHAR", "kind": "VARCHAR", "parameter": "VARCHAR",
        "before": "JSON", "after": "JSON", "because": "VARCHAR", "in_reply": "BOOLEAN",
        "applied": "BOOLEAN", "signal": "VARCHAR"
    }]')) AS change
    FROM kept.seen_exchange
    WHERE changes IS NOT NULL
);

COMMENT ON VIEW changes IS 'One row for each change that was made to a request or a reply, or was computed and not made.';
COMMENT ON COLUMN changes.audit_id IS 'The exchange.';
COMMENT ON COLUMN changes.happened IS 'When the exchange arrived (UTC).';
COMMENT ON COLUMN changes.caller IS 'The principal of the caller.';
COMMENT ON COLUMN changes.hook IS 'shape, review; route, recall, run_tool where the gateway made it because of them.';
COMMENT ON COLUMN changes.plugin IS 'The plugin; NULL where the gateway itself made the change.';
COMMENT ON COLUMN changes.kind IS 'set, remove, insert.';
COMMENT ON COLUMN changes.path IS 'The member of the body, its parts joined by dots; safety_mode and allowed_tools are of the exchange itself.';
COMMENT ON COLUMN changes.value IS 'The new value, as JSON; of a text its length.';
COMMENT ON COLUMN changes.because IS 'The reason.';
COMMENT ON COLUMN changes.before IS 'The value before, as JSON; NULL where there was none.';
COMMENT ON COLUMN changes.in_reply IS 'Whether the reply was changed, and not the request.';
COMMENT ON COLUMN changes.applied IS 'Whether it was made; false where it was computed only (shadow).';
COMMENT ON COLUMN changes.signal IS 'What led to it: a signal, `feedback`, a flag or a lock; NULL where that is not told.';

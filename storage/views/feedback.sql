CREATE OR REPLACE VIEW kept.every_feedback AS
SELECT * FROM kept.feedback
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_feedback'), union_by_name = true, hive_partitioning = false);

-- What a connection may see of them: its own rows, or all; the caller by principal, as long as the keyring knows it.
CREATE OR REPLACE VIEW kept.seen_feedback AS
SELECT each.* REPLACE (kept.shown(each.caller, who.pseudonym, who.principal) AS caller)
FROM kept.every_feedback AS each LEFT JOIN kept.people AS who ON who.pseudonym = each.caller
WHERE getvariable('person') = '*' OR each.caller = getvariable('person');

CREATE OR REPLACE VIEW feedback AS
SELECT audit_id, happened, caller, rating, note, tags, more FROM kept.seen_feedback;

COMMENT ON VIEW feedback IS 'One row for each feedback card.';
COMMENT ON COLUMN feedback.audit_id IS 'The exchange that was rated.';
COMMENT ON COLUMN feedback.happened IS 'When (UTC).';
COMMENT ON COLUMN feedback.caller IS 'The principal who rated.';
COMMENT ON COLUMN feedback.rating IS '1 to 5.';
COMMENT ON COLUMN feedback.note IS 'The note, redacted.';
COMMENT ON COLUMN feedback.tags IS 'The tags.';
COMMENT ON COLUMN feedback.more IS 'What else the record says, as JSON.';

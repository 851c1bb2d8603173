CREATE OR REPLACE VIEW kept.every_feedback AS
SELECT * FROM kept.feedback
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_feedback'), union_by_name = true, hive_partitioning = false);

CREATE OR REPLACE VIEW feedback AS
SELECT audit_id, happened, caller, rating, note, tags, more FROM kept.every_feedback;

COMMENT ON VIEW feedback IS 'One row for each feedback card.';
COMMENT ON COLUMN feedback.audit_id IS 'The exchange that was rated.';
COMMENT ON COLUMN feedback.happened IS 'When (UTC).';
COMMENT ON COLUMN feedback.caller IS 'The principal who rated.';
COMMENT ON COLUMN feedback.rating IS '1 to 5.';
COMMENT ON COLUMN feedback.note IS 'The note, redacted.';
COMMENT ON COLUMN feedback.tags IS 'The tags.';
COMMENT ON COLUMN feedback.more IS 'What else the record says, as JSON.';

-- What is asked for by its audit id, and listed: exchanges whose end is known or that were lost, and logged bundles.
CREATE OR REPLACE VIEW kept.every_event AS
SELECT * FROM kept.events
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_events'), union_by_name = true, hive_partitioning = false);

CREATE OR REPLACE VIEW kept.logged AS
SELECT
    audit_id,
    coalesce(try_cast(line->>'$.started' AS TIMESTAMP), happened) AS started,
    caller,
    line->>'$.model' AS model,
    line->>'$.model_used' AS model_used,
    line->>'$.outcome' AS outcome,
    line->>'$.endpoint' AS endpoint,
    line,
    writer,
    segment,
    position
FROM kept.every_event
WHERE event = 'logged' AND audit_id IS NOT NULL;

-- Tells a connection which Parquet files the views read, as of its transaction. There is always one, without rows.
SET VARIABLE archived_exchanges = (
    SELECT list_prepend(getvariable('warehouse') || '/no-exchanges.parquet', coalesce(list(getvariable('archive') || '/' || file), []))
    FROM kept.archived WHERE kind = 'exchanges'
);
SET VARIABLE archived_incidents = (
    SELECT list_prepend(getvariable('warehouse') || '/no-incidents.parquet', coalesce(list(getvariable('archive') || '/' || file), []))
    FROM kept.archived WHERE kind = 'incidents'
);
SET VARIABLE archived_feedback = (
    SELECT list_prepend(getvariable('warehouse') || '/no-feedback.parquet', coalesce(list(getvariable('archive') || '/' || file), []))
    FROM kept.archived WHERE kind = 'feedback'
);
SET VARIABLE archived_events = (
    SELECT list_prepend(getvariable('warehouse') || '/no-events.parquet', coalesce(list(getvariable('archive') || '/' || file), []))
    FROM kept.archived WHERE kind = 'events'
);

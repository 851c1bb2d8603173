-- Files without rows, which stand for tables none of whose days is in Parquet.
COPY (FROM kept.exchanges LIMIT 0) TO (getvariable('warehouse') || '/no-exchanges.parquet') (FORMAT parquet);
COPY (FROM kept.incidents LIMIT 0) TO (getvariable('warehouse') || '/no-incidents.parquet') (FORMAT parquet);
COPY (FROM kept.feedback LIMIT 0) TO (getvariable('warehouse') || '/no-feedback.parquet') (FORMAT parquet);
COPY (FROM kept.events LIMIT 0) TO (getvariable('warehouse') || '/no-events.parquet') (FORMAT parquet);

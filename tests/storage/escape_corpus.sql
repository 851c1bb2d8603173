-- Statements that try to leave the sandbox, one in each paragraph. All of them are refused.
-- DATA stands for the data folder, SECRET for a file with a secret in it.

SELECT 1; SELECT 2

SELECT 1; DROP VIEW exchanges

;

-- nothing but a remark

CREATE TABLE loot AS SELECT 1

CREATE TEMP TABLE loot (a INTEGER)

CREATE MACRO evil() AS 1

CREATE TYPE mood AS ENUM ('calm')

CREATE SEQUENCE steps

CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')

DROP SCHEMA kept CASCADE

DROP VIEW exchanges

ALTER TABLE kept.exchanges DROP COLUMN caller

INSERT INTO kept.exchanges (audit_id) VALUES ('A-1')

UPDATE kept.exchanges SET cost = 0

DELETE FROM kept.exchanges

TRUNCATE kept.exchanges

MERGE INTO kept.exchanges USING (SELECT 1 AS a) ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES

WITH loot AS (INSERT INTO kept.exchanges (audit_id) VALUES ('A-1') RETURNING *) SELECT * FROM loot

WITH loot AS (DELETE FROM kept.exchanges RETURNING *) SELECT * FROM loot

WITH loot AS (UPDATE kept.exchanges SET cost = 0 RETURNING *) SELECT * FROM loot

WITH loot AS (COPY (SELECT 1) TO 'DATA/loot.csv') SELECT * FROM loot

SELECT * FROM (WITH loot AS (DELETE FROM kept.exchanges RETURNING *) SELECT * FROM loot)

COPY (SELECT * FROM exchanges) TO 'DATA/loot.csv'

COPY kept.exchanges FROM 'SECRET'

EXPORT DATABASE 'DATA/loot'

IMPORT DATABASE 'DATA/loot'

ATTACH 'DATA/loot.duckdb' AS loot

ATTACH ':memory:' AS loot

DETACH warehouse

USE kept

SET memory_limit = '100GB'

SET VARIABLE principal = 'key:bob'

RESET memory_limit

SET search_path = 'warehouse.main'

PRAGMA database_list

PRAGMA memory_limit = '100GB'

PRAGMA enable_external_access

PRAGMA show_tables

CALL pragma_version()

CALL force_checkpoint()

CHECKPOINT

VACUUM

ANALYZE

INSTALL httpfs

LOAD httpfs

LOAD 'DATA/evil.duckdb_extension'

BEGIN TRANSACTION

COMMIT

ROLLBACK

PREPARE steal AS SELECT * FROM kept.exchanges

EXECUTE steal

DEALLOCATE steal

EXPLAIN SELECT * FROM exchanges

EXPLAIN ANALYZE DELETE FROM kept.exchanges

DESCRIBE exchanges

SHOW TABLES

SHOW ALL TABLES

SUMMARIZE exchanges

SELECT * FROM (SHOW ALL TABLES)

SELECT * FROM (DESCRIBE exchanges)

PIVOT exchanges ON model

SELECT * FROM (PIVOT exchanges ON model)

COMMENT ON VIEW exchanges IS 'mine'

SELECT * FROM kept.exchanges

SELECT * FROM main.exchanges

SELECT * FROM warehouse.main.exchanges

SELECT * FROM "main"."exchanges"

SELECT * FROM caller.exchanges

SELECT * FROM kept.segments

SELECT * FROM memory.main.anything

SELECT * FROM information_schema.tables

SELECT * FROM pg_catalog.pg_tables

SELECT * FROM duckdb_settings()

SELECT * FROM duckdb_settings

SELECT * FROM duckdb_secrets()

SELECT * FROM duckdb_views()

SELECT * FROM duckdb_variables()

SELECT * FROM sqlite_master

SELECT * FROM pragma_database_list

SELECT * FROM pragma_table_info('exchanges')

SELECT * FROM 'SECRET'

SELECT * FROM "SECRET"

FROM 'SECRET'

SELECT * FROM read_text('SECRET')

SELECT * FROM read_blob('SECRET')

SELECT * FROM read_csv('SECRET', columns = {'a': 'VARCHAR'})

SELECT * FROM read_csv_auto('SECRET')

SELECT * FROM read_json('SECRET')

SELECT * FROM read_json_objects('SECRET')

SELECT * FROM read_ndjson('SECRET')

SELECT * FROM read_parquet('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_scan('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_metadata('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM 'DATA/archive/exchanges/*/*.parquet'

SELECT * FROM read_duckdb('DATA/warehouse/warehouse.duckdb')

SELECT * FROM sniff_csv('SECRET')

SELECT * FROM glob('DATA/*')

SELECT * FROM seq_scan('exchanges')

SELECT * FROM query('SELECT * FROM kept.exchanges')

SELECT * FROM query_table('kept.exchanges')

SELECT * FROM query_table(['exchanges', 'kept.exchanges'])

SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM kept.exchanges'))

SELECT json_serialize_plan('SELECT * FROM kept.exchanges')

SELECT * FROM checkpoint()

SELECT * FROM histogram(exchanges, model)

SELECT * FROM summary((SELECT * FROM exchanges))

SELECT * FROM which_secret('s3://bucket', 's3')

SELECT * FROM register_external_resource('a')

SELECT (SELECT count(*) FROM kept.exchanges)

SELECT * FROM exchanges WHERE audit_id IN (SELECT audit_id FROM kept.exchanges)

SELECT * FROM exchanges UNION ALL SELECT * FROM main.exchanges

WITH mine AS (SELECT * FROM main.exchanges) SELECT * FROM mine

WITH "DATA/archive/exchanges/day=2026-03-14/part-0000.parquet" AS (SELECT 1) SELECT 1

SELECT * FROM duckdb_tables, (WITH duckdb_tables AS (SELECT 1) SELECT * FROM duckdb_tables)

SELECT * FROM sqlite_master, (WITH sqlite_master AS (SELECT 1) SELECT * FROM sqlite_master)

SELECT * FROM exchanges ORDER BY (SELECT max(audit_id) FROM kept.exchanges)

SELECT * FROM exchanges LIMIT (SELECT count(*) FROM kept.exchanges)

SELECT list_transform([1], lambda x: (SELECT count(*) FROM kept.exchanges))

SELECT * FROM range((SELECT count(*) FROM kept.exchanges))

SELECT * FROM unnest((SELECT list(audit_id) FROM kept.exchanges))

SELECT getvariable('principal')

SELECT getvariable('archive')

SELECT current_setting('temp_directory')

SELECT system.main.current_setting('temp_directory')

SELECT 'temp_directory'.current_setting()

SELECT getenv('HOME')

SELECT current_query()

SELECT nextval('steps')

SELECT setseed(0.5)

SELECT sleep_ms(1000000)

SELECT pg_sleep(1000000)

SELECT write_log('loot')

SELECT kept.bytes_of('00')

SELECT pg_get_viewdef(1)

SELECT json_deserialize_sql('{}')

SELECT repeat('a', 3000000000)

SELECT repeat('a', (SELECT 3000000000))

SELECT lpad('a', 2000000000, 'b')

SELECT format('{:>2000000000}', 'a')

SELECT printf('%2000000000d', 1)

SELECT bitstring('1', 2000000000)

SELECT range(300000000)

SELECT generate_series(1, 300000000)

SELECT list_resize([1], 300000000)

SELECT * FROM exchanges AT (VERSION => 1)

SELECT * FROM python_map_function('a')

SELECT * FROM pandas_scan(1)

SELECT * FROM arrow_scan(1, 2, 3)

SELECT * FROM frame

SELECT * FROM test_all_types()

SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range * b.range % 7 = 3

SELECT string_agg('aaaaaaaaaaaaaaaaaaaaaaaa', '') FROM range(10000000000)

WITH RECURSIVE twice(text) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT text || text FROM twice) SELECT max(length(text)) FROM twice

SELECT * FROM memory.main.people

SELECT * FROM memory.people

SELECT * FROM kept.people

SELECT * FROM kept.seen_exchange

SELECT (SELECT max(principal) FROM memory.main.people) FROM exchanges

SELECT kept.shown('a', 'b', 'c')

SELECT getvariable('person')

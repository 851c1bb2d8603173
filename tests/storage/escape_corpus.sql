-- Statements that try to leave the sandbox, or to wear it down: one in each paragraph, all of them refused.
-- A remark alone says why what follows it is refused. DATA stands for the data folder, SECRET for a file with a
-- secret in it.

-- Not one statement.

SELECT 1; SELECT 2

SELECT 1; DROP VIEW exchanges

;

/* nothing but a remark */

SELECT 1;;SELECT 2

SELECT 1 /* */ ; /* */ SELECT 2

-- Not SELECT: it changes tables, views or what is in them.

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

COMMENT ON VIEW exchanges IS 'mine'

SELECT * INTO loot FROM exchanges

CREATE OR REPLACE VIEW exchanges AS SELECT 1

CREATE TEMP VIEW exchanges AS FROM kept.exchanges

CREATE OR REPLACE TEMP MACRO now() AS 1

CREATE FUNCTION f(a) AS TABLE SELECT * FROM read_text(a)

CREATE INDEX i ON kept.exchanges (caller)

CREATE SCHEMA loot

CREATE PERSISTENT SECRET s (TYPE s3)

CREATE TRIGGER t AFTER INSERT ON kept.exchanges FOR EACH ROW EXECUTE SELECT 1

DROP TABLE kept.exchanges

DROP MACRO kept.bytes_of

ALTER VIEW exchanges RENAME TO loot

INSERT OR REPLACE INTO kept.about VALUES (7)

DELETE FROM kept.exchanges USING exchanges WHERE true

UPDATE kept.exchanges SET caller = 'key:ada' WHERE caller = 'key:bob'

FROM exchanges INSERT INTO kept.exchanges

-- A SELECT that changes something in one of its parts.

WITH loot AS (INSERT INTO kept.exchanges (audit_id) VALUES ('A-1') RETURNING *) SELECT * FROM loot

WITH loot AS (DELETE FROM kept.exchanges RETURNING *) SELECT * FROM loot

WITH loot AS (UPDATE kept.exchanges SET cost = 0 RETURNING *) SELECT * FROM loot

WITH loot AS (COPY (SELECT 1) TO 'DATA/loot.csv') SELECT * FROM loot

SELECT * FROM (WITH loot AS (DELETE FROM kept.exchanges RETURNING *) SELECT * FROM loot)

SELECT * FROM (INSERT INTO kept.exchanges (audit_id) VALUES ('A-1') RETURNING *)

-- Not SELECT: it writes or reads files, or opens databases.

COPY (SELECT * FROM exchanges) TO 'DATA/loot.csv'

COPY kept.exchanges FROM 'SECRET'

EXPORT DATABASE 'DATA/loot'

IMPORT DATABASE 'DATA/loot'

ATTACH 'DATA/loot.duckdb' AS loot

ATTACH ':memory:' AS loot

DETACH warehouse

CHECKPOINT

VACUUM

ANALYZE

INSTALL httpfs

LOAD httpfs

LOAD 'DATA/evil.duckdb_extension'

FROM exchanges COPY TO 'DATA/loot.csv'

COPY (FROM exchanges) TO STDOUT

COPY exchanges TO 'DATA/loot.parquet' (FORMAT parquet)

ATTACH IF NOT EXISTS 'DATA/warehouse/warehouse.duckdb' AS again (READ_ONLY)

ATTACH OR REPLACE ':memory:' AS warehouse

COPY FROM DATABASE warehouse TO memory

UPDATE EXTENSIONS

FORCE INSTALL httpfs FROM 'https://example.com'

FORCE CHECKPOINT warehouse

VACUUM ANALYZE

LOAD json

\copy exchanges to 'loot'

-- Not SELECT: it changes settings, variables, transactions or plans.

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

BEGIN TRANSACTION

COMMIT

ROLLBACK

PREPARE steal AS SELECT * FROM kept.exchanges

EXECUTE steal

DEALLOCATE steal

EXPLAIN SELECT * FROM exchanges

EXPLAIN ANALYZE DELETE FROM kept.exchanges

SET GLOBAL enable_external_access = true

SET lock_configuration = false

SET SESSION search_path = 'kept'

SET VARIABLE archived_exchanges = ['SECRET']

RESET VARIABLE principal

USE warehouse.kept

USE memory

PRAGMA version

PRAGMA table_info('kept.exchanges')

PRAGMA import_database('DATA/loot')

PRAGMA enable_logging

CALL enable_logging()

CALL query('SELECT 1')

ABORT

START TRANSACTION READ WRITE

PREPARE p AS FROM exchanges WHERE caller = $1

EXECUTE p('key:bob')

EXPLAIN (FORMAT json) SELECT 1

EXPLAIN ANALYZE SELECT * FROM kept.exchanges

.tables

SELECT

SELECT * FROM exchanges FOR UPDATE

-- It tells what is there beside the views; a PIVOT without its values is several statements.

DESCRIBE exchanges

SHOW TABLES

SHOW ALL TABLES

SUMMARIZE exchanges

SELECT * FROM (SHOW ALL TABLES)

SELECT * FROM (DESCRIBE exchanges)

PIVOT exchanges ON model

SELECT * FROM (PIVOT exchanges ON model)

DESCRIBE SELECT * FROM kept.exchanges

SUMMARIZE SELECT * FROM kept.exchanges

SELECT * FROM (SUMMARIZE exchanges)

SHOW exchanges

SHOW DATABASES

SHOW VARIABLES

FROM (PIVOT kept.exchanges ON model USING count(*))

PIVOT (SELECT * FROM exchanges) ON model USING count(*)

-- Files, as the name of a table: replacement scans.

SELECT * FROM 'SECRET'

SELECT * FROM "SECRET"

FROM 'SECRET'

SELECT * FROM 'DATA/archive/exchanges/*/*.parquet'

WITH "DATA/archive/exchanges/day=2026-03-14/part-0000.parquet" AS (SELECT 1) SELECT 1

SELECT * FROM 'DATA/journal/worker-0/00000001.jsonl'

SELECT * FROM "DATA/journal/worker-0/00000001.jsonl"

SELECT * FROM 'DATA/warehouse/warehouse.duckdb'

SELECT * FROM 'DATA/keys/journal.ed25519'

FROM 'DATA/archive/exchanges/day=2026-03-14/part-0000.parquet'

FROM 'https://example.com/x.parquet'

FROM 's3://bucket/x.parquet'

FROM '/proc/self/environ'

FROM '/dev/stdin'

-- Functions that give rows, of files, of other tables, or of the engine's own.

SELECT * FROM duckdb_settings()

SELECT * FROM duckdb_secrets()

SELECT * FROM duckdb_views()

SELECT * FROM duckdb_variables()

SELECT * FROM pragma_table_info('exchanges')

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

SELECT * FROM read_duckdb('DATA/warehouse/warehouse.duckdb')

SELECT * FROM sniff_csv('SECRET')

SELECT * FROM glob('DATA/*')

SELECT * FROM seq_scan('exchanges')

SELECT * FROM query('SELECT * FROM kept.exchanges')

SELECT * FROM query_table('kept.exchanges')

SELECT * FROM query_table(['exchanges', 'kept.exchanges'])

SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM kept.exchanges'))

SELECT * FROM checkpoint()

SELECT * FROM histogram(exchanges, model)

SELECT * FROM summary((SELECT * FROM exchanges))

SELECT * FROM which_secret('s3://bucket', 's3')

SELECT * FROM register_external_resource('a')

SELECT * FROM python_map_function('a')

SELECT * FROM pandas_scan(1)

SELECT * FROM arrow_scan(1, 2, 3)

SELECT * FROM test_all_types()

SELECT * FROM read_csv('/dev/stdin')

SELECT * FROM read_text('/proc/self/environ')

SELECT content FROM read_blob(['SECRET'])

SELECT * FROM read_json_auto('DATA/journal/*/*.jsonl')

SELECT * FROM read_ndjson_objects('DATA/journal/*/*.jsonl')

SELECT * FROM read_ndjson_auto('DATA/journal/*/*.jsonl')

SELECT * FROM read_json_objects_auto('DATA/journal/*/*.jsonl')

SELECT * FROM read_single_csv_file('SECRET')

SELECT * FROM read_single_json_file('DATA/journal/worker-0/00000001.jsonl')

SELECT * FROM read_single_parquet_file('DATA/archive/exchanges/day=2026-03-14/part-0000.parquet')

SELECT * FROM parquet_schema('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_file_metadata('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_full_metadata('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_kv_metadata('DATA/archive/exchanges/*/*.parquet')

SELECT * FROM parquet_bloom_probe('DATA/archive/exchanges/*/*.parquet', 'caller', 'key:bob')

SELECT * FROM main.read_text('SECRET')

SELECT * FROM system.main.read_text('SECRET')

SELECT * FROM read_text(getvariable('archive') || '/x')

SELECT * FROM read_parquet(getvariable('archived_exchanges'))

SELECT (SELECT content FROM read_text('SECRET'))

SELECT * FROM exchanges WHERE audit_id IN (SELECT content FROM read_text('SECRET'))

WITH loot AS (SELECT * FROM read_text('SECRET')) SELECT * FROM loot

SELECT * FROM query('SELECT ' || 1)

SELECT * FROM query($$SELECT * FROM kept.exchanges$$)

SELECT * FROM query_table('exchanges')

SELECT * FROM query_table($name)

SELECT * FROM copy_database('warehouse', 'memory')

SELECT * FROM import_database('DATA/loot')

SELECT * FROM force_checkpoint('warehouse')

SELECT * FROM storage_info('exchanges')

SELECT * FROM pragma_storage_info('exchanges')

SELECT * FROM pragma_metadata_info('warehouse')

SELECT * FROM pragma_user_agent()

SELECT * FROM pragma_show('exchanges')

SELECT * FROM table_info('exchanges')

SELECT * FROM show_tables_expanded()

SELECT * FROM database_list()

SELECT * FROM metadata_info()

SELECT * FROM duckdb_logs()

SELECT * FROM duckdb_prepared_statements()

SELECT * FROM duckdb_temporary_files()

SELECT * FROM duckdb_columns()

SELECT * FROM duckdb_functions()

SELECT * FROM duckdb_external_file_cache()

SELECT * FROM duckdb_memory()

SELECT * FROM truncate_duckdb_logs()

SELECT * FROM enable_logging()

SELECT * FROM enable_profiling()

SELECT * FROM disable_optimizer()

SELECT * FROM enable_verification()

SELECT * FROM create_external_resource('a')

SELECT * FROM arrow_scan_dumb(1, 2, 3)

SELECT * FROM python_arrow_scan(1)

SELECT * FROM repeat('a', 1000000000000)

SELECT * FROM repeat_row(1, num_rows = 1000000000000)

SELECT * FROM test_vector_types(NULL::INTEGER)

SELECT * FROM verify_parallelism()

SELECT * FROM histogram_values(exchanges, model)

SELECT * FROM pg_timezone_names()

SELECT * FROM icu_calendar_names()

-- Functions that read settings, the environment, variables or the catalog, that wait, or that are the engine's own.

SELECT json_serialize_plan('SELECT * FROM kept.exchanges')

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

SELECT getvariable('person')

SELECT current_setting('secret_directory')

SELECT getenv('PATH') || 'x'

SELECT list_transform(['HOME'], lambda x: getenv(x))

SELECT 'HOME'.getenv()

SELECT main.getenv('HOME')

SELECT getvariable('warehouse')

SELECT current_query_id(), current_query()

SELECT pg_get_viewdef('exchanges')

SELECT has_table_privilege('kept.exchanges', 'SELECT')

SELECT col_description(1, 1)

SELECT st_geomfromgeojson('{}')

SELECT stats(caller) FROM exchanges

SELECT __internal_compress_string_uinteger('a')

SELECT create_sort_key('a', 'ASC')

SELECT finalize(combine('a', 'b'))

SELECT invoke(lambda x: x, 1)

SELECT to_aggregate_state('a')

SELECT setval('steps', 1)

SELECT currval('steps')

SELECT sleep_ms(range) FROM range(100)

SELECT ((1)).pg_sleep()

-- Names of WITH that would mean a file or a table of the system where they are not in force.

SELECT * FROM duckdb_tables, (WITH duckdb_tables AS (SELECT 1) SELECT * FROM duckdb_tables)

SELECT * FROM sqlite_master, (WITH sqlite_master AS (SELECT 1) SELECT * FROM sqlite_master)

-- Rows of others, by a name with its schema.

SELECT * FROM kept.exchanges

SELECT * FROM main.exchanges

SELECT * FROM warehouse.main.exchanges

SELECT * FROM "main"."exchanges"

SELECT * FROM caller.exchanges

SELECT * FROM kept.segments

SELECT * FROM memory.main.anything

SELECT * FROM information_schema.tables

SELECT * FROM pg_catalog.pg_tables

SELECT * FROM memory.main.people

SELECT * FROM memory.people

SELECT * FROM kept.people

SELECT * FROM kept.seen_exchange

TABLE kept.exchanges

FROM kept.exchanges

SELECT * FROM kept.exchanges PIVOT (count(*) FOR model IN ('a'))

SELECT * FROM kept.main.exchanges

SELECT * FROM "kept.exchanges"

SELECT * FROM memory.kept.exchanges

SELECT * FROM system.information_schema.tables

SELECT * FROM temp.main.exchanges

SELECT * FROM main."exchanges"

SELECT * FROM Main.Exchanges

SELECT * FROM KEPT.EXCHANGES

-- Rows of others, from inside an expression, a join or a WITH that takes a view's name.

SELECT (SELECT count(*) FROM kept.exchanges)

SELECT * FROM exchanges WHERE audit_id IN (SELECT audit_id FROM kept.exchanges)

SELECT * FROM exchanges UNION ALL SELECT * FROM main.exchanges

WITH mine AS (SELECT * FROM main.exchanges) SELECT * FROM mine

SELECT * FROM exchanges ORDER BY (SELECT max(audit_id) FROM kept.exchanges)

SELECT * FROM exchanges LIMIT (SELECT count(*) FROM kept.exchanges)

SELECT list_transform([1], lambda x: (SELECT count(*) FROM kept.exchanges))

SELECT * FROM range((SELECT count(*) FROM kept.exchanges))

SELECT * FROM unnest((SELECT list(audit_id) FROM kept.exchanges))

SELECT (SELECT max(principal) FROM memory.main.people) FROM exchanges

SELECT kept.shown('a', 'b', 'c')

SELECT * FROM (TABLE kept.exchanges)

FROM exchanges SELECT * EXCLUDE (caller), (SELECT caller FROM main.exchanges LIMIT 1)

SELECT * FROM exchanges ASOF JOIN kept.exchanges AS k ON exchanges.started >= k.started

SELECT * FROM exchanges POSITIONAL JOIN kept.exchanges

SELECT * FROM exchanges SEMI JOIN main.exchanges USING (audit_id)

SELECT * FROM exchanges, LATERAL (SELECT * FROM kept.exchanges AS k WHERE k.audit_id = exchanges.audit_id)

WITH RECURSIVE exchanges AS (SELECT audit_id FROM kept.exchanges UNION SELECT audit_id FROM exchanges) FROM exchanges

WITH RECURSIVE exchanges AS (SELECT audit_id FROM main.exchanges UNION SELECT audit_id FROM exchanges) SELECT * FROM exchanges

WITH exchanges AS (SELECT * FROM warehouse.main.exchanges) SELECT * FROM exchanges

WITH exchanges AS MATERIALIZED (SELECT * FROM kept.every_exchange) SELECT * FROM exchanges

WITH a AS (WITH exchanges AS (FROM main.exchanges) FROM exchanges) FROM a

SELECT (WITH x AS (FROM kept.exchanges) SELECT max(caller) FROM x)

VALUES ((SELECT max(caller) FROM kept.exchanges))

SELECT EXISTS (FROM kept.exchanges WHERE caller = 'key:bob')

SELECT 1 WHERE 'key:bob' IN (SELECT caller FROM kept.exchanges)

SELECT 'key:bob' = ANY (SELECT caller FROM kept.exchanges)

SELECT ARRAY(SELECT caller FROM kept.exchanges)

SELECT count(*) FILTER (EXISTS (FROM kept.exchanges)) FROM exchanges

SELECT row_number() OVER (ORDER BY (SELECT max(caller) FROM kept.exchanges))

SELECT sum(1) OVER (PARTITION BY (SELECT max(caller) FROM kept.exchanges))

SELECT * FROM exchanges QUALIFY row_number() OVER () < (SELECT count(*) FROM kept.exchanges)

SELECT * FROM exchanges GROUP BY ALL HAVING count(*) < (SELECT count(*) FROM kept.exchanges)

SELECT * REPLACE ((SELECT max(caller) FROM kept.exchanges) AS caller) FROM exchanges

SELECT COLUMNS(c -> (SELECT true FROM kept.exchanges)) FROM exchanges

SELECT [x FOR x IN (SELECT list(caller) FROM kept.exchanges)]

SELECT {'a': (SELECT max(caller) FROM kept.exchanges)}

SELECT CASE WHEN true THEN (SELECT max(caller) FROM kept.exchanges) END

SELECT try((SELECT max(caller) FROM kept.exchanges))

SELECT * FROM exchanges ORDER BY ALL LIMIT (SELECT count(*) FROM kept.exchanges) PERCENT

SELECT * FROM exchanges OFFSET (SELECT count(*) FROM kept.exchanges)

SELECT DISTINCT ON ((SELECT max(caller) FROM kept.exchanges)) * FROM exchanges

SELECT * FROM exchanges EXCEPT SELECT * FROM kept.exchanges

SELECT * FROM json_each((SELECT to_json(list(caller)) FROM kept.exchanges))

SELECT kept.exchanges.caller FROM exchanges

SELECT main.exchanges.caller FROM exchanges, kept.exchanges

SELECT list_reduce([1, 2], lambda a, b: (SELECT max(a) FROM kept.exchanges))

-- Tables that are not views: of the system, of the warehouse's own, of Python, of another time.

SELECT * FROM duckdb_settings

SELECT * FROM sqlite_master

SELECT * FROM pragma_database_list

SELECT * FROM exchanges AT (VERSION => 1)

SELECT * FROM frame

SELECT * FROM every_exchange

SELECT * FROM begun

SELECT * FROM people

SELECT * FROM exchanges AT (TIMESTAMP => now())

-- One call of a function would ask for any amount of memory or time, and hear no interrupt.

SELECT repeat('a', 3000000000)

SELECT repeat('a', (SELECT 3000000000))

SELECT lpad('a', 2000000000, 'b')

SELECT format('{:>2000000000}', 'a')

SELECT printf('%2000000000d', 1)

SELECT bitstring('1', 2000000000)

SELECT range(300000000)

SELECT generate_series(1, 300000000)

SELECT list_resize([1], 300000000)

SELECT repeat(repeat('a', 1000), 1000)

SELECT length(repeat(t, 1000)) FROM (SELECT repeat('a', 1000) AS t)

SELECT repeat([1], 300000000)

SELECT repeat('a', $times)

SELECT rpad('a', 2000000000, 'b')

SELECT lpad('a', length(caller) * 100000000, 'b') FROM exchanges

SELECT array_resize([1], 300000000)

SELECT [1].list_resize(300000000)

SELECT range(0, 300000000, 1)

SELECT unnest(range(3000000000))

SELECT unnest(generate_series(TIMESTAMP '0001-01-01', TIMESTAMP '9999-01-01', INTERVAL 1 MICROSECOND))

SELECT reservoir_quantile(range, 0.5, 2000000000) FROM range(10)

SELECT list_aggregate([1, 2], 'reservoir_quantile', 0.5, 2000000000)

SELECT [1, 2].aggregate(lower('Reservoir_Quantile'), 0.5, 2000000000)

SELECT array_aggr(list(cost), caller, 0.5, 2000000000) FROM exchanges

SELECT levenshtein(repeat('a', 1000), repeat('b', 1000))

SELECT damerau_levenshtein(caller, model) FROM exchanges

SELECT jaro_winkler_similarity(caller, model) FROM exchanges

SELECT regexp_matches('a', '((a{1000}){1000}){1000}')

SELECT regexp_matches('a', '(' || 'a')

-- It would never end, or need any amount of memory, before the engine itself stops it.

SELECT count(*) FROM range(10000000) AS a, range(10000000) AS b WHERE a.range * b.range % 7 = 3

SELECT string_agg('aaaaaaaaaaaaaaaaaaaaaaaa', '') FROM range(10000000000)

WITH RECURSIVE twice(text) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT text || text FROM twice) SELECT max(length(text)) FROM twice

SELECT list(range) FROM range(10000000000)

SELECT count(DISTINCT range) FROM range(10000000000)

SELECT json_group_array(range) FROM range(10000000000)

SELECT map_from_entries(list((range, range))) FROM range(10000000000)

SELECT a.range FROM range(1000000) AS a, range(1000000) AS b ORDER BY a.range * b.range

WITH RECURSIVE forever(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM forever) SELECT count(*) FROM forever

WITH RECURSIVE more(l) AS (SELECT [1] UNION ALL SELECT list_concat(l, l) FROM more) SELECT max(len(l)) FROM more

SELECT max(list_sum([x * y FOR x IN l])) FROM (SELECT list(range) AS l FROM range(100000)), range(100000) AS t(y)

SELECT sum(1) FROM generate_series(1, 9223372036854775807)

SELECT max(range) FROM range(9223372036854775807)

SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM range(10000000000) AS t(x) ORDER BY 1 DESC

-- What the warehouse keeps. No keys and no indexes: scans are quick enough, and the ingest alone writes.
-- A row's place in the journal (writer, segment, position in bytes) is its identity.

CREATE SCHEMA IF NOT EXISTS caller;

-- How far each segment of the journal has been taken in. `starts`: its writer began a life with it.
CREATE TABLE IF NOT EXISTS kept.segments (
    writer VARCHAR, segment INTEGER, taken BIGINT, lines BIGINT, torn BIGINT, starts BOOLEAN, done BOOLEAN
);

CREATE TABLE IF NOT EXISTS kept.exchanges (
    audit_id VARCHAR,
    started TIMESTAMP,
    ended TIMESTAMP,
    caller VARCHAR,
    tier VARCHAR,
    endpoint VARCHAR,
    method VARCHAR,
    status INTEGER,
    outcome VARCHAR,
    streamed BOOLEAN,
    model VARCHAR,
    model_used VARCHAR,
    upstream_request_id VARCHAR,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cached_tokens BIGINT,
    cost DOUBLE,
    overhead_ms DOUBLE,
    first_byte_ms DOUBLE,
    total_ms DOUBLE,
    safety_mode VARCHAR,
    signals JSON,
    changes JSON,
    refusal VARCHAR,
    error VARCHAR,
    reasoning_tokens BIGINT,
    usage_estimated BOOLEAN,
    cost_basis VARCHAR,
    refusal_message VARCHAR,
    refusal_status INTEGER,
    trace_id BLOB,
    prompt_hash BLOB,
    answer_hash BLOB,
    audio_input_tokens BIGINT,
    audio_output_tokens BIGINT,
    cached_audio_tokens BIGINT,
    route JSON,
    tools JSON,
    retrieval JSON,
    policy VARCHAR,
    parameters JSON,
    degraded JSON,
    attempts STRUCT(
        upstream VARCHAR, model VARCHAR, began_ns BIGINT, first_byte_ns BIGINT, ended_ns BIGINT,
        status INTEGER, request_id VARCHAR, error VARCHAR
    )[],
    trail STRUCT(
        hook VARCHAR, plugin VARCHAR, version VARCHAR, began_ns BIGINT, took_ns BIGINT, answer JSON, fault VARCHAR,
        times INTEGER
    )[],
    more JSON,
    seal BLOB,
    writer VARCHAR,
    segment INTEGER,
    position BIGINT
);

-- Exchanges that have begun, and of whose end the journal does not know (yet).
CREATE TABLE IF NOT EXISTS kept.begun (
    audit_id VARCHAR, started TIMESTAMP, caller VARCHAR, tier VARCHAR, endpoint VARCHAR, method VARCHAR, model VARCHAR,
    more JSON, seal BLOB, writer VARCHAR, segment INTEGER, position BIGINT
);

CREATE TABLE IF NOT EXISTS kept.incidents (
    audit_id VARCHAR, happened TIMESTAMP, caller VARCHAR, tool VARCHAR, reason VARCHAR, action VARCHAR,
    more JSON, seal BLOB, writer VARCHAR, segment INTEGER, position BIGINT
);

CREATE TABLE IF NOT EXISTS kept.feedback (
    audit_id VARCHAR, happened TIMESTAMP, caller VARCHAR, rating DOUBLE, note VARCHAR, tags VARCHAR[],
    more JSON, seal BLOB, writer VARCHAR, segment INTEGER, position BIGINT
);

-- All other events, known by name or not, whole.
CREATE TABLE IF NOT EXISTS kept.events (
    event VARCHAR, audit_id VARCHAR, happened TIMESTAMP, caller VARCHAR,
    line JSON, writer VARCHAR, segment INTEGER, position BIGINT
);

-- Lines that could not be read; `line` holds the first 4096 bytes.
CREATE TABLE IF NOT EXISTS kept.malformed (
    reason VARCHAR, bytes BIGINT, line BLOB, writer VARCHAR, segment INTEGER, position BIGINT
);

CREATE TABLE IF NOT EXISTS kept.usage (
    day DATE, caller VARCHAR, tier VARCHAR, endpoint VARCHAR, model VARCHAR,
    exchanges BIGINT, answered BIGINT, refused BIGINT, failed BIGINT,
    input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, cost DOUBLE, uncosted BIGINT
);

-- A histogram of `total_ms`: the bucket n holds what lies between 1.05^(n-1) and 1.05^n milliseconds.
CREATE TABLE IF NOT EXISTS kept.latency (
    minute TIMESTAMP, endpoint VARCHAR, model VARCHAR, bucket SMALLINT, exchanges BIGINT
);

-- The Parquet files that count; a file that is not named here is not read.
CREATE TABLE IF NOT EXISTS kept.archived (
    kind VARCHAR, day DATE, file VARCHAR, archived_rows BIGINT, bytes BIGINT, archived TIMESTAMP
);

-- Has a row while bytes of rows that the retention took away may still be in this file.
CREATE TABLE IF NOT EXISTS kept.leftovers (there BOOLEAN);

-- Places whose rows are archived already; empty, but for the time of a rebuild.
CREATE TABLE IF NOT EXISTS kept.already (writer VARCHAR, segment INTEGER, position BIGINT);

-- Who stands behind a pseudonym, as far as the keyring of this process knows; NULL for one who was erased.
CREATE OR REPLACE VIEW kept.people AS
SELECT pseudonym, any_value(principal) AS principal FROM memory.main.people GROUP BY pseudonym;

CREATE OR REPLACE MACRO kept.shown(caller, known, principal) AS
    CASE WHEN known IS NULL THEN caller ELSE coalesce(principal, 'erased') END;

-- Base64url or hexadecimal as bytes, NULL where it is neither.
CREATE OR REPLACE MACRO kept.bytes_of(text) AS CASE length(text)
    WHEN 64 THEN try(unhex(text))
    WHEN 43 THEN try(from_base64(replace(replace(text, '-', '+'), '_', '/') || '='))
END;

-- Bytes as base64url, as records and their pages spell hashes.
CREATE OR REPLACE MACRO kept.spelled(bytes) AS
    rtrim(replace(replace(base64(bytes), '+', '-'), '/', '_'), '=');

-- What is left of a trail after a while: the steps that answered something, or broke.
CREATE OR REPLACE MACRO kept.telling(trail) AS
    list_filter(trail, lambda step: step.answer IS NOT NULL OR step.fault IS NOT NULL);

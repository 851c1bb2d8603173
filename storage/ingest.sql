-- Takes the slices of the journal into the tables; runs in the transaction that moves the segments' marks as well.
-- What stands behind `-- Slice NAME` is run where the slice has rows.

-- Slice ended
CREATE OR REPLACE TEMP TABLE incoming AS
SELECT
    line.audit_id,
    line.started,
    line.ended,
    line.caller,
    line.tier,
    line.endpoint,
    line.method,
    line.status,
    line.outcome,
    line.streamed,
    line.model,
    line.model_used,
    line.upstream_request_id,
    line.usage.input_tokens,
    line.usage.output_tokens,
    CASE WHEN line.usage IS NOT NULL THEN coalesce(line.usage.cached_tokens, 0) END AS cached_tokens,
    line.cost,
    line.overhead_ms,
    line.first_byte_ms,
    line.total_ms,
    line.safety_mode,
    line.signals,
    line.changes,
    line.refusal.code AS refusal,
    line.error,
    CASE WHEN line.usage IS NOT NULL THEN coalesce(line.usage.reasoning_tokens, 0) END AS reasoning_tokens,
    CASE WHEN line.usage IS NOT NULL THEN coalesce(line.usage.estimated, false) END AS usage_estimated,
    line.cost_basis,
    line.refusal.message AS refusal_message,
    line.refusal.status AS refusal_status,
    try(unhex(line.trace_id)) AS trace_id,
    kept.bytes_of(line.prompt_hash) AS prompt_hash,
    kept.bytes_of(line.answer_hash) AS answer_hash,
    line.usage.audio_input_tokens,
    line.usage.audio_output_tokens,
    line.usage.cached_audio_tokens,
    line.route,
    line.tools,
    line.retrieval,
    line.policy,
    line.parameters,
    line.degraded,
    coalesce(line.attempts, []) AS attempts,
    coalesce(line.trail, []) AS trail,
    more,
    kept.bytes_of(line.seal) AS seal,
    writer,
    segment,
    position
FROM read_json(
    getvariable('slice_ended'),
    format = 'newline_delimited',
    maximum_object_size = getvariable('longest')::UINTEGER,
    columns = {
        writer: 'VARCHAR',
        segment: 'INTEGER',
        position: 'BIGINT',
        more: 'JSON',
        line: 'STRUCT(
            audit_id VARCHAR, started TIMESTAMP, ended TIMESTAMP, caller VARCHAR, tier VARCHAR, endpoint VARCHAR,
            "method" VARCHAR, status INTEGER, outcome VARCHAR, streamed BOOLEAN, model VARCHAR, model_used VARCHAR,
            upstream_request_id VARCHAR,
            "usage" STRUCT(
                input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, reasoning_tokens BIGINT,
                estimated BOOLEAN, audio_input_tokens BIGINT, audio_output_tokens BIGINT, cached_audio_tokens BIGINT
            ),
            cost DOUBLE, cost_basis VARCHAR, overhead_ms DOUBLE, first_byte_ms DOUBLE, total_ms DOUBLE,
            safety_mode VARCHAR, signals JSON, changes JSON, route JSON, tools JSON, retrieval JSON,
            policy VARCHAR, parameters JSON, degraded JSON,
            refusal STRUCT(message VARCHAR, code VARCHAR, status INTEGER),
            error VARCHAR, trace_id VARCHAR, prompt_hash VARCHAR, answer_hash VARCHAR,
            attempts STRUCT(
                upstream VARCHAR, model VARCHAR, began_ns BIGINT, first_byte_ns BIGINT, ended_ns BIGINT,
                status INTEGER, request_id VARCHAR, error VARCHAR
            )[],
            trail STRUCT(
                hook VARCHAR, plugin VARCHAR, "version" VARCHAR, began_ns BIGINT, took_ns BIGINT, answer JSON,
                fault VARCHAR, times INTEGER
            )[],
            seal VARCHAR
        )'
    }
)
ANTI JOIN kept.already USING (writer, segment, position);

INSERT INTO kept.exchanges BY NAME SELECT * FROM incoming;

DELETE FROM kept.begun WHERE audit_id IN (SELECT audit_id FROM incoming);

-- Slice began
INSERT INTO kept.begun BY NAME
SELECT
    line.audit_id, line.at AS started, line.caller, line.tier, line.endpoint, line.method, line.model,
    more, kept.bytes_of(line.seal) AS seal, writer, segment, position
FROM read_json(
    getvariable('slice_began'),
    format = 'newline_delimited',
    maximum_object_size = getvariable('longest')::UINTEGER,
    columns = {
        writer: 'VARCHAR',
        segment: 'INTEGER',
        position: 'BIGINT',
        more: 'JSON',
        line: 'STRUCT(
            audit_id VARCHAR, "at" TIMESTAMP, caller VARCHAR, tier VARCHAR, endpoint VARCHAR, "method" VARCHAR,
            model VARCHAR, seal VARCHAR
        )'
    }
)
ANTI JOIN kept.already USING (writer, segment, position);

-- Slice incident
INSERT INTO kept.incidents BY NAME
SELECT
    line.audit_id, line.at AS happened, line.caller, line.tool, line.reason, line.action,
    more, kept.bytes_of(line.seal) AS seal, writer, segment, position
FROM read_json(
    getvariable('slice_incident'),
    format = 'newline_delimited',
    maximum_object_size = getvariable('longest')::UINTEGER,
    columns = {
        writer: 'VARCHAR',
        segment: 'INTEGER',
        position: 'BIGINT',
        more: 'JSON',
        line: 'STRUCT(
            audit_id VARCHAR, "at" TIMESTAMP, caller VARCHAR, tool VARCHAR, reason VARCHAR, "action" VARCHAR,
            seal VARCHAR
        )'
    }
)
ANTI JOIN kept.already USING (writer, segment, position);

-- Slice feedback
INSERT INTO kept.feedback BY NAME
SELECT
    line.audit_id, line.at AS happened, line.caller, line.rating, line.note, line.tags,
    more, kept.bytes_of(line.seal) AS seal, writer, segment, position
FROM read_json(
    getvariable('slice_feedback'),
    format = 'newline_delimited',
    maximum_object_size = getvariable('longest')::UINTEGER,
    columns = {
        writer: 'VARCHAR',
        segment: 'INTEGER',
        position: 'BIGINT',
        more: 'JSON',
        line: 'STRUCT(
            audit_id VARCHAR, "at" TIMESTAMP, caller VARCHAR, rating DOUBLE, note VARCHAR, tags VARCHAR[], seal VARCHAR
        )'
    }
)
ANTI JOIN kept.already USING (writer, segment, position);

-- Slice other
INSERT INTO kept.events BY NAME
SELECT
    line->>'$.event' AS event,
    line->>'$.audit_id' AS audit_id,
    try_cast(line->>'$.at' AS TIMESTAMP) AS happened,
    line->>'$.caller' AS caller,
    line,
    writer,
    segment,
    position
FROM read_json(
    getvariable('slice_other'),
    format = 'newline_delimited',
    maximum_object_size = getvariable('longest')::UINTEGER,
    columns = {writer: 'VARCHAR', segment: 'INTEGER', position: 'BIGINT', line: 'JSON'}
)
ANTI JOIN kept.already USING (writer, segment, position);

-- Every exchange there is: those whose end is known, those that were lost, and those of older days.
CREATE OR REPLACE VIEW kept.lost AS
SELECT begun.* FROM kept.begun AS begun
WHERE segment < (SELECT max(segment) FROM kept.segments AS later WHERE later.writer = begun.writer AND later.starts);

CREATE OR REPLACE VIEW kept.every_exchange AS
SELECT * FROM kept.exchanges
UNION ALL BY NAME
SELECT 'lost' AS outcome, * FROM kept.lost
UNION ALL BY NAME
SELECT * FROM read_parquet(getvariable('archived_exchanges'), union_by_name = true, hive_partitioning = false);

-- What a connection may see of them: its own rows, or all; the caller by principal, as long as the keyring knows it.
CREATE OR REPLACE VIEW kept.seen_exchange AS
SELECT each.* REPLACE (kept.shown(each.caller, who.pseudonym, who.principal) AS caller)
FROM kept.every_exchange AS each LEFT JOIN kept.people AS who ON who.pseudonym = each.caller
WHERE getvariable('person') = '*' OR each.caller = getvariable('person');

CREATE OR REPLACE VIEW exchanges AS
SELECT
    audit_id,
    started,
    ended,
    caller,
    tier,
    endpoint,
    method,
    status,
    outcome,
    streamed,
    model,
    model_used,
    upstream_request_id,
    input_tokens,
    output_tokens,
    cached_tokens,
    cost,
    overhead_ms,
    first_byte_ms,
    total_ms,
    safety_mode,
    signals,
    changes,
    refusal,
    error,
    reasoning_tokens,
    usage_estimated,
    cost_basis,
    refusal_message,
    refusal_status,
    lower(hex(trace_id)) AS trace_id,
    kept.spelled(prompt_hash) AS prompt_hash,
    kept.spelled(answer_hash) AS answer_hash,
    audio_input_tokens,
    audio_output_tokens,
    cached_audio_tokens,
    route,
    tools,
    retrieval,
    policy,
    parameters,
    degraded,
    attempts[-1].status AS upstream_status,
    coalesce(attempts[1].began_ns / 1e6, total_ms) AS decide_ms,
    list_sum([coalesce(each.first_byte_ns, each.ended_ns) - each.began_ns for each in attempts]) / 1e6 AS wait_ms,
    list_sum([each.ended_ns - each.first_byte_ns for each in attempts]) / 1e6 AS relay_ms,
    attempts,
    trail,
    more,
    writer,
    segment,
    position
FROM kept.seen_exchange;

COMMENT ON VIEW exchanges IS 'One row for each request to the model API, whatever its end.';
COMMENT ON COLUMN exchanges.audit_id IS 'The name of the exchange, as in the header x-lukhas-audit-id.';
COMMENT ON COLUMN exchanges.started IS 'When it arrived (UTC).';
COMMENT ON COLUMN exchanges.ended IS 'When its end was recorded (UTC); NULL for a lost one.';
COMMENT ON COLUMN exchanges.caller IS 'The principal of the caller, `erased` for one who was erased; NULL where nobody was identified.';
COMMENT ON COLUMN exchanges.tier IS 'The tier of the caller, T1 to T5.';
COMMENT ON COLUMN exchanges.endpoint IS 'The operation of the API, `other` for a path that is not known.';
COMMENT ON COLUMN exchanges.method IS 'The HTTP method.';
COMMENT ON COLUMN exchanges.status IS 'The HTTP status that the client got; NULL where it got none.';
COMMENT ON COLUMN exchanges.outcome IS 'answered, refused, upstream_error, client_gone, cut, stopped, failed; lost where the gateway was killed.';
COMMENT ON COLUMN exchanges.streamed IS 'Whether a stream of events was asked for.';
COMMENT ON COLUMN exchanges.model IS 'The model that was asked for.';
COMMENT ON COLUMN exchanges.model_used IS 'The model that the reply names.';
COMMENT ON COLUMN exchanges.upstream_request_id IS 'The x-request-id of the last upstream call.';
COMMENT ON COLUMN exchanges.input_tokens IS 'Tokens that went in, cached ones included; NULL where they are not known.';
COMMENT ON COLUMN exchanges.output_tokens IS 'Tokens that came out, reasoning included.';
COMMENT ON COLUMN exchanges.cached_tokens IS 'Those of the input tokens that the upstream had cached.';
COMMENT ON COLUMN exchanges.cost IS 'US dollars; NULL where there are no tokens, or no price is known.';
COMMENT ON COLUMN exchanges.overhead_ms IS 'Milliseconds that the gateway took, the waiting for upstreams not counted.';
COMMENT ON COLUMN exchanges.first_byte_ms IS 'Milliseconds from the arrival to the first byte of the upstream.';
COMMENT ON COLUMN exchanges.total_ms IS 'Milliseconds from the arrival to the end.';
COMMENT ON COLUMN exchanges.safety_mode IS 'The safety mode in force: strict, balanced, creative.';
COMMENT ON COLUMN exchanges.signals IS 'The levels of the signals, as JSON; see the view signals.';
COMMENT ON COLUMN exchanges.changes IS 'What was changed and why, as JSON; see the view changes.';
COMMENT ON COLUMN exchanges.refusal IS 'The code of the refusal; NULL where nothing was refused.';
COMMENT ON COLUMN exchanges.error IS 'What went wrong, in a sentence.';
COMMENT ON COLUMN exchanges.reasoning_tokens IS 'Those of the output tokens that were reasoning.';
COMMENT ON COLUMN exchanges.usage_estimated IS 'Whether the tokens were counted by the gateway because the reply did not say.';
COMMENT ON COLUMN exchanges.cost_basis IS 'Which price was taken; `unknown` where there is none.';
COMMENT ON COLUMN exchanges.refusal_message IS 'The refusal as the client read it.';
COMMENT ON COLUMN exchanges.refusal_status IS 'The HTTP status of the refusal.';
COMMENT ON COLUMN exchanges.trace_id IS 'The W3C trace id that the client sent.';
COMMENT ON COLUMN exchanges.prompt_hash IS 'HMAC-SHA-256 of the body of the request as it came, under a key of the caller, in base64url as everywhere.';
COMMENT ON COLUMN exchanges.answer_hash IS 'HMAC-SHA-256 of the body of the reply as it went out, under a key of the caller, in base64url as everywhere.';
COMMENT ON COLUMN exchanges.audio_input_tokens IS 'Those of the input tokens that were sound; NULL where none were.';
COMMENT ON COLUMN exchanges.audio_output_tokens IS 'Those of the output tokens that were sound; NULL where none were.';
COMMENT ON COLUMN exchanges.cached_audio_tokens IS 'Those of the cached tokens that were sound; NULL where none were.';
COMMENT ON COLUMN exchanges.route IS 'Where a plugin sent it, and which target answered, as JSON; NULL for the default.';
COMMENT ON COLUMN exchanges.tools IS 'The tools that were offered, and the calls that ran or were blocked, as JSON; see the view tool_calls.';
COMMENT ON COLUMN exchanges.retrieval IS 'How much the model was reminded of, as JSON: hits, characters.';
COMMENT ON COLUMN exchanges.policy IS 'What names the policies that were in force.';
COMMENT ON COLUMN exchanges.parameters IS 'What the client set of what a policy may change, as JSON; NULL where it set nothing.';
COMMENT ON COLUMN exchanges.degraded IS 'What could not be done as it should have been, as JSON; NULL where nothing.';
COMMENT ON COLUMN exchanges.upstream_status IS 'The HTTP status of the last upstream call; NULL where none came.';
COMMENT ON COLUMN exchanges.decide_ms IS 'Milliseconds until the first upstream call: identify to shape, and the body of the request.';
COMMENT ON COLUMN exchanges.wait_ms IS 'Milliseconds of waiting for first bytes of upstreams.';
COMMENT ON COLUMN exchanges.relay_ms IS 'Milliseconds from first bytes to the ends of replies.';
COMMENT ON COLUMN exchanges.attempts IS 'The requests to upstreams; see the view attempts.';
COMMENT ON COLUMN exchanges.trail IS 'What each hook of each plugin did; of older days the steps that answered something.';
COMMENT ON COLUMN exchanges.more IS 'What else the record says, as JSON.';
COMMENT ON COLUMN exchanges.writer IS 'Who wrote the record: the folder in the journal.';
COMMENT ON COLUMN exchanges.segment IS 'The number of the segment in the journal.';
COMMENT ON COLUMN exchanges.position IS 'Where the line begins in its segment, in bytes.';

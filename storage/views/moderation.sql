CREATE OR REPLACE VIEW moderation AS
SELECT
    audit_id,
    happened,
    caller,
    hook,
    plugin,
    answer->>'$.answer' AS verdict,
    answer->>'$.code' AS code,
    coalesce(answer->>'$.because', answer->>'$.message') AS because
FROM kept.seen_answer
WHERE hook IN ('judge', 'watch', 'review', 'allow_tool')
    AND answer->>'$.answer' IN ('refusal', 'redact', 'cut', 'retry');

COMMENT ON VIEW moderation IS 'One row for each time that a plugin withheld something: a request, a text, a call, a reply.';
COMMENT ON COLUMN moderation.audit_id IS 'The exchange.';
COMMENT ON COLUMN moderation.happened IS 'When the plugin was asked (UTC).';
COMMENT ON COLUMN moderation.caller IS 'The principal of the caller.';
COMMENT ON COLUMN moderation.hook IS 'judge for requests, watch for texts, allow_tool for calls, review for replies.';
COMMENT ON COLUMN moderation.plugin IS 'The plugin.';
COMMENT ON COLUMN moderation.verdict IS 'refusal, redact, cut, retry.';
COMMENT ON COLUMN moderation.code IS 'The machine-readable reason.';
COMMENT ON COLUMN moderation.because IS 'The reason in words.';

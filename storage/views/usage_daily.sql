CREATE OR REPLACE VIEW usage_daily AS
SELECT
    day, kept.shown(each.caller, who.pseudonym, who.principal) AS caller, tier, endpoint, model,
    exchanges, answered, refused, failed, input_tokens, output_tokens, cached_tokens, cost, uncosted
FROM kept.usage AS each LEFT JOIN kept.people AS who ON who.pseudonym = each.caller
WHERE getvariable('person') = '*' OR each.caller = getvariable('person');

COMMENT ON VIEW usage_daily IS 'Sums of the exchanges that ended, by day, caller and model; kept as they come, so they are quick to ask.';
COMMENT ON COLUMN usage_daily.day IS 'The day on which the exchanges arrived (UTC).';
COMMENT ON COLUMN usage_daily.caller IS 'The principal of the caller.';
COMMENT ON COLUMN usage_daily.tier IS 'The tier of the caller.';
COMMENT ON COLUMN usage_daily.endpoint IS 'The operation of the API.';
COMMENT ON COLUMN usage_daily.model IS 'The model that was asked for.';
COMMENT ON COLUMN usage_daily.exchanges IS 'How many exchanges.';
COMMENT ON COLUMN usage_daily.answered IS 'How many of them were answered.';
COMMENT ON COLUMN usage_daily.refused IS 'How many were refused.';
COMMENT ON COLUMN usage_daily.failed IS 'How many ended in another way.';
COMMENT ON COLUMN usage_daily.input_tokens IS 'Tokens that went in.';
COMMENT ON COLUMN usage_daily.output_tokens IS 'Tokens that came out.';
COMMENT ON COLUMN usage_daily.cached_tokens IS 'Those of the input tokens that were cached.';
COMMENT ON COLUMN usage_daily.cost IS 'US dollars, of the exchanges whose price is known.';
COMMENT ON COLUMN usage_daily.uncosted IS 'How many exchanges with tokens have no known price.';

-- Adds the exchanges in `incoming` to the sums by day and the histograms by minute.

-- So that only what is as new as they are is looked through.
SET VARIABLE earliest = (SELECT date_trunc('minute', min(started)) FROM incoming);

MERGE INTO kept.usage AS sums
USING (
    SELECT
        started::DATE AS day, caller, tier, endpoint, model,
        count(*) AS exchanges,
        count(*) FILTER (outcome = 'answered') AS answered,
        count(*) FILTER (outcome = 'refused') AS refused,
        count(*) FILTER (outcome NOT IN ('answered', 'refused')) AS failed,
        coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
        coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens,
        coalesce(sum(cached_tokens), 0)::BIGINT AS cached_tokens,
        coalesce(sum(cost), 0) AS cost,
        count(*) FILTER (cost IS NULL AND input_tokens IS NOT NULL) AS uncosted
    FROM incoming
    WHERE outcome <> 'lost' AND started IS NOT NULL
    GROUP BY ALL
) AS new
ON sums.day >= getvariable('earliest')::DATE
    AND sums.day = new.day
    AND sums.caller IS NOT DISTINCT FROM new.caller
    AND sums.tier IS NOT DISTINCT FROM new.tier
    AND sums.endpoint IS NOT DISTINCT FROM new.endpoint
    AND sums.model IS NOT DISTINCT FROM new.model
WHEN MATCHED THEN UPDATE SET
    exchanges = sums.exchanges + new.exchanges,
    answered = sums.answered + new.answered,
    refused = sums.refused + new.refused,
    failed = sums.failed + new.failed,
    input_tokens = sums.input_tokens + new.input_tokens,
    output_tokens = sums.output_tokens + new.output_tokens,
    cached_tokens = sums.cached_tokens + new.cached_tokens,
    cost = sums.cost + new.cost,
    uncosted = sums.uncosted + new.uncosted
WHEN NOT MATCHED THEN INSERT;

MERGE INTO kept.latency AS histogram
USING (
    SELECT
        date_trunc('minute', started) AS minute, endpoint, model,
        ceil(ln(greatest(total_ms, 0.001)) / ln(1.05))::SMALLINT AS bucket,
        count(*) AS exchanges
    FROM incoming
    WHERE outcome = 'answered' AND total_ms IS NOT NULL AND started IS NOT NULL
    GROUP BY ALL
) AS new
ON histogram.minute >= getvariable('earliest')
    AND histogram.minute = new.minute
    AND histogram.endpoint IS NOT DISTINCT FROM new.endpoint
    AND histogram.model IS NOT DISTINCT FROM new.model
    AND histogram.bucket = new.bucket
WHEN MATCHED THEN UPDATE SET exchanges = histogram.exchanges + new.exchanges
WHEN NOT MATCHED THEN INSERT;

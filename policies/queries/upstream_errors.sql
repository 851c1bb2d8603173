-- What went wrong at the upstreams.
-- $hours INTEGER = 24: how far back
SELECT upstream, status, error, count(*) AS attempts, max(happened) AS latest
FROM attempts
WHERE happened >= now()::TIMESTAMP - to_hours($hours) AND (error IS NOT NULL OR status >= 400)
GROUP BY ALL
ORDER BY attempts DESC

-- Which tools were blocked most, and why.
-- $hours INTEGER = 24: how far back
SELECT tool, reason, count(*) AS incidents, count(DISTINCT caller) AS callers, max(happened) AS latest
FROM incidents
WHERE happened >= now()::TIMESTAMP - to_hours($hours)
GROUP BY ALL
ORDER BY incidents DESC, tool

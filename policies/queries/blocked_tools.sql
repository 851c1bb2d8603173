-- Which tools were blocked most, and why.
-- $hours INTEGER = 24: how far back
SELECT tool, because, count(*) AS times, count(DISTINCT caller) AS callers, max(happened) AS latest
FROM tool_calls
WHERE status = 'blocked' AND happened >= now()::TIMESTAMP - to_hours($hours)
GROUP BY ALL
ORDER BY times DESC, tool

-- What was refused, to whom, and why.
-- $hours INTEGER = 24: how far back
SELECT refusal, caller, count(*) AS exchanges, max(started) AS latest, any_value(refusal_message) AS message
FROM exchanges
WHERE started >= now()::TIMESTAMP - to_hours($hours) AND outcome = 'refused'
GROUP BY ALL
ORDER BY exchanges DESC

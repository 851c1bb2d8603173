"""Tells an exchange in plain sentences, for a person who has never seen the system."""

from collections.abc import Iterator

from gateway.office.audit.findings import changes_of, decisions_of, refused_by
from gateway.office.audit.record import Attempt, Record, Route
from gateway.office.audit.units import counted, dollars, duration, listed, moment, number
from identity.keyring import ERASED

HEADLINES = {
    "answered": "Answered",
    "refused": "Refused",
    "upstream_error": "The model server failed",
    "client_gone": "The caller left before the end",
    "cut": "Broken off in the middle",
    "stopped": "Broken off because the gateway was stopped",
    "failed": "Failed inside the gateway",
    "lost": "Lost: the gateway ended before the answer did",
}
MOST_NAMED = 12
UNDER_WAY = "Begun, and not ended yet"


def headline(record: Record) -> str:
    """Gives the end of the exchange in a few words."""
    if record.event == "began":
        return UNDER_WAY
    if record.outcome == "answered" and record.status is not None and record.status >= 400:
        return f"An error of the model server, passed on: status {record.status}"
    end = HEADLINES.get(record.outcome or "", record.outcome or "An exchange")
    return f"{end} in {duration(record.total_ms)}" if record.outcome == "answered" and record.total_ms else end


def story(record: Record) -> list[str]:
    """Gives the sentences."""
    return [sentence for part in (_asked, _decided, _sent, _worked, _ended, _took) for sentence in part(record)]


def _asked(record: Record) -> Iterator[str]:
    began = record.started or record.at
    when = f"On {moment(began)}" if began else "At an unknown time"
    who = f"the caller {record.caller}" if record.caller else "someone whom the gateway did not know"
    who = "someone who was erased since" if record.caller == ERASED else who
    tier = f" (tier {record.tier})" if record.caller and record.tier else ""
    what = f"asked for {record.model}" if record.model else "sent a request"
    where = f" at the endpoint {record.endpoint}" if record.endpoint and record.endpoint != "other" else ""
    stream = ", with the answer to come word by word" if record.streamed else ""
    yield f"{when} {who}{tier} {what}{where}{stream}."
    if record.event == "began":
        yield "The request was let through. There is no word yet of how it ended."


def _decided(record: Record) -> Iterator[str]:
    if record.event == "began":
        return
    if record.refusal is not None and record.outcome == "refused":
        by = refused_by(record)
        who = f"The plugin {by}" if by else "The gateway"
        sent = "The model was never asked" if not record.attempts else "The model had answered by then"
        yield f"{who} turned it away: {_sentence(record.refusal.message)} {sent}."
        return
    plugins = list(dict.fromkeys(step.plugin for step in record.trail))
    changes = changes_of(record)
    applied = [change for change in changes if change.applied and not change.in_reply]
    amended = [change for change in changes if change.applied and change.in_reply]
    if applied:
        names = listed(list(dict.fromkeys(change.parameter for change in applied))[:MOST_NAMED])
        yield f"Before it went out the gateway changed {names}; the reasons stand below."
    elif changes and not amended:
        yield "The gateway worked out changes but did not make them: it only watches (shadow mode)."
    elif plugins and not amended:
        names = listed(plugins[:MOST_NAMED])
        yield f"{counted(len(plugins), 'plugin')} looked at it ({names}), and none changed it."
    if amended:
        names = listed(list(dict.fromkeys(change.parameter for change in amended))[:MOST_NAMED])
        yield f"Before the answer went out the gateway changed {names} in it."
    grave = [decision for decision in decisions_of(record) if decision.grave and decision.says != "refused"]
    for decision in grave[:MOST_NAMED]:
        yield f"The plugin {decision.plugin} {decision.says} in the step {decision.hook}."


def _sent(record: Record) -> Iterator[str]:
    last = record.attempts[-1] if record.attempts else None
    if last is None:
        return
    tries = f" after {counted(len(record.attempts), 'attempt')}" if len(record.attempts) > 1 else ""
    if record.route is not None:
        yield f"A plugin chose where it goes: {routed(record.route)}."
    yield f"{_answer_of(last)}{tries}{_answered_by(record)}."
    usage = record.usage
    if usage is not None:
        cached = f", {number(usage.cached_tokens)} of them from its cache" if usage.cached_tokens else ""
        thought = f", {number(usage.reasoning_tokens)} of them to think" if usage.reasoning_tokens else ""
        guess = " These counts are the gateway's own, since the answer had none." if usage.estimated else ""
        yield (
            f"The model read {counted(usage.input_tokens, 'token')}{cached}, and wrote "
            f"{number(usage.output_tokens)}{thought}.{guess}"
        )
    if record.cost is not None:
        yield f"That cost {dollars(record.cost)}."
    elif record.cost_basis is not None:
        yield "What that cost is not known: the price table does not have this model, service or kind of token."


def _worked(record: Record) -> Iterator[str]:
    tools = record.tools
    if tools is None:
        return
    used = list(dict.fromkeys(each.name for each in tools.used))
    if used:
        yield f"On the way {counted(len(tools.used), 'call')} of tools ran here: {listed(used[:MOST_NAMED])}."
    blocked = list(dict.fromkeys(each.name for each in tools.blocked))
    if blocked:
        calls = counted(len(tools.blocked), "call")
        yield f"The model wanted more than it may: {calls} of {listed(blocked[:MOST_NAMED])} did not get through."


def routed(route: Route) -> str:
    """Gives the targets of a route in words, and which of them answered."""
    targets = listed([f"{each.upstream} ({each.model})" if each.model else each.upstream for each in route.targets])
    answered = route.answered
    if answered is None or len(route.targets) < 2 or answered >= len(route.targets):
        return targets
    return f"{targets}; number {answered + 1} answered"


def _answer_of(attempt: Attempt) -> str:
    took = duration((attempt.ended_ns - attempt.began_ns) / 1e6) if attempt.ended_ns >= attempt.began_ns else "no time"
    if attempt.error is not None or attempt.status is None:
        why = f": {attempt.error}" if attempt.error else ""
        return f"The model server gave no whole answer within {took}{why}"
    answer = "answered" if attempt.status < 400 else "answered with an error"
    return f"The model server {answer} (status {attempt.status}) within {took}"


def _answered_by(record: Record) -> str:
    if record.model_used and record.model_used != record.model:
        return f"; the model that worked was {record.model_used}"
    return ""


def _ended(record: Record) -> Iterator[str]:
    ends = {
        "client_gone": "The caller closed the connection before the answer was complete; the model server was told.",
        "cut": "The answer broke off on its way, and the caller was told so.",
        "stopped": "The gateway was stopped while the answer was on its way.",
        "failed": "The fault was the gateway's own; its log says more.",
        "lost": "The gateway's process ended before the answer did, so nobody knows what the caller received.",
    }
    if record.outcome in ends:
        yield ends[record.outcome]
    if record.error and not any(attempt.error == record.error for attempt in record.attempts):
        yield f"What went wrong: {_sentence(record.error)}"


def _took(record: Record) -> Iterator[str]:
    if record.total_ms is not None and record.overhead_ms is not None and record.attempts:
        yield (
            f"Of {duration(record.total_ms)} in all, {duration(record.overhead_ms)} were the gateway's own; "
            "the rest was the wait for the model."
        )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."

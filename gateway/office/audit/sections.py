"""The parts of the page about one exchange; each is nothing where the record has nothing to say of it."""

from collections.abc import Iterable, Sequence
from itertools import islice

from gateway.office.audit.findings import after_of, changes_of, decisions_of, degraded_by, signals_of
from gateway.office.audit.markup import NOTHING, Markup, element, joined
from gateway.office.audit.record import Blocked, Change, Record, Retrieval, Signal, Step, Usage
from gateway.office.audit.story import routed, story
from gateway.office.audit.units import dollars, duration, exact, level, moment, number, to_the_millisecond, value_of
from gateway.office.audit.waterfall import KINDS, rows_of, waterfall
from gateway.office.audit.why import why_graph
from gateway.office.audit.words import ANSWERS, GLOSSARY, HOOKS, OUTCOMES, SAFETY

MOST_ROWS = 500
HELD = {False: "computed, not applied (shadow)", True: ""}


def badges(record: Record) -> Markup:
    """The outcome, the safety mode, and what was degraded, each with one line that explains it."""
    said = []
    if record.outcome is not None:
        said.append(_badge(record.outcome.replace("_", " "), *outcome_told(record)))
    if record.safety_mode is not None:
        said.append(_badge(record.safety_mode, *SAFETY.get(record.safety_mode, ("", "A mode that this page lacks."))))
    degraded = degraded_by(record)
    if degraded:
        said.append(_badge("degraded", "amber", "Something was missing: " + "; ".join(degraded[:5]) + "."))
    if record.logged_by is not None:
        said.append(_badge("reported", "blue", f"Told by {record.logged_by}; this gateway did not carry it."))
    return element("ul", *said, class_="badges") if said else NOTHING


def outcome_told(record: Record) -> tuple[str, str]:
    """Gives the colour of an outcome and one line about it."""
    if record.outcome == "answered" and record.status is not None and record.status >= 400:
        return "amber", f"The model server's own error, status {record.status}, was passed on."
    return OUTCOMES.get(record.outcome or "", ("", "An outcome that this page does not know."))


def told(record: Record) -> Markup:
    """What happened, in sentences; first whatever the record itself says as its explanation."""
    reported = (
        f"This was reported by {record.logged_by}. The gateway did not carry it and cannot vouch for it."
        if record.logged_by is not None
        else None
    )
    sentences = [each for each in (reported, record.explanation, *story(record)) if each]
    return _section("What happened", *(element("p", each) for each in sentences), class_="story")


def signals(record: Record) -> Markup:
    """What was read off the request."""
    found = signals_of(record)
    if not found:
        return NOTHING
    rows = [
        (element("th", name, scope="row"), _cell(_meter(each.level), " ", level(each.level)), *_cells(*_said_by(each)))
        for name, each in found
    ]
    note = element("p", "Levels go from 0 (nothing of it) to 1 (as much as there can be).", class_="quiet")
    return _section("Signals", note, _table(("signal", "level", "read by", "because"), rows))


def changes(record: Record) -> Markup:
    """What the gateway changed in the request, with the reasons, as a picture and as a table."""
    found = changes_of(record)
    if not found:
        return NOTHING
    before = any(change.before is not None for change in found)
    heads = ("parameter", *(("asked for",) if before else ()), "sent to the model", "because")
    rows = [
        (
            element("th", change.parameter, scope="row"),
            *(_cells(value_of(change.before) if change.before is not None else "—") if before else ()),
            *_cells(after_of(change), _because(change)),
        )
        for change in found
    ]
    answer = (record.outcome or "").replace("_", " ")
    picture = _scroll(why_graph(found, signals_of(record), answer), "Why the request was changed")
    return _section("Why it was asked this way", picture, _table(heads, rows))


def tools(record: Record) -> Markup:
    """Which tools the model might use, which it used, and which calls were blocked."""
    said = record.tools
    if said is None or (not said.allowed and not said.used and not said.blocked):
        return NOTHING
    parts: list[Markup] = []
    if said.allowed:
        parts += [_quiet("Allowed"), _chips((name, "", None) for name in said.allowed)]
    if said.used:
        rows = [
            (
                element("th", tool.name, scope="row"),
                *_cells(tool.status),
                _number(duration(tool.took) if tool.took is not None else ""),
                _number(number(tool.tokens) if tool.tokens is not None else ""),
                *_cells(tool.summary),
            )
            for tool in said.used
        ]
        parts += [_quiet("Used"), _table(("tool", "how it ended", "took", "tokens of the step", "arguments"), rows)]
    if said.blocked:
        parts += [
            _quiet("Blocked: the model asked for these and did not get them"),
            _chips((*_blocked(each), each.summary or None) for each in said.blocked),
        ]
    return _section("Tools", *parts)


def verdicts(record: Record) -> Markup:
    """What moderation, the guardian and the plugins decided."""
    rows = [
        *(
            (element("th", f"Moderation of the {each.of}", scope="row"), *_cells(each.verdict, each.because))
            for each in record.moderation
        ),
        *(
            (element("th", f"{each.plugin} ({each.hook})", scope="row"), *_cells(each.says, each.because))
            for each in decisions_of(record)
        ),
    ]
    if record.guardian is not None:
        rows.insert(
            0, (element("th", "Guardian", scope="row"), *_cells(record.guardian.verdict, record.guardian.because))
        )
    return _section("What was decided", _table(("who", "decided", "because"), rows)) if rows else NOTHING


def times(record: Record) -> Markup:
    """Where the time went, as a picture and, for who cannot see it, as a table."""
    picture = waterfall(record)
    if not picture:
        return NOTHING
    kinds = {bar.kind for row in rows_of(record) for bar in row.bars}
    key = element("ul", *(_key(kind, says) for kind, says in KINDS.items() if kind in kinds), class_="key")
    return _section("Where the time went", _scroll(picture, "Where the time went"), key, steps(record))


def steps(record: Record) -> Markup:
    """Each run of each plugin."""
    rows = [
        (
            element("th", step.hook, scope="row"),
            *_cells(HOOKS.get(step.hook, ""), step.plugin),
            _number(duration(step.began_ns / 1e6)),
            _number(duration(step.took_ns / 1e6)),
            *_cells(step.fault or _answer(step)),
        )
        for step in record.trail[:MOST_ROWS]
    ]
    if not rows:
        return NOTHING
    more = len(record.trail) - len(rows)
    heads = ("hook", "the question", "plugin", "after", "took", "answer")
    return element(
        "details",
        element("summary", "Each step"),
        _table(heads, rows),
        _quiet(f"{number(more)} more steps stand in the raw record.") if more > 0 else None,
    )


def attempts(record: Record) -> Markup:
    """Each request to a model server, where there was more than one or one that failed."""
    if len(record.attempts) < 2 and not any(attempt.error for attempt in record.attempts):
        return NOTHING
    rows = [
        (
            element("th", attempt.upstream, scope="row"),
            *_cells(attempt.model or "", str(attempt.status or ""), attempt.request_id or ""),
            _number(duration(max(0, attempt.ended_ns - attempt.began_ns) / 1e6)),
            *_cells(attempt.error or ""),
        )
        for attempt in record.attempts[:MOST_ROWS]
    ]
    return _section("Attempts", _table(("model server", "model", "status", "its request id", "took", "error"), rows))


def facts(record: Record) -> Markup:
    """The figures and names."""
    usage = record.usage
    said: list[tuple[str, str | None]] = [
        ("Caller", record.caller),
        ("Tier", record.tier),
        ("Endpoint", f"{record.method or ''} {record.endpoint or ''}".strip() or None),
        ("Status", str(record.status) if record.status is not None else None),
        ("Model asked for", record.model),
        ("Model that answered", record.model_used),
        ("Tokens read", number(usage.input_tokens) if usage else None),
        ("Tokens from the cache", number(usage.cached_tokens) if usage and usage.cached_tokens else None),
        ("Tokens written", number(usage.output_tokens) if usage else None),
        ("Tokens of sound", _sound(usage) if usage else None),
        ("Tokens counted by", ("the gateway" if usage.estimated else "the model server") if usage else None),
        ("Cost", dollars(record.cost) if record.cost is not None else ("unknown" if record.cost_basis else None)),
        ("Price", record.cost_basis),
        ("Route", routed(record.route) if record.route else None),
        ("Texts recalled", _recalled(record.retrieval) if record.retrieval else None),
        ("Whole time", duration(record.total_ms) if record.total_ms is not None else None),
        ("First byte after", duration(record.first_byte_ms) if record.first_byte_ms is not None else None),
        ("The gateway's own time", duration(record.overhead_ms) if record.overhead_ms is not None else None),
        ("Began", to_the_millisecond(record.started) if record.started else None),
        ("Ended", to_the_millisecond(record.ended) if record.ended else None),
        ("Request id of the model server", record.upstream_request_id),
        ("Trace id", record.trace_id),
        ("Websocket that it came over", record.websocket),
        ("Policies in force", record.policy),
        ("Hash of the prompt", record.prompt_hash),
        ("Hash of the answer", record.answer_hash),
        ("Seal", record.seal),
    ]
    entries = [joined(element("div", element("dt", name), element("dd", value))) for name, value in said if value]
    return _section("Figures", element("dl", *entries, class_="facts")) if entries else NOTHING


def words() -> Markup:
    """The words of the page."""
    entries = [joined(element("dt", word), element("dd", says)) for word, says in GLOSSARY]
    return element(
        "details", element("summary", "What the words mean"), element("dl", *entries, class_="words"), class_="card"
    )


def heading_time(record: Record) -> Markup:
    """When it began."""
    began = record.started or record.at
    return element("time", moment(began), datetime=exact(began)) if began else NOTHING


def _badge(text: str, colour: str, says: str) -> Markup:
    badge = element("span", text, class_=f"badge {colour}".strip(), title=says)
    return element("li", badge, element("span", says, class_="quiet"))


def _said_by(signal: Signal) -> tuple[str, str]:
    return signal.source or "", signal.because or ""


def _sound(usage: Usage) -> str | None:
    if not usage.audio_input_tokens and not usage.audio_output_tokens:
        return None
    return f"{number(usage.audio_input_tokens)} read, {number(usage.audio_output_tokens)} written"


def _blocked(call: Blocked) -> tuple[str, str]:
    mode = f"in {call.safety_mode} mode" if call.safety_mode else ""
    told = "; ".join(each for each in (call.because, mode, call.action) if each)
    return (f"{call.name}: {told}" if told else call.name), "red"


def _recalled(found: Retrieval) -> str:
    return f"{number(found.hits)}, {number(found.characters)} characters"


def _because(change: Change) -> str:
    by = f"by {change.plugin}" if change.plugin else ""
    reasons = [change.because, by, f"signal {change.signal}" if change.signal else "", HELD[change.applied]]
    return "; ".join(reason for reason in reasons if reason)


def _answer(step: Step) -> str:
    if step.answer is None:
        return "nothing to say" if step.times == 1 else f"nothing to say, {number(step.times)} times"
    kind = step.answer.get("answer")
    if not isinstance(kind, str) or kind not in ANSWERS:
        return value_of(step.answer)
    details = {name: value for name, value in step.answer.items() if name != "answer" and value not in (None, [], {})}
    said = "; ".join(f"{name.replace('_', ' ')} {value_of(value)}" for name, value in details.items())
    return f"{ANSWERS[kind]}: {said}" if said else ANSWERS[kind]


def _key(kind: str, says: str) -> Markup:
    square = element("rect", width=10, height=10, rx=2, class_=f"bar {kind}")
    return element("li", element("svg", square, viewBox="0 0 10 10", aria_hidden="true"), says)


def _meter(value: float) -> Markup:
    return element(
        "svg",
        element("rect", width=100, height=8, rx=4, class_="track"),
        element("rect", width=f"{value * 100:.1f}", height=8, rx=4, class_="level"),
        viewBox="0 0 100 8",
        aria_hidden="true",
    )


def _section(title: str, *children: Markup, class_: str | None = None) -> Markup:
    return element("section", element("h2", title), *children, class_=class_)


def _scroll(child: Markup, label: str) -> Markup:
    return element("div", child, class_="scroll", tabindex=0, role="group", aria_label=label)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Markup]]) -> Markup:
    head = element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))
    body = element("tbody", *(element("tr", *row) for row in islice(rows, MOST_ROWS)))
    return _scroll(element("table", head, body), ", ".join(heads))


def _cell(*children: str) -> Markup:
    return element("td", *children)


def _cells(*values: str) -> tuple[Markup, ...]:
    return tuple(element("td", value) for value in values)


def _number(value: str) -> Markup:
    return element("td", value, class_="number")


def _quiet(text: str) -> Markup:
    return element("p", text, class_="quiet")


def _chips(chips: Iterable[tuple[str, str, str | None]]) -> Markup:
    return element(
        "ul",
        *(
            element("li", text, class_=f"chip {colour}".strip(), title=says)
            for text, colour, says in islice(chips, MOST_ROWS)
        ),
        class_="chips",
    )

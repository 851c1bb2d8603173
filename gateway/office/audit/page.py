"""The page that explains one exchange to a person who has never seen the system; it works without scripts."""

import shlex

import msgspec

from gateway.office.audit import sections
from gateway.office.audit.markup import NOTHING, Markup, element, joined
from gateway.office.audit.record import record_of
from gateway.office.audit.story import headline
from gateway.office.audit.style import SCRIPT, STYLE

MOST_RAW = 256 << 10


def page(line: bytes, *, here: str, feedback: bool) -> bytes:
    """Gives the page about the exchange of a journal line.

    `here` is the address of the gateway for the commands on it; `feedback` says whether feedback can be sent.
    """
    record = record_of(line)
    title = headline(record)
    top = element(
        "header",
        element("p", element("span", record.audit_id, class_="id"), class_="quiet"),
        element("h1", title),
        sections.badges(record),
        element("p", sections.heading_time(record), class_="quiet"),
        class_="top",
    )
    parts = (
        sections.told(record),
        sections.signals(record),
        sections.changes(record),
        sections.tools(record),
        sections.verdicts(record),
        sections.times(record),
        sections.attempts(record),
        sections.facts(record),
        commands(record.audit_id, here, feedback=feedback),
        sections.words(),
        raw(line),
    )
    return document(f"{title} · {record.audit_id}", joined(top, *parts))


def commands(audit_id: str, here: str, *, feedback: bool) -> Markup:
    """The commands that fetch the record and, where feedback can be sent, rate the answer."""
    key = '-H "authorization: Bearer $LUKHAS_KEY"'
    record = shlex.quote(f"{here}/audit/{audit_id}")
    parts = [_command("Fetch this record as JSON", f"curl {key} {record}")]
    if feedback:
        card = msgspec.json.encode({"target_action_id": audit_id, "rating": 5, "note": ""}).decode()
        address = shlex.quote(f"{here}/feedback/card")
        says = "Rate the answer (1 to 5)"
        parts.append(_command(says, f'curl {key} -H "content-type: application/json" -d {shlex.quote(card)} {address}'))
    return element("section", element("h2", "On the command line"), *parts)


def raw(line: bytes) -> Markup:
    """The record itself."""
    try:
        text = msgspec.json.format(line, indent=2).decode("utf-8", "replace")
    except (msgspec.MsgspecError, RecursionError):
        text = line.decode("utf-8", "replace")
    cut = element("p", "It is longer than this page shows; the command above gives all of it.", class_="quiet")
    return element(
        "details",
        element("summary", "The raw record"),
        element("pre", element("code", text[:MOST_RAW]), tabindex=0),
        cut if len(text) > MOST_RAW else NOTHING,
        class_="card",
    )


def document(title: str, body: Markup) -> bytes:
    """Gives a whole page of the audit pages' look."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    script = element("script", Markup(SCRIPT))
    whole = element("html", head, element("body", element("main", body), script), lang="en")
    return f"<!doctype html>{whole}".encode("utf-8", "replace")


def _command(says: str, command: str) -> Markup:
    block = element("div", element("pre", element("code", command)), class_="copied", data_copy=says)
    return joined(element("p", says, class_="quiet"), block)

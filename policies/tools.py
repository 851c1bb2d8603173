"""Which tools may go out, which calls may come back, and what they may spend: the document `tools.yaml`."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from policies.document import DocumentError, fault
from policies.folder import read_policy
from policies.tightening import (
    NO_WEBHOOK,
    USUAL_RULES,
    RuleError,
    TighteningRule,
    Webhook,
    check_tightening,
    check_webhook,
)

FILE = "tools.yaml"
_HOST = re.compile(r"[^/:@\s]+(?::[0-9]{1,5})?")
LONGEST_NAME = 256
"""No pattern but `*` fits a name that is longer."""
ClientTools: TypeAlias = Literal["pass", "listed"]
Unseen: TypeAlias = Literal["pass", "refuse"]
Pattern: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all parts of the document have in common."""


class Browser(_Section, frozen=True):
    """The hosts that `open_url` may read from."""

    hosts: tuple[Pattern, ...] = ()


class Scheduler(_Section, frozen=True):
    """The hosts that may be told of a task that is due."""

    hosts: tuple[Pattern, ...] = ()


class Budgets(_Section, frozen=True):
    """What one exchange may spend on hosted tools: calls of the upstream, seconds, tokens of all its steps."""

    steps: Annotated[int, msgspec.Meta(ge=1, le=100)] = 6
    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0
    tokens: Annotated[int, msgspec.Meta(ge=1)] = 200_000


class ToolRules(_Section, frozen=True):
    """The document. `listed` and `hosted` are patterns of names, `tiers` gives the lowest tier by alias."""

    client_tools: ClientTools = "pass"
    listed: tuple[Pattern, ...] = ()
    unseen: Unseen | None = None
    hosted: tuple[Pattern, ...] = ("*",)
    tiers: dict[str, str] = {}
    browser: Browser = Browser()
    scheduler: Scheduler = Scheduler()
    budgets: Budgets = Budgets()
    tightening: tuple[TighteningRule, ...] = USUAL_RULES
    webhook: Webhook = NO_WEBHOOK

    @property
    def refuses_unseen(self) -> bool:
        """Whether requests are turned away whose tools nobody here can read."""
        return self.unseen == "refuse" if self.unseen is not None else self.client_tools == "listed"


def load_tool_rules(folder: Path | None) -> ToolRules:
    """Gives the rules of the operator's folder, else the shipped ones. Errors: DocumentError."""
    source, rules = read_policy(FILE, ToolRules, folder)
    for part, hosts in (("browser", rules.browser.hosts), ("scheduler", rules.scheduler.hosts)):
        for number, host in enumerate(hosts):
            if not _HOST.fullmatch(host):
                raise DocumentError(
                    f"{source}, {part}.hosts[{number}]: {host!r} is no host; write the name alone, such as "
                    "example.com, *.example.com, or example.com:8443."
                )
    try:
        check_tightening(rules.tightening)
        check_webhook(rules.webhook)
    except RuleError as error:
        raise fault(source, {}, error.place, str(error)) from None
    return rules


def fits(patterns: tuple[str, ...] | frozenset[str], *names: str) -> bool:
    """Whether one of the patterns fits one of the names of a tool."""
    if "*" in patterns:
        return True
    return any(
        name in patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
        for name in names
        if 0 < len(name) <= LONGEST_NAME
    )

"""The rules of `tools.yaml` about blocked calls: when they withhold tools from a caller, and when somebody is told."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

ALL_TOOLS = "*"
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Pattern: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
HOSTED = ("retrieval", "browser", "scheduler", "code_exec")
"""The shipped hosted tools."""
_DAY = 86_400
_MONTH = 30 * _DAY


class TighteningRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """After `blocked` calls of one caller within `within_seconds` something is withheld from them for `for_seconds`.

    `withhold: tool` counts the calls of each tool by themselves and withholds that one; `all` counts them together and
    withholds every hosted tool, and of the others those that are not listed. Calls count whose tool fits one of the
    patterns `tools`. `strict` holds the caller in strict mode meanwhile. `name` stands in records.
    """

    name: Name
    blocked: Annotated[int, msgspec.Meta(ge=1, le=200)]
    within_seconds: Annotated[float, msgspec.Meta(gt=0, le=_DAY)]
    for_seconds: Annotated[float, msgspec.Meta(gt=0, le=_MONTH)]
    withhold: Literal["tool", "all"] = "tool"
    tools: tuple[Pattern, ...] = (ALL_TOOLS,)
    strict: bool = False


class WebhookRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Above so many incidents within an hour somebody is told, once an hour.

    The address is `url`, or stands in the environment variable `url_variable`: those of chat services are secrets.
    Incidents count whose tool fits one of the patterns `tools`.
    """

    name: Name
    above: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    url: str | None = None
    url_variable: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    tools: tuple[Pattern, ...] = (ALL_TOOLS,)


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of many incidents; nothing goes to a host that is not in `hosts`.

    `networks` are networks of the operator's own in which a host may be, beside the internet.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    rules: tuple[WebhookRule, ...] = ()


NO_WEBHOOK = Webhook()
USUAL_RULES = (TighteningRule("repeated", 5, 600, 3600, tools=HOSTED),)
"""Hold where `tools.yaml` says nothing of it; an empty list turns them off.

They leave the client's own functions alone: many share a key, and models of all of them miss now and then.
"""


def counts(rule: TighteningRule | WebhookRule, tool: str) -> bool:
    """Whether blocked calls of a tool count for a rule."""
    return any(fnmatchcase(tool, pattern) for pattern in rule.tools)


class RuleError(ValueError):
    """A rule cannot be; `place` is where it stands, and the message what is wrong there."""

    def __init__(self, place: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = place


def check_tightening(rules: Iterable[TighteningRule]) -> None:
    """Makes sure that each rule has a name of its own. Errors: RuleError."""
    _check_names("tightening", [rule.name for rule in rules])


def check_webhook(webhook: Webhook) -> None:
    """Makes sure that each rule has a name of its own and one address to which it may send. Errors: RuleError."""
    _check_names("webhook", [rule.name for rule in webhook.rules], "rules")
    for number, network in enumerate(webhook.networks):
        try:
            ip_network(network)
        except ValueError as error:
            raise RuleError(("webhook", "networks", number), f"{error}.") from None
    for number, rule in enumerate(webhook.rules):
        if (rule.url is None) == (rule.url_variable is None):
            raise RuleError(("webhook", "rules", number), "needs one of the keys `url` and `url_variable`.")
        if rule.url is not None:
            fault = fault_of(rule.url, webhook.hosts)
            if fault is not None:
                raise RuleError(("webhook", "rules", number, "url"), fault)


def fault_of(url: str, hosts: Iterable[str]) -> str | None:
    """Says why nothing may be sent to an address, None where it may; repeats nothing of it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no address."
    if parts.scheme != "https" or not host:
        return "an address begins with https:// and a host."
    if parts.username is not None or parts.password is not None:
        return "an address has no user in it."
    if host not in {each.lower() for each in hosts}:
        return "its host does not stand in `webhook.hosts`."
    return None


def _check_names(section: str, names: list[str], *below: str) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise RuleError((section, *below, number, "name"), f"the name {name!r} stands here twice.")

"""Tells an address of many incidents: `{"text": ...}` as chat services take it, once an hour for each rule."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import msgspec

from gateway.tools.addresses import public_or_in
from gateway.tools.pinned import NotReached, PinnedWeb
from gateway.tools.web_address import UrlRefused, WebAddress
from gateway.transport.limits import Limits
from gateway.writable import written
from policies.tightening import Webhook, WebhookRule, counts, fault_of
from storage.blocked_calls import BlockedCalls, BlockedCount

_LOG = logging.getLogger(__name__)
EVENT = "incidents_told"
HOUR = timedelta(hours=1)
LOOK_AGAIN = timedelta(seconds=5)
RETRY_AFTER = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
PATIENCE = Limits(connect_timeout=5.0, first_byte_timeout=10.0, between_chunks_timeout=5.0, total_timeout=10.0)
MOST_BYTES = 4096
MOST_TOOLS = 5


class _Told(msgspec.Struct, frozen=True):
    """The event of a telling, as far as it is read back."""

    at: datetime
    rule: str


class WebhookCalls:
    """Looks at the incidents of the last hour; is run in a thread of its own, so that it never holds anything up.

    `webhook` gives the rules in force, `environ` the addresses that are secrets, `append` puts an event into the
    office's journal: after a restart nobody is told again within the hour. `ca_file` holds the authorities to trust in
    place of the system's.
    """

    def __init__(
        self,
        webhook: Callable[[], Webhook],
        calls: BlockedCalls,
        append: Callable[[bytes], None],
        environ: Mapping[str, str],
        ca_file: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._webhook = webhook
        self._calls = calls
        self._append = append
        self._environ = environ
        self._ca_file = ca_file
        self._now = now
        self._told: dict[str, datetime] | None = None
        self._again: dict[str, tuple[datetime, int]] = {}

    def run(self) -> bool:
        """Tells what is to be told; there is never more to do at once. Errors: WarehouseError, JournalError."""
        webhook = self._webhook()
        if not webhook.rules or not self._calls.is_open:
            return False
        now = self._now()
        told = self._told_lately(now)
        waiting = [rule for rule in webhook.rules if now - told.get(rule.name, now - HOUR) >= HOUR]
        waiting = [rule for rule in waiting if rule.name not in self._again or self._again[rule.name][0] <= now]
        found = self._calls.counts(now - HOUR) if waiting else []
        for rule in waiting:
            counted = [each for each in found if counts(rule, each.tool)]
            if sum(each.calls for each in counted) > rule.above:
                self._tell(rule, webhook, counted, now)
        return False

    def _tell(self, rule: WebhookRule, webhook: Webhook, counted: Sequence[BlockedCount], now: datetime) -> None:
        try:
            address = _address(rule, webhook, self._environ)
            self._send(address, text_of(rule, counted), webhook)
        except (OSError, NotReached, _NotSentError) as error:
            tries = self._again[rule.name][1] + 1 if rule.name in self._again else 1
            self._again[rule.name] = now + min(RETRY_AFTER * 2 ** (tries - 1), LONGEST_PAUSE), tries
            _LOG.warning("webhook %s: nobody could be told of incidents: %s", rule.name, _reason(error))
            return
        self._again.pop(rule.name, None)
        self._told_lately(now)[rule.name] = now
        total = sum(each.calls for each in counted)
        self._append(written({"event": EVENT, "at": now, "rule": rule.name, "incidents": total}))

    def _send(self, address: WebAddress, text: str, webhook: Webhook) -> None:
        """Sends it to this address and follows no other. Errors: OSError, NotReached, _NotSentError."""
        may_reach = public_or_in([ip_network(network) for network in webhook.networks])
        web = PinnedWeb(may_reach=may_reach, patience=PATIENCE, most_bytes=MOST_BYTES, ca_file=self._ca_file)
        headers = {"Content-Type": "application/json", "User-Agent": "lukhas-gateway"}
        answer = asyncio.run(web.ask(address, headers, method="POST", body=msgspec.json.encode({"text": text})))
        if not 200 <= answer.status < 300:
            raise _NotSentError(f"the answer was {answer.status}.")

    def _told_lately(self, now: datetime) -> dict[str, datetime]:
        if self._told is None:
            lines = self._calls.events(EVENT, now - HOUR)
            self._told = {told.rule: told.at for told in map(_told_in, lines) if told is not None}
        return self._told


class _NotSentError(Exception):
    """It was not sent, or not taken; the message is a sentence without the address, which may be a secret."""


def text_of(rule: WebhookRule, counted: Sequence[BlockedCount]) -> str:
    """Gives the sentence that is told; the names of tools come from models and mean nothing in it."""
    total = sum(each.calls for each in counted)
    tools = ", ".join(f"{_plain(each.tool)} {each.calls}" for each in counted[:MOST_TOOLS])
    more = "" if len(counted) <= MOST_TOOLS else f" and {len(counted) - MOST_TOOLS} other tools"
    last = max((each.audit_id for each in counted if each.audit_id), default=None)
    seen = f" The last one: {_plain(last)}." if last else ""
    return (
        f"LUKHAS: {total} calls of tools were blocked within an hour, more than {rule.above} (rule {rule.name}): "
        f"{tools}{more}.{seen} GET /tools/incidents lists them."
    )


def _plain(text: str) -> str:
    """Takes out what chat services read as links, mentions and marks."""
    return "".join(sign if sign.isalnum() or sign in "_-. :" else "?" for sign in text)[:64]


def _address(rule: WebhookRule, webhook: Webhook, environ: Mapping[str, str]) -> WebAddress:
    url = rule.url if rule.url is not None else environ.get(rule.url_variable or "", "")
    if not url:
        raise _NotSentError(f"the environment variable {rule.url_variable} is not set.")
    fault = fault_of(url, webhook.hosts)
    if fault is not None:
        raise _NotSentError(fault)
    try:
        return WebAddress.of(url)
    except UrlRefused as error:
        raise _NotSentError(str(error)) from None


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, NotReached | _NotSentError) else type(error).__name__


def _told_in(line: bytes) -> _Told | None:
    try:
        return msgspec.json.decode(line, type=_Told)
    except msgspec.DecodeError:
        return None

"""Tells an address of many incidents: `{"text": ...}` as chat services take it, once an hour for each rule."""

import http.client
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from gateway.writable import written
from policies.tightening import Webhook, WebhookRule, counts, fault_of
from storage.blocked_calls import BlockedCalls, BlockedCount

_LOG = logging.getLogger(__name__)
EVENT = "incidents_told"
HOUR = timedelta(hours=1)
LOOK_AGAIN = timedelta(seconds=5)
RETRY_AFTER = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
SECONDS = 10.0
MOST_TOOLS = 5


class _Told(msgspec.Struct, frozen=True):
    """The event of a telling, as far as it is read back."""

    at: datetime
    rule: str


class WebhookCalls:
    """Looks at the incidents of the last hour; is run in a thread of its own, so that it never holds anything up.

    `webhook` gives the rules in force, `environ` the addresses that are secrets, `append` puts an event into the
    office's journal: after a restart nobody is told again within the hour.
    """

    def __init__(
        self,
        webhook: Callable[[], Webhook],
        calls: BlockedCalls,
        append: Callable[[bytes], None],
        environ: Mapping[str, str],
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._webhook = webhook
        self._calls = calls
        self._append = append
        self._environ = environ
        self._tls = tls
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
            url = _address(rule, webhook, self._environ)
            _send(url, text_of(rule, counted), self._tls())
        except (OSError, http.client.HTTPException, _NotSentError) as error:
            tries = self._again[rule.name][1] + 1 if rule.name in self._again else 1
            self._again[rule.name] = now + min(RETRY_AFTER * 2 ** (tries - 1), LONGEST_PAUSE), tries
            _LOG.warning("webhook %s: nobody could be told of incidents: %s", rule.name, _reason(error))
            return
        self._again.pop(rule.name, None)
        self._told_lately(now)[rule.name] = now
        total = sum(each.calls for each in counted)
        self._append(written({"event": EVENT, "at": now, "rule": rule.name, "incidents": total}))

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


def _address(rule: WebhookRule, webhook: Webhook, environ: Mapping[str, str]) -> str:
    url = rule.url if rule.url is not None else environ.get(rule.url_variable or "", "")
    if not url:
        raise _NotSentError(f"the environment variable {rule.url_variable} is not set.")
    fault = fault_of(url, webhook.hosts)
    if fault is not None:
        raise _NotSentError(fault)
    return url


def _send(url: str, text: str, tls: ssl.SSLContext) -> None:
    """Sends it to this address and follows no other. Errors: OSError, HTTPException, _NotSentError."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=SECONDS, context=tls)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"content-type": "application/json", "user-agent": "lukhas-gateway"}
        connection.request("POST", target, msgspec.json.encode({"text": text}), headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise _NotSentError(f"the answer was {status}.")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, _NotSentError) else type(error).__name__


def _told_in(line: bytes) -> _Told | None:
    try:
        return msgspec.json.decode(line, type=_Told)
    except msgspec.DecodeError:
        return None

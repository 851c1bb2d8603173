"""`/readyz`: whether requests can be served, and what is wrong where they cannot be served as they should."""

from collections.abc import Callable

import msgspec

from gateway.hooks import described
from gateway.hookspecs import Hooks
from gateway.loader import Chain
from identity.keyring import Keyring
from storage.journal import Journal

JSON = b"application/json"


class Readiness:
    """Asks the parts. Unready (503) is what /v1 cannot do without; anything else that is wrong is degraded (200)."""

    def __init__(
        self,
        chain: Chain,
        journal: Journal,
        keyring: Keyring,
        office_fault: Callable[[], str | None],
        *,
        carry_on: bool,
        bodies: Journal | None = None,
        policy_fault: Callable[[], str | None] = lambda: None,
        ticks_fault: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._chain = chain
        self._journals = {"journal": journal} | ({"bodies": bodies} if bodies is not None else {})
        self._keyring = keyring
        self._degrading = {"office": office_fault, "policies": policy_fault, "ticks": ticks_fault}
        self._carry_on = carry_on
        self._open = {plugin.name for plugin in chain.plugins if plugin.common.failure == "open"}

    def page(self) -> tuple[int, bytes, bytes]:
        """Gives status, content type and body."""
        stopping: dict[str, str] = {}
        degrading: dict[str, str] = {}
        for name, method in self._chain.life(Hooks.health):
            try:
                said = method()
            except Exception as error:  # noqa: BLE001 - plugins are strangers
                said = f"its health check failed: {described(error)}"
            if said is not None:
                (degrading if name in self._open else stopping)[name] = said
        for name, journal in self._journals.items():
            if journal.failure is not None:
                (degrading if self._carry_on else stopping)[name] = journal.failure
        if self._keyring.failure is not None:
            (degrading if self._carry_on else stopping)["keyring"] = self._keyring.failure
        for name, fault in self._degrading.items():
            said = fault()
            if said is not None:
                degrading[name] = said
        status = "unready" if stopping else "degraded" if degrading else "ready"
        body = msgspec.json.encode({"status": status, "faults": {**stopping, **degrading}})
        return 503 if stopping else 200, JSON, body

"""Says who calls: a key of the settings, the operator's admin key, or an upstream key that is passed through."""

from collections.abc import Callable

from gateway import Caller, Exchange, Startup, hookimpl
from identity.caller import ADMIN_TIER, ALL_PERMISSIONS, PASSTHROUGH_TIER
from identity.credentials import bearer, is_gateway_key


class SignIn:
    """Identifies callers by the credential of the request; what it does not know is nobody."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._passthrough = False
        self._pseudonym: Callable[[bytes], str] = bytes.hex

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Reads the keys of the settings, and keeps nothing but their pseudonyms."""
        self._pseudonym = startup.pseudonym
        self._passthrough = startup.settings.passthrough
        for key in startup.settings.auth.keys:
            name = self._pseudonym(key.key.encode())
            self._callers[name] = Caller(
                f"key:{key.owner or name}",
                key.tier,
                "gateway_key",
                "operator",
                key.models,
                frozenset(key.permissions),
                key.mode,
                key.owner,
                key.tools,
            )
        if startup.admin_key:
            name = self._pseudonym(startup.admin_key.encode())
            self._callers[name] = Caller("admin", ADMIN_TIER, "admin", "operator", permissions=ALL_PERMISSIONS)

    @hookimpl
    def identify(self, exchange: Exchange) -> Caller | None:
        """Looks the credential up by its pseudonym."""
        received = exchange.received
        token = bearer(received.only(b"authorization"))
        if token is None and not received.model_api:
            token = (received.only(b"x-api-key") or b"").strip() or None
        if token is None:
            return None
        name = self._pseudonym(token)
        caller = self._callers.get(name)
        if caller is not None:
            return caller
        if not self._passthrough or is_gateway_key(token):
            return None
        return Caller(f"upstream:{name}", PASSTHROUGH_TIER, "passthrough", "caller")

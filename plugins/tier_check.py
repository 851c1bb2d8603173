"""Turns away callers whose tier, or whose key, does not carry the model or endpoint that they ask for."""

from gateway import Exchange, LivePolicies, Refusal, Startup, hookimpl
from identity.caller import ADMIN_TIER, PASSTHROUGH_TIER
from policies.tiers import Tiers, matches


class TierCheck:
    """Holds each request against `policies/tiers.yaml` and the models of the caller's key."""

    def __init__(self) -> None:
        self._policies: LivePolicies | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Takes the table, and stops the start where a caller would have a tier that is not in it."""
        self._policies = startup.policies
        self._policies.require("tiers", lambda tiers: _check(tiers, startup))

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal | None:
        """Checks the endpoint first, then the model."""
        policies, caller, request = self._policies, exchange.caller, exchange.request
        if policies is None or caller is None:
            return Refusal("The tier table is not loaded.", code="tiers_missing", status=503)
        tiers = policies.tiers
        endpoint = exchange.endpoint.name if exchange.endpoint else "other"
        if not tiers.carries_endpoint(caller.tier, endpoint):
            return Refusal(f"The tier {caller.tier} does not include this endpoint ({endpoint}).", code="tier_too_low")
        if isinstance(request.json, dict) and not isinstance(request.json.get("model", ""), str | None):
            return Refusal("The member `model` must be a string.", code="invalid_model", status=400, param="model")
        model = request.model
        carried = tiers.models(caller.tier)
        if model is None:
            limited = caller.models is not None or "*" not in carried
            received = exchange.received
            # Over a websocket of responses each request names its own.
            opens_one = received.header(b"sec-websocket-key") is not None and endpoint != "responses"
            uses_one = received.method == b"POST" or opens_one
            if limited and uses_one and tiers.needs_model(endpoint):
                return Refusal(
                    "Your key is limited to certain models, and the model of this request cannot be read; "
                    "name it in the JSON body, in a form field ahead of the files, or in a realtime session's query.",
                    code="model_required",
                    param="model",
                )
            return None
        if not matches(carried, model):
            return Refusal(
                f"The tier {caller.tier} does not include the model {request.model_label}.",
                code="tier_too_low",
                param="model",
            )
        if caller.models is not None and not matches(caller.models, model):
            return Refusal(
                f"Your key does not include the model {request.model_label}.", code="model_not_allowed", param="model"
            )
        return None


def _check(tiers: Tiers, startup: Startup) -> None:
    settings, known = startup.settings, f"known: {', '.join(tiers.order)}."
    for number, key in enumerate(settings.auth.keys):
        if not tiers.knows(key.tier):
            raise startup.fault(("auth", "keys", number, "tier"), f"unknown tier {key.tier!r}; {known}")
    if settings.passthrough and not tiers.knows(PASSTHROUGH_TIER):
        what = f"passed-through keys have the tier {PASSTHROUGH_TIER}, which tiers.yaml does not know; {known}"
        raise startup.fault(("auth", "passthrough"), what)
    if startup.admin_key and not tiers.knows(ADMIN_TIER):
        what = f"LUKHAS_ADMIN_KEY has the tier {ADMIN_TIER}, which tiers.yaml does not know; {known}"
        raise startup.fault(("policies", "folder"), what)

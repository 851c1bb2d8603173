"""`GET /identity/tier-check`: who am I here, what does my tier carry, and what would I need for more."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from gateway.live_policies import LivePolicies
from identity.caller import Caller
from policies.tiers import Tiers, matches


class TierCheck(msgspec.Struct, frozen=True):
    """The caller and their tier. `required` is the lowest tier that carries what was asked about."""

    principal: str
    kind: str
    current: str
    permissions: list[str]
    models: list[str]
    endpoints: list[str]
    required: str | None
    missing: list[str]


def tier_check_route(policies: LivePolicies) -> HTTPRouteHandler:
    """Gives the handler."""

    @get("/identity/tier-check", tags=["identity"])
    async def tier_check(
        caller: NamedDependency[Caller],
        model: Annotated[str | None, QueryParameter(description="A model to ask about.")] = None,
        endpoint: Annotated[str | None, QueryParameter(description="An endpoint to ask about.")] = None,
    ) -> TierCheck:
        """Says who the caller is, what their tier carries, and what is missing for a model or endpoint."""
        return checked(policies.tiers, caller, model, endpoint)

    return tier_check


def checked(tiers: Tiers, caller: Caller, model: str | None, endpoint: str | None) -> TierCheck:
    """Gives what stands in the answer."""
    required = lowest_tier(tiers, model, endpoint) if model or endpoint else None
    missing = []
    if (model or endpoint) and required is None:
        missing.append("no tier carries it")
    elif required is not None and tiers.order.index(required) > tiers.order.index(caller.tier):
        missing.append(f"tier {required}")
    if model and caller.models is not None and not matches(caller.models, model):
        missing.append(f"a key that includes the model {model}")
    return TierCheck(
        caller.principal,
        caller.kind,
        caller.tier,
        sorted(caller.permissions),
        list(tiers.models(caller.tier) if caller.models is None else caller.models),
        list(tiers.endpoints(caller.tier)),
        required,
        missing,
    )


def lowest_tier(tiers: Tiers, model: str | None, endpoint: str | None) -> str | None:
    """Gives the lowest tier that carries both, None where no tier does."""
    for tier in tiers.order:
        carries_model = model is None or matches(tiers.models(tier), model)
        if carries_model and (endpoint is None or tiers.carries_endpoint(tier, endpoint)):
            return tier
    return None

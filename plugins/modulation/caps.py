"""Says what beside signals holds a caller strict: a lock, the flag STRICT_DEFAULT, tools that were withheld.

In a tool loop it is also the mode of the step before.
"""

from gateway import Exchange, Flags, Signals, Standing
from policies.modulation import Cap, strict_cap

FLAG = "STRICT_DEFAULT"
LOCK = "lock"
UNREAD = "unread"
TIGHTENING = "tightening"
LOOP = "tool_loop"
_FLAG = strict_cap(FLAG, f"the flag {FLAG} is on")
_LOCK = strict_cap(
    LOCK, "ratings spoke against the policy too often; the caller is held strict until they are released"
)
_UNREAD = strict_cap(UNREAD, "a plugin that reads signals failed, and nobody knows what it would have found")


def cap_of_loop(exchange: Exchange) -> Cap:
    """Gives the cap of a later step of a loop: it is at most as loose as the exchange by now."""
    return Cap("safety_mode", exchange.safety_mode, LOOP, f"this exchange is {exchange.safety_mode} by now")


def caps_of_unread(exchange: Exchange) -> tuple[Cap, ...]:
    """Gives the cap of an exchange whose signals nobody knows, since a plugin that was to read them broke."""
    for step in exchange.trail:
        if step.fault is not None and isinstance(step.answer, Signals) and not step.answer.levels:
            return (_UNREAD,)
    return ()


def caps_of(flags: Flags, standing: Standing, principal: str) -> tuple[Cap, ...]:
    """Gives the caps of a caller; nearly everybody has none."""
    flag = flags.on(FLAG, principal)
    if not flag and not standing.conservative and not standing.withheld:
        return ()
    caps = [_FLAG] if flag else []
    if standing.conservative:
        caps.append(_LOCK)
    strict = next((each for each in standing.withheld if each.strict), None)
    if strict is not None:
        caps.append(strict_cap(TIGHTENING, strict.because))
    return tuple(caps)

"""Says what beside signals holds a caller strict: a lock, the flag STRICT_DEFAULT, tools that were withheld."""

from gateway import Flags, Standing
from policies.modulation import Cap, strict_cap

FLAG = "STRICT_DEFAULT"
LOCK = "lock"
TIGHTENING = "tightening"
_FLAG = strict_cap(FLAG, f"the flag {FLAG} is on")
_LOCK = strict_cap(
    LOCK, "ratings spoke against the policy too often; the caller is held strict until they are released"
)


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

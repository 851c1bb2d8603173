"""How much a caller has shown that it can be trusted: its tier, and what it made of it so far."""

from plugins.signals.conduct import Conduct
from plugins.signals.found import Found

_BY_TIER = {"T1": 0.05, "T2": 0.15, "T3": 0.35, "T4": 0.65, "T5": 0.8}
_UNPROVEN = 0.5
"""The part of a tier's trust that a caller has who has shown nothing yet."""
_PROVEN_DAYS = 90.0
_PROVEN_EXCHANGES = 200.0
_REFUSALS_FORGIVEN = 0.02


def trust(tier: str, key_age_days: float | None, conduct: Conduct) -> Found:
    """Gives the trust in a caller; `key_age_days` is None where nobody knows when the key was made."""
    standing = _BY_TIER.get(tier, _BY_TIER["T1"])
    age = 0.0 if key_age_days is None else min(1.0, key_age_days / _PROVEN_DAYS)
    used = min(1.0, conduct.ended / _PROVEN_EXCHANGES)
    shown = used if key_age_days is None else (age + used) / 2
    level = standing * (_UNPROVEN + (1.0 - _UNPROVEN) * shown)
    because = f"tier {tier}, {'a long' if shown >= 1 else 'a short' if shown < 0.1 else 'some'} record"
    refused = max(0.0, (conduct.refused - 1) / conduct.ended - _REFUSALS_FORGIVEN) if conduct.ended else 0.0
    if refused > 0:
        level *= max(0.0, 1.0 - 4 * refused)
        because += ", refused often"
    if conduct.blocked:
        level *= 0.5 ** (conduct.blocked / max(1.0, 1.0 + conduct.ended / 20_000))
        because += ", calls were blocked"
    return Found(level, because)

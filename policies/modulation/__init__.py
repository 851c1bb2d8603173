"""The modulation policy: what signals make of the parameters of a request, as pure functions over frozen values."""

from policies.modulation.decision import Cap, Combined, Settled, StyleDelta, combined, strict_cap
from policies.modulation.document import ModelRule, ModulationFile, Style
from policies.modulation.parameters import PARAMETERS, SAFETY_MODES, STRICT
from policies.modulation.policy import Policy, load_modulation, parsed_modulation, read_modulation
from policies.modulation.sent import Client, Decision, Sent, decided
from policies.modulation.signals import SIGNALS, SignalError, checked_level, checked_levels

__all__ = [
    "PARAMETERS",
    "SAFETY_MODES",
    "SIGNALS",
    "STRICT",
    "Cap",
    "Client",
    "Combined",
    "Decision",
    "ModelRule",
    "ModulationFile",
    "Policy",
    "Sent",
    "Settled",
    "SignalError",
    "Style",
    "StyleDelta",
    "checked_level",
    "checked_levels",
    "combined",
    "decided",
    "load_modulation",
    "parsed_modulation",
    "read_modulation",
    "strict_cap",
]

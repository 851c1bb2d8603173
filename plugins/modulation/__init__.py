"""Changes requests by their signals, as the policy `modulation.yaml` says; a calm one leaves byte for byte."""

from plugins.modulation.plugin import Modulation

__all__ = ["Modulation"]

"""Asks a model for the levels of signals, instead of the words and patterns of `signals` or beside them."""

from plugins.model_signals.plugin import ModelSignals

__all__ = ["ModelSignals"]

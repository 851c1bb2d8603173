"""Six levels between 0 and 1 that say what a request is like, each read off by an extractor of its own."""

from plugins.signals.plugin import SixSignals

__all__ = ["SixSignals"]

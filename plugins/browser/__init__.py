"""Hosted tool `open_url`: gives the model the text of a page on a host that the operator listed."""

from plugins.browser.plugin import Browser

__all__ = ["Browser"]

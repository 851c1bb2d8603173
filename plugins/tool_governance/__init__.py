"""Governs tools: which of a request's go out, which hosted ones are put in, and which calls may come back."""

from plugins.tool_governance.plugin import ToolGovernance

__all__ = ["ToolGovernance"]

"""What was done about a blocked call, where those who count incidents have to know it too."""

KEPT_BACK = "kept back"
"""The action where a stored reply was read again: the call was made before, and nobody tried anything now."""

"""Writes the pages of `docs/reference/` from the code: what stands there cannot differ from what runs."""

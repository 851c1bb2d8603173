"""The read side of the records: one exchange as JSON or as a page, lists of them, and bundles that others log."""

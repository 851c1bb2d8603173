"""The records as JSON, as lists and as pages."""

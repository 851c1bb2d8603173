"""Suites in the words of the SDKs' own authors, asked directly and through the gateway."""

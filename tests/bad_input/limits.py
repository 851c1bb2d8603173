"""Limits low enough to be reached by a test."""

LIMITS = {
    "max_header_bytes": 8192,
    "max_json_bytes": 20_000,
    "max_body_bytes": 100_000,
    "header_timeout": 0.3,
    "body_timeout": 0.3,
    "write_timeout": 0.3,
}

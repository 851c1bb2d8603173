"""Blocked calls in the office."""

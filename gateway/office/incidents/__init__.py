"""Blocked calls in the office: lists of them, what they lead to, and who is told."""

"""Feedback in the office: cards, what they come to, symbols, and the alarm that locks."""

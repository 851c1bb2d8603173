"""Hosted tools: what plugins register, what a request offers of them, and the loop that runs them."""

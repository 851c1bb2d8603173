"""Measuring what the gateway costs: load, windows, the price guard, the benchmark; nothing here is shipped."""

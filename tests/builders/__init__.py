"""Makes what tests need: servers, settings, exchanges."""

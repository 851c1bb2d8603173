"""A plugin of the LUKHAS gateway that keeps API keys where they belong."""

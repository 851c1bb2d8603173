"""The shipped plugins: each file one plugin, which meets the others in the exchange alone."""

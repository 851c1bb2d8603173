"""The shipped plugins: each file or folder one plugin, which meets the others in the exchange alone."""

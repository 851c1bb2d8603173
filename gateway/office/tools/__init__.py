"""What the office says of tools: those that there are, and what they left behind."""

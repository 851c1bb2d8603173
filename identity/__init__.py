"""Who someone is: callers, the credentials that prove them, and names that give no secret away."""

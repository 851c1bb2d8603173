"""What upstreams and clients do wrong, each through a serving gateway."""

"""What is left of a count after a time: half of it after each half-life."""


def left_after(elapsed: float, half_life: float) -> float:
    """Gives the part that is left; a time that lies ahead takes nothing away. Both in the same unit."""
    return float(0.5 ** (max(0.0, elapsed) / half_life))

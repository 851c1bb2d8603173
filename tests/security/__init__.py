"""What strangers must not learn or reach, tried on a serving gateway."""

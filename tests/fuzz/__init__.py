"""Strange input for the parsers and for our own routes: a little with each test run, more by `make fuzz`."""

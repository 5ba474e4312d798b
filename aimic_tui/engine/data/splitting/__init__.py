"""Which images train, validate and test in each fold."""

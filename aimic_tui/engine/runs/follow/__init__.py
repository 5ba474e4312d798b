"""Reading a run's files while it is running."""

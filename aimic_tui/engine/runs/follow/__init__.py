"""Reading a run's files while it goes on."""

"""A run's preparation, its processes and its events."""

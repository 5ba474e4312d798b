"""A run's folder, its story, and the processes that fill it."""

"""The app: its frame, its keys, its help, its looks and its settings."""

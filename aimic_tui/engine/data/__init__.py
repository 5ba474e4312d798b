"""Images in: find and label them, read any format, look for faults, split, cache."""

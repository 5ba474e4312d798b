"""What the stored predictions say, with intervals."""

"""A finished model on new images."""

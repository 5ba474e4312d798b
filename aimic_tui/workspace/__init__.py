"""What screens and commands know of a workspace, without drawing and without tensors."""

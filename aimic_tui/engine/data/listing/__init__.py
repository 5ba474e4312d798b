"""Which images there are, with which labels and groups, before one is opened."""

"""The processes that carry a run out."""

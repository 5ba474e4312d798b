"""Before a run: its checks, its plan, its folder."""

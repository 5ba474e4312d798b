"""The screens: one file a place, its .tcss beside it."""

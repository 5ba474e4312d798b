"""Runs over several data sets, put side by side: the published evaluation, and any other."""

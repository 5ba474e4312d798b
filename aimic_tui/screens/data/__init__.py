"""Data: are these images fit to learn from?"""

"""Deciding about images, shared by Data and Results."""

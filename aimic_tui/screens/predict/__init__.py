"""Predict: what are these, and which should I look at myself?"""

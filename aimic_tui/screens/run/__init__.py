"""Run: is it going well, when is it done?"""

"""Set-up: what will happen if I press start?"""

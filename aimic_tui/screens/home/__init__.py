"""Home: what is going on, and what needs me?"""

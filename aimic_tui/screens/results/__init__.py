"""Results: what did I learn, and can I believe it?"""

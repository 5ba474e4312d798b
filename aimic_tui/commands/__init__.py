"""The commands, one file a group; the command line in `cli.py` loads them when asked for."""

"""From a file to pixels: every format, and the one rule that makes 8-bit colour of its values."""

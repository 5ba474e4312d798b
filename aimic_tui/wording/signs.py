"""Signs of the interface, and what stands for them where only ASCII can be shown.

Signs carry the meaning of a state and colour only repeats it. Where the locale is not UTF-8 the ASCII forms
are used; inside the app a filter turns whatever else is drawn into ASCII (`app.AsciiOnly`).
"""

from __future__ import annotations

import math
import os
import sys
import unicodedata

SIGNS = {
    "running": "●",
    "stopping": "●",
    "finished": "✓",
    "attention": "!",
    "interrupted": "!",
    "failed": "✗",
    "queued": "◌",
    "stopped": "‖",
}
ASCII_SIGNS = {
    "running": "*",
    "stopping": "*",
    "finished": "+",
    "attention": "!",
    "interrupted": "!",
    "failed": "x",
    "queued": "o",
    "stopped": "=",
}
_EIGHTHS = " ▏▎▍▌▋▊▉"

# What stands for a sign of the interface where only ASCII can be shown; each is one column wide, like its original.
_ASCII = {
    **{SIGNS[state]: ASCII_SIGNS[state] for state in SIGNS},
    **dict.fromkeys("─━═╌┄·", "-"),
    **dict.fromkeys("│┃║▏▎▍", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯", "+"),
    **dict.fromkeys("█▉▊▋▌▇▆▅", "#"),
    **dict.fromkeys("▄▃▂▀", "="),
    **dict.fromkeys("▁", "_"),
    **dict.fromkeys("░▒", "."),
    "▓": "#",
    "▸": ">",
    "▹": ">",
    "►": ">",
    "◀": "<",
    "▶": ">",
    "▲": "^",
    "▼": "v",
    "←": "<",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "…": "~",
    "–": "-",
    "—": "-",
    "×": "x",
    "±": "~",
    "•": "*",
    "≥": ">",
    "≤": "<",
    "○": "o",
    "◆": "*",
    "◇": "o",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "⏎": ">",
}
_TO_ASCII = str.maketrans(_ASCII)


def ascii_only() -> bool:
    """Tell whether only ASCII may be drawn: `$AIMIC_ASCII` says so (1 or 0), or the locale is not UTF-8."""
    wish = os.environ.get("AIMIC_ASCII", "")
    if wish:
        return wish != "0"
    names = ["LC_ALL", "LC_CTYPE", "LANG"]
    if sys.flags.utf8_mode and os.environ.get("PYTHONUTF8") != "1" and os.environ.get("LC_CTYPE") == "C.UTF-8":
        names.remove("LC_CTYPE")  # Python set it itself, since the locale is C or not installed here (PEP 538)
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    return "utf" not in locale.lower()


def to_ascii(text: str) -> str:
    """Return `text` in ASCII, every character replaced by one of the same width in a terminal.

    Braille dots, as charts use them, become `.` to `#` by how many are set; what has no likeness becomes `?`.
    """
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _likeness(char) for char in text.translate(_TO_ASCII))


def _likeness(char: str) -> str:
    code = ord(char)
    if 0x2800 <= code <= 0x28FF:
        dots = (code - 0x2800).bit_count()
        return " " if not dots else ".:*#"[min(dots - 1, 6) // 2]
    if 0x2500 <= code <= 0x257F:
        return "+"
    if 0x2580 <= code <= 0x259F:
        return "#"
    from rich.cells import cell_len

    return "?" * cell_len(char)


def sign(state: str) -> str:
    """Return the sign of a run's or trial's state, as this terminal can show it."""
    return (ASCII_SIGNS if ascii_only() else SIGNS).get(state, "?")


def as_shown(text: str) -> str:
    """Return a line of a command as it can be shown: as it is, or with its signs in ASCII.

    Letters stay where only the locale asks for ASCII, since names are written in them, and a file or a pipe holds them
    whatever the locale; a terminal replaces those that its encoding lacks (`utf8.settle_output`).
    """
    if text.isascii() or not ascii_only():
        return text
    if os.environ.get("AIMIC_ASCII"):
        return to_ascii(text)
    return "".join(char if unicodedata.category(char)[0] in "LM" else to_ascii(char) for char in text)


def bar_text(share: float, width: int) -> str:
    """Draw a share of 0 to 1 as a bar of `width` columns, exact to an eighth of a column: `███▍    `."""
    share = 0.0 if not math.isfinite(share) else min(1.0, max(0.0, share))
    eighths = round(share * width * 8)
    if share > 0 and width:
        eighths = max(1, eighths)  # something is not nothing
    full, part = divmod(eighths, 8)
    text = "█" * full + (_EIGHTHS[part] if part else "")
    return as_shown(text).ljust(width)

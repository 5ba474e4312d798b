"""How figures, times and states read everywhere: in a command's table, on a screen, in a report.

Signs carry the meaning of a state and colour only repeats it. Where the locale is not UTF-8 the ASCII forms
are used; inside the app a filter turns whatever else is drawn into ASCII (`app.AsciiOnly`).
"""

from __future__ import annotations

import math
import os
import sys
from datetime import datetime, timezone

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
NOTHING = "–"
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


def duration(seconds: float | None) -> str:
    """Write a length of time with its two largest units: `45 s`, `3 min`, `1 h 12 min`, `2 d 4 h`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def bytes_text(count: float | None) -> str:
    """Write a number of bytes in decimal units with two or three figures: `512 B`, `9.4 MB`, `41 GB`."""
    if count is None:
        return NOTHING
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if round(value, 1 if value < 10 else 0) < 1000:
            return _short(value, unit, whole=unit == "B")
        value /= 1000
    return _short(value, "TB", whole=False)


def _short(value: float, unit: str, *, whole: bool) -> str:
    return f"{value:.0f} {unit}" if whole or value >= 9.95 else f"{value:.1f} {unit}"


def count_text(count: int | None) -> str:
    """Write a count with its thousands apart: `1,877`."""
    return NOTHING if count is None else f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count and what it counts: `1 image`, `1,877 images`; `many` where an `s` is not the plural."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a figure with a fixed number of decimals, so that columns align: `0.938`; a dash for no figure."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.00


def interval_text(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """Write a figure with its interval: `0.934 [.921 .946]`; the figure alone where there is no interval.

    The leading zero of the bounds is left out, as print does it for shares that can't pass 1.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return number(value, digits)
    return f"{number(value, digits)} [{_bound(low, digits)} {_bound(high, digits)}]"


def _bound(value: float, digits: int) -> str:
    text = number(value, digits)
    if text.startswith("0."):
        return text[1:]
    return "-" + text[2:] if text.startswith("-0.") else text


def rate(images_per_second: float | None) -> str:
    """Write a speed: `2,118 images/s`, `4.1 images/s`."""
    if images_per_second is None or not math.isfinite(images_per_second):
        return NOTHING
    return f"{images_per_second:,.{1 if images_per_second < 10 else 0}f} images/s"


def percent(share: float | None, digits: int = 0) -> str:
    """Write a share of 0 to 1 as `87 %`."""
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{100 * share:.{digits}f} %"


def bar_text(share: float, width: int) -> str:
    """Draw a share of 0 to 1 as a bar of `width` columns, exact to an eighth of a column: `███▍    `."""
    share = 0.0 if not math.isfinite(share) else min(1.0, max(0.0, share))
    eighths = round(share * width * 8)
    if share > 0 and width:
        eighths = max(1, eighths)  # something is not nothing
    full, part = divmod(eighths, 8)
    text = "█" * full + (_EIGHTHS[part] if part else "")
    return (to_ascii(text) if ascii_only() else text).ljust(width)


def ago(time: datetime | str | float | None, now: datetime | None = None) -> str:
    """Write when something happened, as one would say it: `just now`, `12 min ago`, `yesterday 17:40`, `3 Nov 17:40`.

    `time` is a moment with a zone, its ISO form, or seconds since 1970; the answer is in local time.
    """
    moment = _moment(time)
    if moment is None:
        return NOTHING
    local = moment.astimezone()
    now = (now or datetime.now(timezone.utc)).astimezone()
    seconds = (now - local).total_seconds()
    if -60 < seconds < 60:
        return "just now"
    if 0 < seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    return _day(local, now)


def _day(local: datetime, now: datetime) -> str:
    clock = f"{local:%H:%M}"
    days = (now.date() - local.date()).days
    if 0 <= days <= 1:
        return f"{'yesterday' if days else 'today'} {clock}"
    if 1 < days < 7:
        return f"{local:%A} {clock}"
    return f"{local.day} {local:%b} {clock}" if local.year == now.year else f"{local.day} {local:%b %Y}"


def _moment(time: datetime | str | float | None) -> datetime | None:
    if isinstance(time, str):
        try:
            time = datetime.fromisoformat(time.replace("Z", "+00:00"))
        except ValueError:
            return None
    if isinstance(time, (int, float)):
        return datetime.fromtimestamp(time, timezone.utc)
    if time is None:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)

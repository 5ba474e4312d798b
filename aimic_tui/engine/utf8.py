"""Names are bytes on the disk, read as UTF-8 whatever the locale; only a terminal is spoken to in its own encoding.

Under a locale with another encoding (ISO-8859-1, EUC-JP) Python reads the same file name as another text: classes would
be renamed by the machine they are trained on, and a run that goes on elsewhere would not find its images.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper


def insist_on_utf8() -> None:
    """Start this program anew in Python's UTF-8 mode, where the locale chose another encoding for file names.

    The environment hands the mode on to every process that is started from here.
    """
    if sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def settle_output() -> None:
    """Make stdout and stderr write what they can: what an encoding lacks becomes an escape, never an error.

    A terminal gets the encoding of its locale; files and pipes get UTF-8.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue
        with suppress(OSError, ValueError, LookupError):
            if stream.isatty() and (encoding := _terminal_encoding()):
                stream.reconfigure(encoding=encoding, errors="replace")
            elif stream.errors == "strict":
                stream.reconfigure(errors="backslashreplace")


def _terminal_encoding() -> str:
    """Return the encoding that the locale names, "" where it is UTF-8 or the locale (C) says nothing of encodings."""
    if not sys.flags.utf8_mode:
        return ""
    import locale

    named = locale.nl_langinfo(locale.CODESET)
    return "" if named.upper() in ("UTF-8", "UTF8", "ANSI_X3.4-1968", "US-ASCII", "646", "") else named

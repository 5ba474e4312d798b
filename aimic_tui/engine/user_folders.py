"""The folders of whoever runs the program: home, data, preferences; also where there is no home.

A service or a container may have neither HOME nor an entry in the list of users. Only what really needs a folder then
fails, in a sentence that says what to set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import printable


def home() -> Path | None:
    """Return the user's home folder, None where the system knows none; it need not exist."""
    # An empty HOME would make `~/x` mean `/x`, a relative one a folder of whatever the current folder is.
    named = os.environ.get("HOME")
    found = Path(os.path.expanduser("~") if named is None else named)  # noqa: PTH111 - Path's own raises without a home
    return found if found.is_absolute() else None


def expanded(path: str | Path) -> Path:
    """Return a path with `~` and `~user` replaced by the home folders; what has none is a name like any other."""
    text = os.fspath(path)
    if text == "~" or text.startswith("~/"):
        found = home()
        return Path(text) if found is None else found / text[2:].lstrip("/")
    try:
        return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where there is no such user
    except ValueError:  # a NUL in the name of a user
        return Path(text)


def usual_workspace() -> Path:
    """Return where runs are kept unless one says otherwise: `$AIMIC_WORKSPACE`, else a folder in the current one."""
    return Path(os.environ.get("AIMIC_WORKSPACE") or "aimic-workspace")


def data_folder(what: str, variable: str) -> Path:
    """Return where this system keeps what a program stores for a user: `$XDG_DATA_HOME/aimic` on Linux.

    Args:
        what: what is looked for there, for the sentence: "the folder of pre-trained weights".
        variable: the environment variable that names another place.

    Raises:
        InputProblem: there is no home folder to find it by.
    """
    return _folder("data", "XDG_DATA_HOME", ".local/share", what, variable)


def config_folder(what: str, variable: str) -> Path:
    """Return where this system keeps a user's preferences: `$XDG_CONFIG_HOME/aimic` on Linux.

    Args:
        what, variable: as for `data_folder`.

    Raises:
        InputProblem: there is no home folder to find it by.
    """
    return _folder("config", "XDG_CONFIG_HOME", ".config", what, variable)


def state_folder(what: str, variable: str) -> Path:
    """Return where this system keeps what a program notes down: `$XDG_STATE_HOME/aimic` on Linux.

    Args:
        what, variable: as for `data_folder`.

    Raises:
        InputProblem: there is no home folder to find it by.
    """
    return _folder("state", "XDG_STATE_HOME", ".local/state", what, variable)


def _folder(kind: str, base: str, usual: str, what: str, variable: str) -> Path:
    if sys.platform == "linux":  # what platformdirs says there; its import is on the way to the first picture
        return _below_home(base, usual, what, variable)
    import platformdirs

    return Path(getattr(platformdirs, f"user_{kind}_path")("aimic", appauthor=False))


def _below_home(base: str, usual: str, what: str, variable: str) -> Path:
    named = os.environ.get(base, "").strip()
    if Path(named).is_absolute():  # a relative one is to be ignored, says the XDG Base Directory Specification
        return Path(named) / "aimic"
    found = home()
    if found is not None:
        return found / usual / "aimic"
    raise InputProblem(
        f"There is no home folder in which to look for {what}: {_why_no_home()}. "
        f"Set {variable} to its place, or set HOME or {base}."
    )


def _why_no_home() -> str:
    named = os.environ.get("HOME")
    if named is None:
        return f"HOME is not set, and the user {os.getuid()} is not in this system's list of users"
    return "HOME is empty" if not named else f"HOME is {printable(named)}, which is no absolute path"

"""The user's preferences: one small TOML file in the folder where this system keeps such files.

    theme = "aimic-light"
    slow_link = false
    signs = "auto"            # auto | unicode | ascii

    [keymap]                  # an action's id, as the help shows it, and its keys
    "home.new-run" = "n,insert"

What is invalid in the file is reported and ignored: a typing mistake in it must not keep anyone from their runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import DamagedFile, read_toml
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.user_folders import config_folder

# Keys that never reach a program: tmux, flow control or the terminal's own encoding take them.
RESERVED_KEYS = frozenset(f"ctrl+{letter}" for letter in "basqjmih") | {"shift+enter"}
_SIGNS = ("auto", "unicode", "ascii")


@dataclass(frozen=True)
class Settings:
    """What the user prefers.

    Attributes:
        theme: by name; an unknown one is reported by the app and replaced by the default.
        slow_link: draw less often and without animation.
        signs: "auto" (by the locale), "unicode" or "ascii".
        keymap: binding id -> keys, separated by commas.
    """

    theme: str | None = None
    slow_link: bool = False
    signs: str = "auto"
    keymap: Mapping[str, str] = field(default_factory=dict)


def settings_file() -> Path:
    """Return where the preferences are: `$AIMIC_SETTINGS`, else `aimic/settings.toml` where this system keeps them.

    Raises:
        InputProblem: there is no home folder to find it by.
    """
    if named := os.environ.get("AIMIC_SETTINGS"):
        return Path(named)
    return config_folder("the preferences", "AIMIC_SETTINGS") / "settings.toml"


def user_settings() -> tuple[Settings, tuple[str, ...]]:
    """Read the user's preferences as `load_settings` does; the defaults where there is no place for them."""
    try:
        return load_settings(settings_file())
    except InputProblem as problem:
        return Settings(), (f"{problem.sentence} Using the default preferences.",)


def load_settings(path: Path) -> tuple[Settings, tuple[str, ...]]:
    """Read the preferences.

    Returns:
        The preferences, defaults where the file is missing or invalid, and a sentence for each thing in the file
        that was ignored.
    """
    where = printable(str(path))
    try:
        values = read_toml(path)
    except FileNotFoundError:
        return Settings(), ()
    except (OSError, DamagedFile) as error:
        why = error.reason if isinstance(error, DamagedFile) else one_line(str(error))
        return Settings(), (f"The preferences in {where} can't be read ({why}). Using the defaults.",)
    settings, problems = Settings(), []
    for key, value in values.items():
        try:
            settings = replace(settings, **{key: _validated(key, value)})
        except ValueError as error:
            problems.append(f"{where}: {error}.")
    return settings, tuple(problems)


def _validated(key: str, value: object) -> Any:
    """Return the value of a preference.

    Raises:
        ValueError: there is no such preference, or its value is invalid; the message says so.
    """
    if key == "theme" and isinstance(value, str):
        return value
    if key == "slow_link" and isinstance(value, bool):
        return value
    if key == "signs" and value in _SIGNS:
        return value
    if key == "keymap" and isinstance(value, dict):
        for action, keys in value.items():
            if not isinstance(keys, str) or not keys:
                raise ValueError(f'keymap: {one_line(action)} needs its keys as text, such as "f5,ctrl+r"')
            if never := [name for name in keys.split(",") if name.strip() in RESERVED_KEYS]:
                raise ValueError(f"keymap: {one_line(', '.join(never))} never reaches a program inside tmux or SSH")
        return {action: keys.replace(" ", "") for action, keys in value.items()}
    expected = {
        "theme": "the name of a theme",
        "slow_link": "true or false",
        "signs": " or ".join(_SIGNS),
        "keymap": "a table",
    }
    if key in expected:
        raise ValueError(f"{key} must be {expected[key]}, not {one_line(repr(value))}")
    raise ValueError(f"{one_line(key)} is not a preference; valid ones are {', '.join(expected)}")


def change_settings(path: Path, **changes: Any) -> Settings:
    """Change some preferences; all others stay, also those that this version does not know.

    Comments in the file are lost.

    Raises:
        OSError: the file can't be written; the old one is untouched.
    """
    import tomli_w

    try:
        values = read_toml(path)
    except (OSError, ValueError):
        values = {}
    values.update(changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, tomli_w.dumps(values))
    return load_settings(path)[0]

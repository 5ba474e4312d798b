"""How paths read."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import home


def short_path(path: Path) -> str:
    """Write a path with `~` for the home folder."""
    folder = home()
    if folder is not None and path.is_relative_to(folder):
        path = Path("~") / path.relative_to(folder)
    return printable(str(path))

"""How paths read."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.text import printable


def short_path(path: Path) -> str:
    """Write a path with `~` for the home folder."""
    try:
        return printable(str(Path("~") / path.relative_to(Path.home())))
    except ValueError:
        return printable(str(path))

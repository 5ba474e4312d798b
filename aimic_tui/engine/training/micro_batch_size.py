"""How many images may go through a network at once, kept for the next start of a trial that devices train together.

Where the memory of one of them runs out amid a step, the others wait for it in theirs: they can't go on together. So
the number is left beside the checkpoint, the attempt ends, and the next one goes on from the last epoch with it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.files import read_json, write_json

_FILE = "part.json"


def kept_part(trial: Path) -> int | None:
    """Return the number that was left in a trial's folder, None where none was."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return max(1, int(read_json(trial / _FILE)["part"]))
    return None


def keep_part(trial: Path, part: int) -> None:
    """Leave a number for the trial's next start.

    Raises:
        OSError: the folder can't be written.
    """
    write_json(trial / _FILE, {"part": part})


def forget_part(trial: Path) -> None:
    """Remove it: the trial is finished."""
    with suppress(OSError):
        (trial / _FILE).unlink()

"""The micro batch size (images that go through a network at once) for the next start of a data-parallel trial.

Where the memory of one of them runs out amid a step, the others wait for it in theirs: they can't go on together. So
the size is saved beside the checkpoint, the attempt ends, and the next one goes on from the last epoch with it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.files import read_json, write_json

_FILE = "part.json"


def load_micro_batch_size(trial: Path) -> int | None:
    """Return the one saved in a trial's folder, None where there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return max(1, int(read_json(trial / _FILE)["part"]))
    return None


def save_micro_batch_size(trial: Path, micro_batch_size: int) -> None:
    """Save it for the trial's next start.

    Raises:
        OSError: the folder can't be written.
    """
    write_json(trial / _FILE, {"part": micro_batch_size})


def remove_micro_batch_size(trial: Path) -> None:
    """Remove it: the trial is finished."""
    with suppress(OSError):
        (trial / _FILE).unlink()

"""The micro-batch size for the next attempt of a data-parallel trial.

Where one rank runs out of memory in the middle of a step, the others wait for it in theirs, and they can't continue
together. So the size is saved beside the checkpoint, the attempt ends, and the next one continues with it after the
last epoch.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.files import write_json
from aimic_tui.engine.typed_values import MALFORMED, whole

_FILE = "part.json"


def load_micro_batch_size(trial: Path) -> int | None:
    """Return the size saved in a trial's folder, None where there is none."""
    with suppress(OSError, *MALFORMED):
        return whole(read_json(trial / _FILE)["part"], 1)
    return None


def save_micro_batch_size(trial: Path, micro_batch_size: int) -> None:
    """Save the size for the trial's next attempt.

    Raises:
        OSError: the folder can't be written.
    """
    write_json(trial / _FILE, {"part": micro_batch_size})


def remove_micro_batch_size(trial: Path) -> None:
    """Remove the saved size: the trial is finished."""
    with suppress(OSError):
        (trial / _FILE).unlink()

"""The scheduler's record of a run, its status and events, also on a full disk; and whether the disk is there.

Some space is reserved for the last events on a full disk. A folder that vanished, as a network mount does, is waited
for: nothing is failed for it, and nothing begun.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.event_log import now
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.run_events import RunEvent, append_to_run
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, write_status
from aimic_tui.engine.system_errors import is_disk_full
from aimic_tui.engine.text import one_line

_RESERVE = 256 * 1024  # bytes reserved
# What a scheduler leaves that is killed while it writes; a trial's other files are its worker's.
_PARTIAL = (".status.json.*.part", ".results.json.*.part")
_PARTIAL_OF_MODEL = ".calibration.json.*.part"


class Journal:
    """A run's status and events as its scheduler writes them; what can't be written goes to the scheduler's log.

    Args:
        folder: the run's.
        written: the status as the file has it.
    """

    def __init__(self, folder: RunFolder, written: RunStatus) -> None:
        self._folder = folder
        self._written = written
        self._full = ""
        for partial in _partial_files(folder):
            partial.unlink(missing_ok=True)
        with suppress(OSError):
            write_atomically(self._reserve_file, os.urandom(_RESERVE))  # random, so that no file system makes it small

    def save(self, status: RunStatus) -> None:
        """Write the status where it changed; what can't be written now is tried again at the next call."""
        if status == self._written:
            return
        try:
            self._with_reserve(lambda: write_status(self._folder, self._explained(status)))
            self._written = status
        except OSError as error:
            log_problem(f"status.json can't be written: {error}")

    def append(self, event: RunEvent) -> None:
        """Append to the run's events."""
        try:
            self._with_reserve(lambda: append_to_run(self._folder, event))
        except OSError as error:
            log_problem(f"the event {event} can't be written: {error}")

    def close(self) -> None:
        """Free the reserved space."""
        with suppress(OSError):
            self._reserve_file.unlink(missing_ok=True)

    @property
    def _reserve_file(self) -> Path:
        return self._folder.path / ".reserve"

    def _with_reserve(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if not is_disk_full(error):
                raise
            self._reserve_file.unlink(missing_ok=True)
            free = shutil.disk_usage(self._folder.path).free
            self._full = f"The disk is full ({free // 1_000_000} MB are free): make space."
            write()

    def _explained(self, status: RunStatus) -> RunStatus:
        return replace(status, reason=self._full) if self._full and status.alive and not status.reason else status


def _partial_files(folder: RunFolder) -> Iterator[Path]:
    for name in _PARTIAL:
        yield from folder.path.glob(name)
    for trial in folder.trials():
        yield from trial.model_folder.glob(_PARTIAL_OF_MODEL)


class Disks:
    """Whether the disks that a run needs are there: its own folder's and its images'.

    Args:
        folder: the run's.
        data: the data set's path.
    """

    def __init__(self, folder: RunFolder, data: str) -> None:
        self._folder = folder
        self._data = Path(data) if data else None
        self._data_device = _device(self._data) if self._data else None
        self._missed_since: float | None = None

    @property
    def missed_for(self) -> float:
        """Seconds since something was found missing, 0 where all is there."""
        return 0.0 if self._missed_since is None else time.monotonic() - self._missed_since

    def missing(self) -> str:
        """Look, and return in a few words what is not as it should be; "" where all is there."""
        gone = ""
        if not _is_writable(self._folder):
            gone = "the run's folder could not be written"
        elif self._data_is_unmounted():
            gone = f"the images in {one_line(str(self._data))} were gone with their disk"
        if not gone:
            self._missed_since = None
        elif self._missed_since is None:
            self._missed_since = time.monotonic()
        return gone

    def removed(self) -> bool:
        """Tell whether the run's folder was removed or renamed: its parent exists, but it does not."""
        try:
            return not self._folder.path.exists() and self._folder.path.parent.is_dir()
        except OSError:
            return False

    def _data_is_unmounted(self) -> bool:
        """Tell whether the images lie on another disk than before: the empty folder that it was mounted on."""
        if self._data is None or self._data_device is None:
            return False
        try:
            there = self._data.exists()
        except OSError:  # a network mount whose server is gone
            return True
        return not there and _device(self._data) != self._data_device


def _is_writable(folder: RunFolder) -> bool:
    # Both the folder and a file in it: the empty mount point of a lost mount may be writable, too.
    try:
        if not folder.status_file.exists() or not os.access(folder.path, os.W_OK):
            return False
        # Permissions stay as they are where a fault makes the system mount a disk read-only: something is written.
        # The lock file's time needs no space, so that a full disk, which is met otherwise, is none that is gone.
        with suppress(FileNotFoundError):
            os.utime(folder.lock_file)
    except OSError as error:
        return is_disk_full(error)
    return True


def _device(path: Path) -> int | None:
    """Return the disk that `path` lies on, or would."""
    for folder in (path, *path.parents):
        with suppress(OSError):
            return folder.stat().st_dev
    return None


def log_problem(text: str) -> None:
    """Write a line into the scheduler's log, with the time."""
    with suppress(OSError):
        print(f"{now().isoformat(timespec='seconds')} {one_line(text)}", file=sys.stderr, flush=True)  # noqa: T201

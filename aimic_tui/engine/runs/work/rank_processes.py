"""The processes that train a trial together with a worker, started and watched by it (rank.py is what they run).

The worker is the first rank: it alone reports, writes the trial's files and heeds a request to stop. It starts
the others for a trial and ends them with it, however it ends. When one of them dies the trial ends too, and the
scheduler hands it out again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.waiting import happened, pause

if TYPE_CHECKING:
    from aimic_tui.engine.training.parallel import Ranks

_CHECK_EVERY = 0.5  # seconds
_NOTICE_PATIENCE = 10.0  # seconds for the work itself to notice that a rank died: a GPU may wait for it for ever


class RankDied(AimicError):
    """One of the processes that train a trial together ended too early; the trial can be tried again."""

    usual_code = "worker-died"
    usual_retry = True


@dataclass(frozen=True)
class RankSettings:
    """Processes that train a trial together.

    Attributes:
        count: how many they are, this one included.
        device: of the first; on GPUs the others have those after it.
        threads: of each.
    """

    count: int
    device: str
    threads: int


@contextmanager
def other_ranks(run: RunFolder, key: TrialKey, settings: RankSettings | None) -> Iterator[Ranks]:
    """Run the other ranks of a trial while the context lasts; alone where there are none.

    Raises:
        RankDied: one of them died, whatever that led to.
    """
    import torch

    from aimic_tui.engine.training.parallel import SINGLE_RANK, process_group

    if settings is None:
        yield SINGLE_RANK
        return
    with temporary_folder("aimic-ranks-") as folder:
        processes = _RankProcesses(run, key, settings, Path(folder))
        try:
            with process_group(0, settings.count, Path(folder) / "meeting", torch.device(settings.device)) as ranks:
                try:
                    yield ranks
                except Exception as error:
                    # Before the ranks part: then the others die of that.
                    if not isinstance(error, AimicError) and (sentence := processes.death(2 * _CHECK_EVERY)):
                        raise RankDied(sentence) from error
                    raise
        finally:
            processes.end()


class _RankProcesses:
    def __init__(self, run: RunFolder, key: TrialKey, settings: RankSettings, folder: Path) -> None:
        self._count = settings.count
        self._over = Event()
        self._processes = [
            subprocess.Popen(
                [
                    *python_command("aimic_tui.engine.runs.work.rank", str(run.path), json.dumps(asdict(key))),
                    *("--rank", str(rank), "--ranks", str(settings.count)),
                    *("--device", _device_of(settings.device, rank)),
                    *("--threads", str(settings.threads), "--folder", str(folder)),
                ],
                stdin=subprocess.DEVNULL,
                env=python_environment(os.environ),
            )
            for rank in range(1, settings.count)
        ]
        Thread(target=self._watch, name="ranks", daemon=True).start()

    def death(self, patience: float) -> str:
        """Return the sentence about a rank that died by itself, "" where none does so within `patience` seconds."""
        until = time.monotonic() + patience
        while True:
            for rank, process in enumerate(self._processes, start=1):
                if code := process.poll():
                    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with exit code {code}"
                    return f"Process {rank + 1} of the {self._count} that train the trial together {how}."
            if time.monotonic() > until:
                return ""
            pause(0.05)

    def end(self) -> None:
        self._over.set()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _watch(self) -> None:
        """End this process where a rank died and the work does not notice."""
        while not happened(self._over, _CHECK_EVERY):
            if sentence := self.death(0.0):
                if not happened(self._over, _NOTICE_PATIENCE):
                    sys.stderr.write(sentence + "\n")
                    sys.stderr.flush()
                    os._exit(1)
                return


def _device_of(first: str, rank: int) -> str:
    return first if first == "cpu" else f"cuda:{rank}"

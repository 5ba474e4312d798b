"""The processes that train a trial together with a worker: `python -m aimic_tui.engine.runs.work.team ...`.

The worker is the first of them: it alone is listened to, writes the trial's files and gives way to a stop. It starts
the others for a trial and ends them with it, however it ends. When one of them dies the trial ends too, and the
scheduler hands it out again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.work.worker import Team, task_loader

if TYPE_CHECKING:
    from aimic_tui.engine.training.parallel import Ranks

_LOOK_EVERY = 0.5  # seconds
_NOTICE_PATIENCE = 10.0  # seconds for the work itself to notice that a helper died: a GPU may wait for it for ever


class HelperDied(AimicError):
    """One of the processes that train a trial together ended too early; the trial can be tried again."""


@contextmanager
def helped(run: RunFolder, key: TrialKey, team: Team | None) -> Iterator[Ranks]:
    """Have the other ranks of a trial for the time of a context; alone where there is no team.

    Raises:
        HelperDied: one of them died, whatever that led to.
    """
    import torch

    from aimic_tui.engine.training.parallel import ALONE, joined

    if team is None:
        yield ALONE
        return
    with tempfile.TemporaryDirectory(prefix="aimic-team-", ignore_cleanup_errors=True) as place:
        helpers = _Helpers(run, key, team, Path(place))
        try:
            with joined(0, team.ranks, Path(place) / "meeting", torch.device(team.device)) as ranks:
                try:
                    yield ranks
                except Exception as error:
                    # Before the ranks part: then the others die of that.
                    if not isinstance(error, AimicError) and (sentence := helpers.death(2 * _LOOK_EVERY)):
                        raise HelperDied(sentence) from error
                    raise
        finally:
            helpers.end()


class _Helpers:
    def __init__(self, run: RunFolder, key: TrialKey, team: Team, place: Path) -> None:
        self._team = team
        self._over = Event()
        self._processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "aimic_tui.engine.runs.work.team", str(run.path), json.dumps(asdict(key))),
                    *("--rank", str(rank), "--ranks", str(team.ranks), "--device", _device_of(team.device, rank)),
                    *("--threads", str(team.threads), "--place", str(place)),
                ],
                stdin=subprocess.DEVNULL,
            )
            for rank in range(1, team.ranks)
        ]
        Thread(target=self._watch, name="helpers", daemon=True).start()

    def death(self, patience: float) -> str:
        """Return the sentence about a helper that died by itself, "" where none does so within `patience` seconds."""
        until = time.monotonic() + patience
        while True:
            for rank, process in enumerate(self._processes, start=1):
                if code := process.poll():
                    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"left with exit code {code}"
                    return f"Process {rank + 1} of the {self._team.ranks} that train the trial together {how}."
            if time.monotonic() > until:
                return ""
            time.sleep(0.05)

    def end(self) -> None:
        self._over.set()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _watch(self) -> None:
        """End this process where a helper died and the work does not notice."""
        while not self._over.wait(_LOOK_EVERY):
            if sentence := self.death(0.0):
                if not self._over.wait(_NOTICE_PATIENCE):
                    sys.stderr.write(sentence + "\n")
                    sys.stderr.flush()
                    os._exit(1)
                return


def _device_of(first: str, rank: int) -> str:
    return first if first == "cpu" else f"cuda:{rank}"


def _follow(parent: int, place: Path) -> None:
    """Leave when the worker has died, whatever this process waits for."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    shutil.rmtree(place, ignore_errors=True)
    os._exit(1)


def main(arguments: Sequence[str]) -> int:
    """Be one of the other ranks of a trial; return the exit code."""
    parser = argparse.ArgumentParser(prog="team")
    parser.add_argument("run", type=Path)
    parser.add_argument("trial", type=json.loads)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--place", type=Path, required=True)
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the worker's to hear
    Thread(target=_follow, args=(os.getppid(), options.place), name="parent", daemon=True).start()
    settle_processor()
    import torch

    from aimic_tui.engine.training.parallel import joined
    from aimic_tui.engine.training.trial import train_trial

    if options.threads:
        torch.set_num_threads(options.threads)
    run, key = RunFolder(options.run.absolute()), TrialKey(**options.trial)
    task = task_loader(run, options.device)(key)
    # What it would write it writes where it is forgotten; the checkpoints that it goes on from are the trial's.
    folder = options.place / f"rank-{options.rank}" / "trials" / key.name
    folder.mkdir(parents=True)
    with joined(options.rank, options.ranks, options.place / "meeting", torch.device(options.device)) as ranks:
        mine = replace(task, folder=folder, checkpoint_folder=task.folder, ranks=ranks)
        train_trial(mine, emit=lambda event, fields: None, should_stop=lambda: False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

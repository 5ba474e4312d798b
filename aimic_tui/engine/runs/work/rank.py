"""One of the other ranks of a trial: `python -m aimic_tui.engine.runs.work.rank ...`, started by a worker.

It trains as the worker does, each with its share of every batch, and writes nothing of the trial.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread

from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.work.trial_tasks import task_loader
from aimic_tui.engine.waiting import pause

_CHECK_EVERY = 0.5  # seconds


def _leave_with(parent: int, folder: Path) -> None:
    """Leave when the worker has died, whatever this process waits for."""
    while os.getppid() == parent:
        pause(_CHECK_EVERY)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(arguments: Sequence[str]) -> int:
    """Be one of the other ranks of a trial; return the exit code."""
    parser = argparse.ArgumentParser(prog="rank")
    parser.add_argument("run", type=Path)
    parser.add_argument("trial", type=json.loads)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--ranks", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the worker heeds them
    Thread(target=_leave_with, args=(os.getppid(), options.folder), name="parent", daemon=True).start()
    settle_processor()
    import torch

    from aimic_tui.engine.training.parallel import process_group
    from aimic_tui.engine.training.trial import train_trial

    if options.threads:
        torch.set_num_threads(options.threads)
    run, key = RunFolder(options.run.absolute()), TrialKey(**options.trial)
    task = task_loader(run, options.device)(key)
    # Its own files go into a temporary folder; it continues from the trial's checkpoints.
    folder = RunFolder(options.folder / f"rank-{options.rank}").trial(key).path
    folder.mkdir(parents=True)
    with process_group(options.rank, options.ranks, options.folder / "meeting", torch.device(options.device)) as ranks:
        own_task = replace(task, folder=folder, checkpoint_folder=task.folder, ranks=ranks)
        train_trial(own_task, emit=lambda event: None, should_stop=lambda: False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The process that trains: `python -m aimic_tui.engine.runs.work.worker RUN_FOLDER --device cpu --threads 2`.

It takes trials from its stdin, a JSON line each (`{"network", "fold", "seed", "inner"}`), and answers with one each on
what was its stdout: `{"trial", "state": "finished" | "stopped" | "failed", "sentence", "kind"}`. Whatever else it or
its libraries print goes to stderr, which is the worker's log. One process trains many trials, so torch is
imported once.

It leaves at the next step when it is asked to stop (a file in the run's folder, SIGTERM, SIGINT, SIGHUP) and when its
parent has died: nobody would hear what it says.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import FileLock, digest_of_bytes, digest_of_file
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.run_folder import RunFolder, TrialFolder, TrialKey
from aimic_tui.engine.runs.work.system_watch import SystemWatch, energy_told, visible_gpus
from aimic_tui.engine.text import one_line
from aimic_tui.engine.workspace_folder import Workspace

if TYPE_CHECKING:
    from aimic_tui.engine.training.trial import TrialTask

_STOP_FILE_EVERY = 0.3  # seconds between looks at the stop file: on a network mount each look costs
_LOCK_PATIENCE = 60.0  # seconds for an orphan to notice that its parent has died and to leave


class StopSigns:
    """What asks a worker to leave what it does.

    Args:
        stop_file: its presence asks.
        parent: this process's parent, as it was at its start.
    """

    def __init__(self, stop_file: Path, parent: int) -> None:
        self.busy = False
        self._stop_file = stop_file
        self._parent = parent
        self._asked = False
        self._looked = -float("inf")

    def on_signal(self, *_: object) -> None:
        """Stop at the next step; leave at once where there is nothing to do."""
        self._asked = True
        if not self.busy:
            sys.exit(0)

    def seen(self) -> bool:
        """Tell whether to stop; cheap enough for every step."""
        if not self._asked:
            now = time.monotonic()
            if now - self._looked >= _STOP_FILE_EVERY:
                self._looked = now
                with suppress(OSError):  # a network mount that is gone asks for nothing
                    self._asked = self._stop_file.exists()
            self._asked = self._asked or os.getppid() != self._parent
        return self._asked


@dataclass(frozen=True)
class Team:
    """Processes that train a trial together.

    Attributes:
        ranks: how many they are, this one included.
        device: of the first; on GPUs the others have those after it.
        threads: of each.
    """

    ranks: int
    device: str
    threads: int


class Worker:
    """Trains the trials of one run that it is handed.

    Args:
        run: the run's folder.
        device: "cpu", "cuda:0"...
        stop: what ends its work.
        team: how many processes train a trial together, where it is not this one alone.
    """

    def __init__(self, run: RunFolder, device: str, stop: StopSigns, team: Team | None = None) -> None:
        self._run = run
        self._device = device
        self._team = team
        self._stop = stop
        self._load: Callable[[TrialKey], TrialTask] | None = None

    def train(self, key: TrialKey) -> dict[str, str]:
        """Train one trial; return the answer."""
        folder = self._run.trial(key)
        answer = {"trial": key.name, "state": "failed", "sentence": "", "kind": ""}
        lock = FileLock(folder.lock_file)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if not self._locked(lock):
                if self._stop.seen():
                    return answer | {"state": "stopped"}
                raise AimicError(
                    f"Another worker process still trains {key.name}. End it, then `aimic resume` the run."
                )
            _clear_up(folder)
            answer["state"] = self._train(key)
        except Exception as error:  # whatever happens to one trial, the others go on
            traceback.print_exc()
            answer |= {"sentence": _sentence(error), "kind": type(error).__name__}
            with suppress(OSError):
                append_event(folder.events_file, "error", sentence=answer["sentence"])
        finally:
            lock.release()
        _let_go_of_memory()
        return answer

    def _locked(self, lock: FileLock) -> bool:
        """Take the trial's lock; wait for an orphan that holds it."""
        until = time.monotonic() + _LOCK_PATIENCE
        while not lock.acquire():
            if time.monotonic() > until or self._stop.seen():
                return False
            time.sleep(0.1)
        return True

    def _train(self, key: TrialKey) -> str:
        from aimic_tui.engine.runs.work.team import helped  # late: it imports this module
        from aimic_tui.engine.training.trial import train_trial

        if self._load is None:
            self._load = task_loader(self._run, self._device)
        task = self._load(key)
        events = self._run.trial(key).events_file

        def tell(event: str, fields: dict[str, Any]) -> None:
            append_event(events, event, **fields)

        with SystemWatch(tell, visible_gpus(), energy_told(events)) as watch:

            def emit(event: str, fields: dict[str, Any]) -> None:
                if event == "progress":
                    with suppress(OSError):  # no epoch is worth losing for it: the disk may be back before it ends
                        tell(event, fields)
                else:
                    tell(event, fields | watch.totals() if event == "trial-finished" else fields)

            with helped(self._run, key, self._team) as ranks:
                return train_trial(replace(task, ranks=ranks), emit=emit, should_stop=self._stop.seen).state


def task_loader(run: RunFolder, device: str) -> Callable[[TrialKey], TrialTask]:
    """Read the run's files once; return what makes a trial's task."""
    from aimic_tui.engine.data.manifest import read_manifest
    from aimic_tui.engine.data.splitting.split import inner_file, read_split
    from aimic_tui.engine.experiment import Experiment
    from aimic_tui.engine.training.trial import TrialTask

    experiment = Experiment.from_file(run.experiment_file)
    data_set = read_manifest(run.manifest_file)
    split = read_split(run.split_file, data_set.images)
    deciding = experiment.to_mapping()
    for key in ("name", "compute", "evaluation"):  # what a resumed run may change
        del deciding[key]
    del deciding["model"]["networks"]
    del deciding["training"]["seeds"]
    experiment_digest = digest_of_bytes(json.dumps(deciding, sort_keys=True).encode())
    split_digest = digest_of_file(run.split_file)
    inner = inner_file(run.split_file)
    inner_digest = digest_of_file(inner) if inner.exists() else ""
    cache = Workspace(run.path.parent.parent).cache_folder

    def load(key: TrialKey) -> TrialTask:
        return TrialTask(
            network=key.network,
            fold=key.fold,
            seed=key.seed,
            experiment=experiment,
            data_set=data_set,
            split=split,
            folder=run.trial(key).path,
            cache_folder=cache,
            device=device,
            experiment_digest=experiment_digest,
            split_digest=digest_of_bytes(f"{inner_digest} {key.inner}".encode()) if key.inner else split_digest,
            run=run.name,
            inner=key.inner,
        )

    return load


def _sentence(error: Exception) -> str:
    if isinstance(error, AimicError):
        return error.sentence
    if isinstance(error, OSError):
        where = f" ({one_line(str(error.filename))})" if error.filename else ""
        return f"{error.strerror or one_line(str(error))}{where}. `aimic resume` goes on from the last checkpoint."
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "The memory ran out. Choose a smaller model.image_size, training.batch_size or network."
    said = one_line(f"{type(error).__name__}: {error}")
    return f"The trial failed by a fault of the program ({said}); the worker's log in the run's folder has the details."


def _clear_up(folder: TrialFolder) -> None:
    """Remove what a worker that was killed left half written; the trial's lock is held, so nobody writes it now."""
    for place in (folder.path, folder.model_folder):
        for left in place.glob(".*.part"):
            with suppress(OSError):
                left.unlink()


def _let_go_of_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def main(arguments: Sequence[str]) -> int:
    """Be a worker until stdin is closed; return the exit code."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1)
    options = parser.parse_args(arguments)
    run = RunFolder(options.run.absolute())
    stop = StopSigns(run.stop_file, os.getppid())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop.on_signal)
    # What the libraries print must not be taken for an answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        if options.threads:
            os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(options.threads)))
        settle_processor()
        team = Team(options.ranks, options.device, options.threads) if options.ranks > 1 else None
        return _serve(Worker(run, options.device, stop, team), stop, answers, options.threads)


def _serve(worker: Worker, stop: StopSigns, answers: IO[str], threads: int) -> int:
    import torch

    if threads:
        torch.set_num_threads(threads)
    for line in sys.stdin:
        stop.busy = True
        record = json.loads(line)
        key = TrialKey(record["network"], *(int(record.get(part, 0)) for part in ("fold", "seed", "inner")))
        answer = worker.train(key)
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except BrokenPipeError:  # the scheduler died; the run's files say all there is to say
            return 0
        if stop.seen():
            return 0
        stop.busy = False
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

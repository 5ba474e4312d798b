"""Kill -9 at thirty moments over a run's whole life: in the end everything is as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest

from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import read_table
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import resume, start_scheduler
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import RunStatus, read_status
from aimic_tui.engine.workspace_folder import Workspace
from tests.processes import children_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.usefixtures("forked")]
KILLS, EPOCHS = 30, 12
NETWORKS = ("test_efficientnet", "test_vit")
FOLDS = 3
OVER = ("finished", "failed", "stopped", "interrupted")


def make_run(cells: Path, workspace: Path, **settings: object) -> RunFolder:
    values: dict[str, object] = {
        "data.path": str(cells),
        "split.folds": FOLDS,
        "model.networks": list(NETWORKS),
        "model.weights": "none",
        "model.image_size": 32,
        "training.epochs": EPOCHS,
        "training.seeds": 1,
        "training.patience": EPOCHS,
        "training.batch_size": 4,
        "training.learning_rate": 0.003,
        "compute.threads": 1,
        "compute.devices": "cpu",
        "evaluation.resamples": 1000,
    }
    values |= {name.replace("__", "."): value for name, value in settings.items()}
    return create_run(Experiment().with_values(values), Workspace(workspace), ["aimic", "train"])


def wait_for(condition: Callable[[], bool], seconds: float = 120, pause: float = 0.002) -> bool:
    """Wait; return whether it came. Kills need a keen eye: a checkpoint is written within milliseconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True


def wait_until_over(folder: RunFolder, seconds: float = 300) -> RunStatus:
    assert wait_for(lambda: read_status(folder).state in OVER, seconds, 0.05), read_status(folder)
    return read_status(folder)


def end_of(folder: RunFolder, key: TrialKey) -> dict[str, object]:
    """Return all that a trial leaves that may not depend on what happened to it."""
    trial = folder.trial(key)
    rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in read_table(trial.metrics_file)]
    files = (trial.predictions_file, trial.validation_file, trial.model_folder / "weights.safetensors")
    return {"metrics": rows} | {file.name: file.read_bytes() for file in files}


class Watch:
    """What a run's files say now, read as they grow."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.keys = [trial.key for trial in read_status(folder).trials]
        self._readers = {key: EventReader(folder.trial(key).events_file, ("progress", "system")) for key in self.keys}
        self.epochs = dict.fromkeys(self.keys, 0)

    @property
    def done(self) -> int:
        """Epochs that are finished, of all trials."""
        for key, reader in self._readers.items():
            for event in reader.new():
                if event["event"] == "epoch":
                    self.epochs[key] = max(self.epochs[key], event["epoch"])
        return sum(self.epochs.values())

    def at_an_end(self) -> bool:
        """Tell whether a trial has all its epochs and is not finished yet."""
        status = read_status(self.folder)
        return any(self.epochs[trial.key] == EPOCHS and trial.state != "finished" for trial in status.trials)

    def writes(self, *names: str) -> bool:
        """Tell whether a file with such a name is being written just now."""
        for key in self.keys:
            place = self.folder.trial(key).path
            for folder in (place, place / "model"):
                with suppress(FileNotFoundError):
                    if any(path.suffix == ".part" and path.name.startswith(names) for path in folder.iterdir()):
                        return True
        return False


class Moments:
    """Chooses when the next kill comes, evenly over a run's whole life, and waits for it."""

    def __init__(self, watch: Watch, chance: random.Random) -> None:
        self.seen: Counter[str] = Counter()
        self.idle = 0  # kills in a row that let no epoch be finished
        self._watch = watch
        self._chance = chance
        self._total = len(watch.keys) * EPOCHS
        self._ends = cycle(["between trials", "model", "test"])
        self._insides = cycle(["checkpoint", "step"])

    def wait(self, kills_left: int) -> None:
        done = self._watch.done
        aim = done + int(self._chance.uniform(0, 2) * (self._total - done) / kills_left)
        if self._chance.random() < 0.3:
            aim = -(-max(aim, 1) // EPOCHS) * EPOCHS  # a trial's end
        # Some epochs are left for the kills that are still to come, and for how late a kill may be.
        aim = min(aim, self._total - kills_left - EPOCHS // 2)
        if aim <= done and not self._watch.at_an_end():
            moment = "start"
            time.sleep(self._chance.uniform(0, 0.15))
        else:
            assert wait_for(lambda: self._watch.done >= aim), f"epoch {aim} of {self._total} did not come"
            moment = self._at_an_end() if self._watch.at_an_end() else self._in_an_epoch()
        self.seen[moment] += 1
        self.idle = self.idle + 1 if self._watch.done == done else 0

    def _in_an_epoch(self) -> str:
        moment = next(self._insides)
        if moment == "step":
            time.sleep(self._chance.uniform(0, 0.1))
        else:
            wait_for(lambda: self._watch.writes(".checkpoint", ".best"), 3, 0.0)
        return moment

    def _at_an_end(self) -> str:
        moment = next(self._ends)
        if moment == "test":
            time.sleep(self._chance.uniform(0, 0.1))
        elif moment == "model":
            wait_for(lambda: self._watch.writes(".weights", ".model", ".predictions", ".validation"), 3, 0.0)
        else:
            wait_for(lambda: not self._watch.at_an_end(), 10)
            time.sleep(self._chance.uniform(0, 0.05))
        return moment


def kill(scheduler: int, victim: str) -> None:
    workers = children_of(scheduler)
    for pid in [*([] if victim == "scheduler" else workers), *([] if victim == "worker" else [scheduler])]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_thirty_kills_change_nothing(cells: Path, tmp_path: Path) -> None:
    undisturbed = make_run(cells, tmp_path / "undisturbed")
    start_scheduler(undisturbed)
    assert wait_until_over(undisturbed).state == "finished"

    folder = make_run(cells, tmp_path / "disturbed")
    start_scheduler(folder)
    chance = random.Random(4)
    moments = Moments(Watch(folder), chance)
    victims: Counter[str] = Counter()
    for number in range(KILLS):
        moments.wait(KILLS - number)
        # A third worker in a row whose trial got nowhere would mean a trial that can't go on, and would be given up.
        victim = "scheduler" if moments.idle > 2 else chance.choice(["worker", "worker", "scheduler", "both"])
        victims[victim] += 1
        scheduler = read_status(folder).pid
        assert scheduler is not None
        kill(scheduler, victim)
        if victim != "worker":
            assert wait_for(lambda: read_status(folder).state == "interrupted", 10)
            resume(folder)

    status = wait_until_over(folder)
    assert status.state == "finished", status.reason
    assert set(moments.seen) == {"start", "step", "checkpoint", "test", "model", "between trials"}, moments.seen
    assert set(victims) == {"worker", "scheduler", "both"}, victims
    keys = [trial.key for trial in status.trials]
    for key in keys:
        assert end_of(folder, key) == end_of(undisturbed, key), key.name
    assert_nothing_was_repeated(folder, keys)
    assert not [path for path in folder.path.rglob(".*") if path.suffix == ".part"]


def assert_nothing_was_repeated(folder: RunFolder, keys: list[TrialKey]) -> None:
    """Every start goes on after the last epoch that was ever told: only an unfinished epoch is done again."""
    for key in keys:
        told = 0
        for event in EventReader(folder.trial(key).events_file).new():
            if event["event"] == "trial-started":
                assert event["epoch"] >= min(told + 1, EPOCHS), key.name
                assert event["resumed"] or not told
            elif event["event"] == "epoch":
                told = max(told, event["epoch"])
        assert told == EPOCHS
    story = [event for event in EventReader(folder.events_file).new() if event["event"] == "trial-failed"]
    assert not any(event["given_up"] for event in story)

"""Real schedulers and workers on tiny images: killed, stopped, resumed, and in the end the same as undisturbed."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import read_table
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import request_stop, resume, start_scheduler
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import RunStatus, read_status
from aimic_tui.engine.workspace_folder import Workspace
from tests.processes import children_of, is_there

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FIRST, SECOND = TrialKey("test_resnet", 1), TrialKey("test_resnet", 2)
OVER = ("finished", "failed", "stopped", "interrupted")


def begin(cells: Path, place: Path) -> RunFolder:
    experiment = Experiment().with_values(
        {
            "data.path": str(cells),
            "split.folds": 2,
            "model.networks": ["test_resnet"],
            "model.weights": "none",
            "model.image_size": 32,
            "training.epochs": 6,
            "training.patience": 6,
            "training.batch_size": 4,
            "training.learning_rate": 0.003,
            "compute.threads": 1,
            "compute.devices": "cpu",
        }
    )
    folder = create_run(experiment, Workspace(place), ["aimic", "train"])
    start_scheduler(folder)
    return folder


def wait_for(folder: RunFolder, condition: Callable[[RunStatus], bool], seconds: float = 300) -> RunStatus:
    deadline = time.monotonic() + seconds
    while not condition(status := read_status(folder)):
        assert time.monotonic() < deadline, f"waited in vain: {status}"
        assert status.state not in ("failed",), status.reason
        time.sleep(0.01)
    return status


def wait_until_over(folder: RunFolder) -> RunStatus:
    return wait_for(folder, lambda status: status.state in OVER)


def epochs_told(folder: RunFolder, key: TrialKey) -> int:
    return sum(event["event"] == "epoch" for event in EventReader(folder.trial(key).events_file).new())


def processes_of(folder: RunFolder) -> list[int]:
    """Return the run's scheduler and workers, by their command lines; not those that were forked."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(folder.path).encode() in arguments:
                found.append(int(entry.name))
    return found


def wait_until_gone(alive: Callable[[], Sequence[object]]) -> None:
    deadline = time.monotonic() + 180  # a finished run makes its baselines and its report before its scheduler leaves
    while left := alive():
        assert time.monotonic() < deadline, f"these processes did not leave: {left}"
        time.sleep(0.1)


def worker_of(folder: RunFolder) -> int:
    (worker,) = children_of(read_status(folder).pid)
    return worker


def figures(folder: RunFolder, key: TrialKey) -> tuple[bytes, list[dict[str, str]]]:
    trial = folder.trial(key)
    rows = read_table(trial.metrics_file)
    for row in rows:
        row.pop("seconds")
    return trial.predictions_file.read_bytes(), rows


@pytest.fixture(scope="module")
def undisturbed(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = begin(cells, tmp_path_factory.mktemp("undisturbed"))
    assert wait_until_over(folder).state == "finished"
    return folder


def test_a_run_finishes_with_models_predictions_and_figures(undisturbed: RunFolder) -> None:
    tested = Counter(
        row["image"] for key in (FIRST, SECOND) for row in read_table(undisturbed.trial(key).predictions_file)
    )
    assert len(tested) == 24
    assert set(tested.values()) == {1}
    for key in (FIRST, SECOND):
        assert (undisturbed.trial(key).model_folder / "weights.safetensors").is_file()
    results = read_json(undisturbed.results_file)
    assert results["complete"]
    assert results["state"] == "finished"
    snapshot = RunFollower(undisturbed).snapshot()
    assert snapshot.fraction == 1.0
    assert [len(trial.epochs) for trial in snapshot.trials] == [6, 6]
    assert all(trial.test["accuracy"] >= 0 for trial in snapshot.trials)
    assert not undisturbed.stop_file.exists()
    wait_until_gone(lambda: processes_of(undisturbed))
    with pytest.raises(InputProblem, match="is finished"):
        resume(undisturbed)


def test_after_kill_9_of_worker_and_scheduler_the_figures_are_the_same(
    undisturbed: RunFolder, forked: None, cells: Path, tmp_path: Path
) -> None:
    folder = begin(cells, tmp_path / "space")
    wait_for(folder, lambda _: epochs_told(folder, FIRST) >= 2)
    os.kill(worker_of(folder), signal.SIGKILL)
    wait_for(folder, lambda _: epochs_told(folder, SECOND) >= 2)
    killed = read_status(folder)
    assert (killed.trials[0].state, killed.trials[0].attempts) == ("finished", 2)
    for process in (killed.pid, worker_of(folder)):
        assert process is not None
        os.kill(process, signal.SIGKILL)
    status = wait_until_over(folder)
    assert status.state == "interrupted"
    assert [trial.state for trial in status.trials] == ["finished", "stopped"]

    resume(folder)
    assert wait_until_over(folder).state == "finished"
    for key in (FIRST, SECOND):
        assert figures(folder, key) == figures(undisturbed, key)


def test_a_stopped_run_and_one_with_an_orphaned_worker_go_on_where_they_were(
    undisturbed: RunFolder, forked: None, cells: Path, tmp_path: Path
) -> None:
    folder = begin(cells, tmp_path / "space")
    wait_for(folder, lambda _: epochs_told(folder, FIRST) >= 2)
    with pytest.raises(InputProblem, match="is running"):
        resume(folder)
    both = [worker_of(folder), read_status(folder).pid]
    request_stop(folder)
    status = wait_until_over(folder)
    assert status.state == "stopped"
    assert [trial.state for trial in status.trials] == ["stopped", "queued"]
    wait_until_gone(lambda: [pid for pid in both if is_there(pid)])

    resume(folder)
    status = wait_for(folder, lambda _: epochs_told(folder, SECOND) >= 1)
    started = [e for e in EventReader(folder.trial(FIRST).events_file).new() if e["event"] == "trial-started"]
    assert [event["resumed"] for event in started] == [False, True]
    orphan = worker_of(folder)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    assert wait_until_over(folder).state == "interrupted"

    resume(folder)  # at once: the new worker waits until the orphan lets go of the trial
    assert wait_until_over(folder).state == "finished"
    assert not is_there(orphan)
    told = [e["event"] for e in EventReader(folder.trial(SECOND).events_file).new() if e["event"].startswith("trial-")]
    assert told == ["trial-started", "trial-stopped", "trial-started", "trial-finished"], "never two at once"
    for key in (FIRST, SECOND):
        assert figures(folder, key) == figures(undisturbed, key)

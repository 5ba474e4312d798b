"""One trial by two processes on the processor: what one process makes of it, within rounding; and what kills do."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.files import read_table
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import request_stop, resume, start_scheduler
from aimic_tui.engine.runs.status import read_status
from tests.engine.runs.work.test_kills import end_of, make_run, wait_for, wait_until_over
from tests.processes import children_of, is_there

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("forked")]
KEY = TrialKey("test_resnet", 1)  # batch norms, no dropout


def begin(cells: Path, place: Path, **settings: object) -> RunFolder:
    folder = make_run(
        cells,
        place,
        split__method="hold-out",
        model__networks=["test_resnet"],
        training__batch_size=5,  # of 16 images: shares of 2 and 3, and a last batch of one image left out
        training__epochs=4,
        training__optimizer="sgd",
        training__learning_rate=0.01,
        **settings,
    )
    start_scheduler(folder)
    return folder


def worker_and_rank(folder: RunFolder) -> tuple[int, int]:
    (worker,) = children_of(read_status(folder).pid)
    (rank,) = children_of(worker)
    return worker, rank


def epochs(folder: RunFolder) -> int:
    return sum(event["event"] == "epoch" for event in EventReader(folder.trial(KEY).events_file).new())


def weights(folder: RunFolder) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return load_file(folder.trial(KEY).model_folder / "weights.safetensors")


@pytest.fixture(scope="module")
def by_two(cells: Path, forked: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = begin(cells, tmp_path_factory.mktemp("two"), compute__data_parallel=2)
    status = wait_until_over(folder)
    assert status.state == "finished", status.reason
    return folder


def test_two_processes_make_of_a_trial_what_one_makes(by_two: RunFolder, cells: Path, tmp_path: Path) -> None:
    alone = begin(cells, tmp_path / "alone")
    assert wait_until_over(alone).state == "finished"
    one, two = weights(alone), weights(by_two)
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
    rows = [read_table(folder.trial(KEY).metrics_file) for folder in (alone, by_two)]
    for first, second in zip(*rows, strict=True):
        assert float(first["train_loss"]) == pytest.approx(float(second["train_loss"]), rel=1e-4)
        assert first["train_accuracy"] == second["train_accuracy"]
    told = [read_table(folder.trial(KEY).predictions_file) for folder in (alone, by_two)]
    assert [row["image"] for row in told[0]] == [row["image"] for row in told[1]]  # each once, in order
    for first, second in zip(*told, strict=True):
        assert float(first["probability"]) == pytest.approx(float(second["probability"]), abs=1e-3)


def test_the_death_of_any_process_is_made_good(by_two: RunFolder, cells: Path, tmp_path: Path) -> None:
    folder = begin(cells, tmp_path / "killed", compute__data_parallel=2)
    assert wait_for(lambda: epochs(folder) >= 1)
    _, rank = worker_and_rank(folder)
    os.kill(rank, signal.SIGKILL)
    assert wait_for(lambda: epochs(folder) >= 2)
    told = [event["sentence"] for event in EventReader(folder.events_file).new() if event["event"] == "trial-failed"]
    assert len(told) == 1
    assert "Process 2 of the 2 that train the trial together was ended by SIGKILL" in told[0]
    worker, rank = worker_and_rank(folder)
    os.kill(worker, signal.SIGKILL)
    assert wait_until_over(folder).state == "finished"
    assert wait_for(lambda: not is_there(rank), 30)  # the one that lost its worker left too
    assert end_of(folder, KEY) == end_of(by_two, KEY)


def test_a_stop_is_taken_and_the_trial_goes_on_alone(by_two: RunFolder, cells: Path, tmp_path: Path) -> None:
    folder = begin(cells, tmp_path / "stopped", compute__data_parallel=2)
    assert wait_for(lambda: epochs(folder) >= 2)
    _, rank = worker_and_rank(folder)
    request_stop(folder)
    assert wait_until_over(folder).state == "stopped"
    assert wait_for(lambda: not is_there(rank), 30)
    experiment = folder.experiment_file.read_text()
    folder.experiment_file.write_text(experiment.replace("data_parallel = 2", 'data_parallel = "off"'))
    resume(folder)  # with another number of devices, from the same checkpoint
    assert wait_until_over(folder).state == "finished"
    one, two = weights(folder), weights(by_two)
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-3, atol=1e-4, err_msg=name)

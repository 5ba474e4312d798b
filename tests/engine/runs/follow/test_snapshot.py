from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import FileLock, write_json
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.status import read_recorded, write_status

MakeRun = Callable[..., RunFolder]
FIRST, SECOND = TrialKey("small", 1), TrialKey("small", 2)


@pytest.fixture
def run(make_run: MakeRun) -> Iterator[RunFolder]:
    """A run of two trials that is going on."""
    folder = make_run()
    write_status(folder, replace(read_recorded(folder), state="running"))
    lock = FileLock(folder.lock_file)
    lock.acquire()
    yield folder
    lock.release()


def tell(run: RunFolder, key: TrialKey, event: str, **fields: Any) -> None:
    run.trial(key).path.mkdir(parents=True, exist_ok=True)
    append_event(run.trial(key).events_file, event, **fields)


def epoch(number: int, f1: float, best: int, **fields: Any) -> dict[str, Any]:
    return {
        "epoch": number,
        "epochs": 4,
        "train_loss": 0.5,
        "validation_loss": 0.6,
        "validation_macro_f1": f1,
        "seconds": 10.0,
        "best": best == number,
        "best_epoch": best,
        "monitor": f1,
        **fields,
    }


def set_trial(run: RunFolder, key: TrialKey, state: str) -> None:
    status = read_recorded(run)
    trials = tuple(replace(t, state=state) if t.key == key else t for t in status.trials)  # type: ignore[arg-type]
    write_status(run, replace(status, trials=trials))


def test_a_run_that_has_only_begun(run: RunFolder) -> None:
    snapshot = RunFollower(run).snapshot()
    assert snapshot.status.state == "running"
    assert [trial.epochs for trial in snapshot.trials] == [(), ()]
    assert (snapshot.fraction, snapshot.seconds_left, snapshot.images_per_second) == (0.0, None, 0.0)
    assert snapshot.macro_f1 == {}


def test_epochs_and_progress_appear_as_they_are_told(run: RunFolder) -> None:
    follower = RunFollower(run)
    follower.snapshot()
    set_trial(run, FIRST, "running")
    tell(run, FIRST, "trial-started", epoch=1, train=90, validation=30, device="cpu", batch_size=8, precision="fp32")
    tell(run, FIRST, "epoch", **epoch(1, 0.4, best=1))
    tell(run, FIRST, "epoch", **epoch(2, 0.3, best=1))
    tell(run, FIRST, "progress", phase="train", epoch=3, batch=5, batches=10, images_per_second=50.0, waiting=0.1)
    snapshot = follower.snapshot()
    trial = snapshot.trials[0]
    assert [record.epoch for record in trial.epochs] == [1, 2]
    assert (trial.best_epoch, trial.best_value) == (1, 0.4)
    assert trial.progress is not None
    assert trial.progress.share == 0.5
    assert trial.start is not None
    assert trial.start.train == 90
    assert snapshot.images_per_second == 50.0
    # Of two trials of at most four epochs at ten seconds each, two and about a half epochs are done.
    assert snapshot.fraction == pytest.approx(2.475 / 8)
    assert snapshot.seconds_left == pytest.approx(55.25)


def test_before_the_first_epoch_ends_its_speed_tells_the_time(run: RunFolder) -> None:
    set_trial(run, FIRST, "running")
    tell(run, FIRST, "trial-started", epoch=1, train=90, validation=30)
    tell(run, FIRST, "progress", phase="train", epoch=1, batch=0, batches=10, images_per_second=10.0)
    assert RunFollower(run).snapshot().seconds_left == pytest.approx(8 * 10.0)


def test_trials_that_stopped_early_shorten_the_estimate_of_the_others(run: RunFolder) -> None:
    for number in (1, 2):
        tell(run, FIRST, "epoch", **epoch(number, 0.5, best=1))
    tell(run, FIRST, "trial-finished", best_epoch=1, epochs=2, stopped_early=True, test={"accuracy": 0.9, "ece": None})
    set_trial(run, FIRST, "finished")
    snapshot = RunFollower(run).snapshot()
    assert snapshot.seconds_left == pytest.approx(20.0)
    assert snapshot.fraction == 0.5
    assert snapshot.trials[0].test["accuracy"] == 0.9
    assert math.isnan(snapshot.trials[0].test["ece"])


def test_a_killed_trial_that_does_an_epoch_again_has_it_once(run: RunFolder) -> None:
    tell(run, FIRST, "epoch", **epoch(1, 0.4, best=1))
    tell(run, FIRST, "epoch", **epoch(2, 0.5, best=2))
    tell(run, FIRST, "trial-started", epoch=2, resumed=True)
    follower = RunFollower(run)
    trial = follower.snapshot().trials[0]
    assert [record.epoch for record in trial.epochs] == [1]
    assert trial.best_epoch == 1
    tell(run, FIRST, "epoch", **epoch(2, 0.6, best=2))
    trial = follower.snapshot().trials[0]
    assert [(record.epoch, record.validation_macro_f1) for record in trial.epochs] == [(1, 0.4), (2, 0.6)]


def test_what_is_not_finite_or_missing_is_nan(run: RunFolder) -> None:
    tell(run, FIRST, "epoch", epoch=1, epochs=4, train_loss=math.nan, validation_loss="much", seconds=True)
    record = RunFollower(run).snapshot().trials[0].epochs[0]
    assert math.isnan(record.train_loss)
    assert math.isnan(record.validation_loss)
    assert math.isnan(record.monitor)


def test_a_trial_that_did_not_change_is_the_same_object(run: RunFolder) -> None:
    follower = RunFollower(run)
    tell(run, FIRST, "epoch", **epoch(1, 0.4, best=1))
    before = follower.snapshot()
    tell(run, SECOND, "epoch", **epoch(1, 0.4, best=1))
    after = follower.snapshot()
    assert before.trials[0] is after.trials[0]
    assert before.trials[1] is not after.trials[1]


def test_the_log_is_in_order_printable_and_bounded(run: RunFolder) -> None:
    append_event(run.events_file, "run-started", pid=1)
    time.sleep(0.002)  # times are told in milliseconds
    tell(run, SECOND, "warning", sentence="class \x1b[31mred is small")
    time.sleep(0.002)
    append_event(run.events_file, "trial-failed", trial=SECOND.name, sentence="No memory.", attempt=1, given_up=True)
    follower = RunFollower(run)
    log = follower.snapshot().log
    assert [(line.trial, line.level) for line in log] == [
        ("", "info"),
        (SECOND.name, "warning"),
        (SECOND.name, "error"),
    ]
    assert log[1].text == r"class \x1b[31mred is small"
    for number in range(1200):
        append_event(run.events_file, "warning", sentence=f"number {number}")
    log = follower.snapshot().log
    assert len(log) == 1000
    assert log[-1].text == "number 1199"


def test_broken_files_never_stop_the_follower(run: RunFolder) -> None:
    follower = RunFollower(run)
    tell(run, FIRST, "epoch", **epoch(1, 0.4, best=1))
    tell(run, FIRST, "epoch", epoch=None)
    tell(run, FIRST, "trial-finished", test=[1, 2])
    follower.snapshot()
    run.status_file.write_text("{")
    run.results_file.write_text("[")
    snapshot = follower.snapshot()
    assert snapshot.status.state == "running"  # as it was known last
    assert snapshot.macro_f1 == {}
    run.trial(FIRST).events_file.write_text("")
    assert follower.snapshot().trials[0].epochs == ()


def test_a_folder_that_is_no_run_is_shown_as_failed_with_the_reason(run: RunFolder) -> None:
    snapshot = RunFollower(RunFolder(run.path / "nothing")).snapshot()
    assert snapshot.status.state == "failed"
    assert "can't be read" in snapshot.status.reason


def test_results_are_read_when_they_change(run: RunFolder) -> None:
    follower = RunFollower(run)
    for value in (0.8, 0.9):
        figure = {"value": value, "low": 0.7, "high": None}
        write_json(run.results_file, {"networks": {"resnet18": {"pooled": {"macro_f1": figure}}}})
        assert follower.snapshot().macro_f1 == {"resnet18": Interval(value, 0.7)}


def test_a_run_whose_scheduler_died_is_interrupted_at_the_next_look(make_run: MakeRun) -> None:
    folder = make_run(state="running")
    lock = FileLock(folder.lock_file)
    lock.acquire()
    follower = RunFollower(folder)
    assert follower.snapshot().status.state == "running"
    lock.release()
    snapshot = follower.snapshot()
    assert snapshot.status.state == "interrupted"
    assert snapshot.seconds_left is None

"""Which ends of a trial count, and when they begin to count anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.work.retries import Setbacks
from aimic_tui.engine.training.micro_batch_size import keep_part

KEY = TrialKey("small", 1)


@pytest.fixture
def folder(make_run: Callable[..., RunFolder]) -> RunFolder:
    folder = make_run()
    folder.trial(KEY).path.mkdir(parents=True)
    return folder


def attempt(folder: RunFolder, setbacks: Setbacks, *epochs: int) -> None:
    setbacks.assigned(KEY)
    append_event(folder.trial(KEY).events_file, "trial-started")
    for epoch in epochs:
        append_event(folder.trial(KEY).events_file, "epoch", epoch=epoch)


def test_setbacks_count_in_a_row_and_a_finished_epoch_begins_anew(folder: RunFolder) -> None:
    setbacks = Setbacks(folder)
    counts = []
    for epochs in ((), (), (1, 2), (), (3,)):
        attempt(folder, setbacks, *epochs)
        counts.append(setbacks.count(KEY))
    assert counts == [1, 2, 1, 2, 1]


def test_an_attempt_that_got_on_clears_them_though_it_was_no_setback_itself(folder: RunFolder) -> None:
    setbacks = Setbacks(folder)
    attempt(folder, setbacks)
    assert setbacks.count(KEY) == 1
    attempt(folder, setbacks, 1)  # its worker was asked to leave, and did
    attempt(folder, setbacks)
    assert setbacks.count(KEY) == 1


def test_going_on_with_fewer_images_at_once_is_no_setback(folder: RunFolder) -> None:
    setbacks = Setbacks(folder)
    counts = []
    for part in (16, 8, 8, 4):
        attempt(folder, setbacks)
        keep_part(folder.trial(KEY).path, part)
        counts.append(setbacks.count(KEY))
    assert counts == [0, 0, 1, 1]

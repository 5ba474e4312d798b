"""Which ends of a trial count, and when they begin to count anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.work.retries import Retries
from aimic_tui.engine.training.micro_batch_size import save_micro_batch_size

KEY = TrialKey("small", 1)


@pytest.fixture
def folder(make_run: Callable[..., RunFolder]) -> RunFolder:
    folder = make_run()
    folder.trial(KEY).path.mkdir(parents=True)
    return folder


def attempt(folder: RunFolder, retries: Retries, *epochs: int) -> None:
    retries.assigned(KEY)
    append_event(folder.trial(KEY).events_file, "trial-started")
    for epoch in epochs:
        append_event(folder.trial(KEY).events_file, "epoch", epoch=epoch)


def test_failures_count_in_a_row_and_a_finished_epoch_begins_anew(folder: RunFolder) -> None:
    retries = Retries(folder)
    counts = []
    for epochs in ((), (), (1, 2), (), (3,)):
        attempt(folder, retries, *epochs)
        counts.append(retries.count_failure(KEY))
    assert counts == [1, 2, 1, 2, 1]


def test_an_attempt_that_got_on_clears_them_though_it_was_no_failure_itself(folder: RunFolder) -> None:
    retries = Retries(folder)
    attempt(folder, retries)
    assert retries.count_failure(KEY) == 1
    attempt(folder, retries, 1)  # its worker was asked to leave, and did
    attempt(folder, retries)
    assert retries.count_failure(KEY) == 1


def test_going_on_with_fewer_images_at_once_is_no_failure(folder: RunFolder) -> None:
    retries = Retries(folder)
    counts = []
    for part in (16, 8, 8, 4):
        attempt(folder, retries)
        save_micro_batch_size(folder.trial(KEY).path, part)
        counts.append(retries.count_failure(KEY))
    assert counts == [0, 0, 1, 1]

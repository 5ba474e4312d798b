"""The range test on real networks: a trial's own first steps, on training images alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.training.initial_network import initialise_weights, initialised_network
from aimic_tui.engine.training.range_test import RangeTest, run_range_test
from aimic_tui.engine.training.task import TrialTask, fold_parts
from aimic_tui.engine.training.trial import train_trial
from tests.engine.training.small import Story, make_task


def curve_of(task: TrialTask, **options: Any) -> tuple[RangeTest, list[tuple[int, float, float, float]]]:
    heard: list[tuple[int, float, float, float]] = []
    chosen = {"first": 1e-5, "last": 1.0, "steps": 24, "should_stop": lambda: False, "warn": lambda _: None} | options
    result = run_range_test(task, on_step=lambda *step: heard.append(step), **chosen)
    return result, heard


def test_it_learns_then_diverges_and_the_same_seed_gives_the_same_curve(tmp_path: Path) -> None:
    task = make_task(tmp_path, training__optimizer="sgd")
    result, heard = curve_of(task, last=100.0)
    assert [step for step, *_ in heard] == list(range(1, len(result.rates) + 1))
    assert [loss for _, _, loss, _ in heard] == list(result.losses)
    assert list(result.rates) == sorted(result.rates)
    assert result.diverged
    assert len(result.rates) < 24
    assert result.batch_size == 8
    again, _ = curve_of(make_task(tmp_path, training__optimizer="sgd"), last=100.0)
    assert again.losses == result.losses


def test_it_begins_where_the_trial_begins(tmp_path: Path) -> None:
    # At a rate of nearly nothing the first steps' losses are those of a trial that hardly moves.
    task = make_task(
        tmp_path, training__epochs=1, training__learning_rate=1e-9, training__schedule="constant", training__warmup=0.0
    )
    story = Story()
    train_trial(task, emit=story.emit, should_stop=story.should_stop)
    steps = story.of("trial-started")[0]["steps"]
    result, _ = curve_of(make_task(tmp_path), first=1e-9, last=2e-9, steps=max(steps, 5))
    (epoch,) = story.of("epoch")
    weights = [8.0] * steps
    mean = sum(loss * weight for loss, weight in zip(result.losses[:steps], weights, strict=True)) / sum(weights)
    assert mean == pytest.approx(epoch["train_loss"], rel=0.02)
    info = find_network(task.network)
    first, second = (initialised_network(task, info, 32) for _ in range(2))
    initialise_weights(first, task, info)
    initialise_weights(second, task, info)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_only_images_that_the_fold_trains_on_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trainable: str
) -> None:
    task = make_task(tmp_path, model__trainable=trainable)
    read: set[Path] = set()
    load = Preprocessing.load

    def noted(self: Preprocessing, path: Path) -> Any:
        read.add(path)
        return load(self, path)

    monkeypatch.setattr(Preprocessing, "load", noted)
    result, _ = curve_of(task, steps=12)
    train = fold_parts(task.split, 1, "honest").train
    assert read <= {task.data_set.path(int(index)) for index in train}
    assert len(result.losses) >= 5


def test_mixed_images_and_focal_loss_are_tested_as_they_will_be_trained(tmp_path: Path) -> None:
    plain, _ = curve_of(make_task(tmp_path), steps=10)
    mixed, _ = curve_of(make_task(tmp_path, augmentation__mixup=1.0), steps=10)
    focal, _ = curve_of(make_task(tmp_path, training__loss="focal"), steps=10)
    assert plain.losses[0] == pytest.approx(mixed.losses[0], rel=1e-3)  # the classifier begins at zero
    assert focal.losses[0] < plain.losses[0]
    assert mixed.losses != plain.losses


def test_a_stop_is_heard_at_the_next_step_and_leaves_no_cache(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    asked = iter([False] * 6 + [True] * 1000)
    with pytest.raises(Interrupted):
        curve_of(task, should_stop=lambda: next(asked))
    assert not list(tmp_path.glob("cache/*.images"))


def test_rates_at_which_nothing_can_be_learned_suggest_nothing(tmp_path: Path) -> None:
    result, _ = curve_of(make_task(tmp_path, training__optimizer="sgd"), first=1e30, last=1e38)
    assert result.diverged
    assert result.suggestion.rate is None
    assert "No suggestion" in result.suggestion.sentence

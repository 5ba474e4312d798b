"""Warnings about how a training goes: when they come, and that good trainings get none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_events import EpochRecord
from aimic_tui.engine.training.alerts import Alerts, overfitting, validation_size_warning

PLAIN = Experiment()


def history(train: list[float], validation: list[float]) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=number,
            epochs=len(train),
            learning_rate=1e-3,
            train_loss=one,
            train_accuracy=0.5,
            validation_loss=other,
            validation_accuracy=0.5,
            validation_macro_precision=0.5,
            validation_macro_recall=0.5,
            validation_macro_f1=0.5,
            validation_balanced_accuracy=0.5,
            seconds=1.0,
            best=False,
            best_epoch=3,
            monitor=0.5,
        )
        for number, (one, other) in enumerate(zip(train, validation, strict=True), start=1)
    ]


def told(epochs: list[EpochRecord], start: float = 1.1, warmup_end: float = 1.0) -> list[tuple[int, str]]:
    """Follow a history through the real thing; return each sentence with its epoch."""
    alerts, found = Alerts(PLAIN), []
    for number in range(1, len(epochs) + 1):
        for sentence in alerts.observe(epochs[:number], start if number == 1 else None, warmup_end):
            found.append((number, sentence))
    return found


def test_overfitting_is_told_once_with_the_epoch_after_which_it_began() -> None:
    train = [1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04]
    validation = [1.0, 0.8, 0.7, 0.62, 0.66, 0.7, 0.74, 0.8, 0.84, 0.9, 0.95, 1.0]
    ((epoch, sentence),) = told(history(train, validation))
    assert epoch == 9
    assert "Overfitting after epoch 4" in sentence and "rose from 0.62 to 0.793" in sentence
    assert "augmentation.preset=strong" in sentence and "augmentation.mixup=0.2" in sentence
    assert "Epoch 3 is the best so far" in sentence


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([1 / n for n in range(1, 16)], [1 / n + 0.1 for n in range(1, 16)]),  # both fall
        ([1.0] * 3 + [0.95] * 12, [0.5] + [0.7] * 14),  # training is stuck too
        (
            [1 / n for n in range(1, 16)],
            [0.9, 0.5, 0.52, 0.49, 0.53, 0.5, 0.54, 0.51, 0.5, 0.53, 0.51, 0.52] + [0.5] * 3,
        ),
        ([1 / n for n in range(1, 16)], [1.0, 0.6, 0.5, 0.9] + [0.49] * 11),  # one bad epoch
    ],
)
def test_trainings_that_do_not_overfit_are_not_told_they_do(train: list[float], validation: list[float]) -> None:
    assert told(history(train, validation)) == []


def test_advice_against_overfitting_leaves_out_what_is_done_already() -> None:
    done = Experiment().with_values({"augmentation.preset": "strong", "augmentation.mixup": 0.2})
    train, validation = [1.0, 0.5, 0.3, 0.2, 0.1, 0.1, 0.05], [0.5, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0]
    found = overfitting(history(train, validation), done)
    assert found is not None
    assert "strong" not in found.sentence and "mixup" not in found.sentence
    assert "training.label_smoothing=0.1" in found.sentence


def test_too_high_a_rate_is_told_after_the_warm_up_only() -> None:
    losses = [2.0, 1.6, 1.5, 1.4]
    ((epoch, sentence),) = told(history(losses, [1.0, 1.0, 1.0, 1.0]), start=1.1, warmup_end=1.0)
    assert epoch == 2 and "in epoch 2 the training loss is 1.6, above the 1.1 it began with" in sentence
    assert "it is 0.0003" in sentence and "3e-05" in sentence
    assert told(history(losses, [1.0] * 4), start=1.1, warmup_end=4.0) == []
    assert told(history([1.15, 1.1, 1.0, 0.9], [1.0] * 4), start=1.1) == []


def test_what_was_told_is_remembered() -> None:
    epochs = history([2.0, 1.6, 1.5], [1.0] * 3)
    first = Alerts(PLAIN)
    assert first.observe(epochs[:2], 1.0, 1.0)
    second = Alerts(PLAIN)
    second.load_state_dict(first.state_dict())
    assert second.observe(epochs, None, 1.0) == []
    assert math.isclose(second.state_dict()["start_loss"], 1.0)


CLASSES = ("blast", "monocyte", "rare")


def few(counts: list[int], *, validation: bool = True, **settings: object) -> str | None:
    labels = np.repeat(np.arange(3), counts).astype(np.int32)
    experiment = Experiment().with_values({key.replace("__", "."): value for key, value in settings.items()})
    return validation_size_warning(labels, CLASSES, experiment, validation=validation)


def test_few_images_to_choose_an_epoch_by() -> None:
    assert few([20, 20, 5]) is None
    sentence = few([20, 20, 2])
    assert sentence is not None
    assert "42 validation images, 2 of class rare. The best epoch is a guess (one more" in sentence
    assert "moves macro F1 by about 0.17)" in sentence
    assert "Raise split.validation (it is 0.15), or set training.monitor=loss" in sentence
    assert few([20, 20, 2], training__monitor="loss") is None
    by_loss = few([7, 6, 3], training__monitor="loss")
    assert by_loss is not None and "monitor=loss" not in by_loss
    published = few([20, 20, 2], validation=False, training__monitor="accuracy")
    assert published is not None and "accuracy by about 0.024" in published and "split.validation" not in published
    none = few([20, 20, 0])
    assert none is not None and "none of class rare. The best epoch is a guess. Raise" in none

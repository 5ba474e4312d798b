from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS
from aimic_tui.engine.inference.shift import Sample, compare_samples, frechet_distance, mean_shift


def sample(
    images: int, seed: int, *, move: float = 0.0, darker: float = 0.0, classes: int = 2, each: int = 2
) -> Sample:
    random = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    features = random.normal(size=(images, 30)) + 2.0 * labels[:, None]
    features[:, :5] += move
    colours = np.tile([180.0, 150.0, 190.0, 0.3, 165.0, 30.0, 0.4], (images, 1)) + random.normal(0, 5, (images, 7))
    colours[:, COLOUR_STATISTICS.index("brightness")] -= darker
    groups = (np.arange(images) // each + 10_000 * seed).astype(np.uint64)
    return Sample(features, colours, labels, groups)


def test_images_of_one_kind_can_hardly_be_told_apart() -> None:
    verdicts = []
    for seed in range(10):
        shift = compare_samples(sample(200, 2 * seed + 1), sample(200, 2 * seed + 2))
        assert shift.auroc.value == pytest.approx(0.5, abs=0.13)
        assert shift.distance == pytest.approx(1, abs=0.35)
        verdicts.append(shift.verdict)
    assert verdicts.count("same") >= 9


def test_another_kind_is_called_so_and_what_shows_is_said() -> None:
    shift = compare_samples(sample(200, 1), sample(200, 2, move=3.0, darker=20.0))
    assert shift.verdict == "clearly shifted"
    assert shift.auroc.low is not None
    assert shift.auroc.low > 0.9
    assert shift.distance is not None
    assert shift.distance > 1.5
    sentence = shift.sentence()
    assert "clearly differ" in sentence
    assert "darker (brightness 14" in sentence
    assert "redder" not in sentence
    assert "standard deviations" in sentence


def test_another_mix_of_classes_is_no_shift() -> None:
    many = sample(400, 1)
    mostly_first = np.flatnonzero((many.labels == 0) | (np.arange(400) % 20 == 1))
    shift = compare_samples(sample(300, 2), many.part(mostly_first))
    assert shift.auroc.value == pytest.approx(0.5, abs=0.2)
    assert shift.images == 150 + 20


def test_the_same_images_are_not_told_apart_by_memory() -> None:
    same = sample(200, 1)
    shift = compare_samples(same, same)
    assert shift.auroc.value == pytest.approx(0.5, abs=0.1)
    assert shift.verdict == "same"


def test_too_few_groups_give_no_answer() -> None:
    shift = compare_samples(sample(200, 1), sample(60, 2, each=10))
    assert (shift.auroc, shift.verdict) == (Interval(None), "unknown")
    assert "too few images to tell" in shift.sentence()


def test_images_without_a_known_class_are_compared_all_together() -> None:
    known, new = sample(200, 1), sample(100, 2, move=3.0)
    new = Sample(new.features, new.colours, np.full(100, -1), new.groups)
    assert compare_samples(known, new).verdict == "clearly shifted"


def test_the_same_question_gets_the_same_answer() -> None:
    assert compare_samples(sample(150, 1), sample(90, 2)) == compare_samples(sample(150, 1), sample(90, 2))


def test_colours_that_cant_be_measured_break_nothing() -> None:
    known, new = sample(100, 1), sample(100, 2)
    new.colours[:] = np.nan
    shift = compare_samples(known, new)
    assert all(np.isnan(colour.deviations) for colour in shift.colours)
    assert "are similar" in shift.sentence()


def test_several_models_are_heard_together() -> None:
    shifts = [compare_samples(sample(100, 1), sample(100, seed, move=1.5)) for seed in (2, 3)]
    mean = mean_shift(shifts)
    values = [shift.auroc.value for shift in shifts if shift.auroc.value is not None]
    assert mean.auroc.value == pytest.approx(np.mean(values))
    assert mean_shift(shifts[:1]) == shifts[0]
    assert mean_shift([shifts[0], compare_samples(sample(200, 1), sample(60, 2, each=10))]).verdict == "unknown"


def test_the_distance_of_two_normal_distributions_is_the_published_formula() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(0, 1, (20_000, 1)), random.normal(3, 2, (20_000, 1))
    assert frechet_distance(a, b) == pytest.approx(np.sqrt(3**2 + (2 - 1) ** 2), rel=0.02)
    both = np.hstack([a, 2 * a]), np.hstack([b, 2 * b])
    assert frechet_distance(*both) == pytest.approx(np.sqrt(5) * frechet_distance(a, b))
    assert frechet_distance(a, a) == 0

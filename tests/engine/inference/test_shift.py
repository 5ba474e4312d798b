from __future__ import annotations

import math

import numpy as np
import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.inference.appearance import ColourShift
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS
from aimic_tui.engine.inference.shift import SAME_BELOW, Sample, compare_samples, frechet_distance, mean_shift


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


def test_images_of_one_kind_are_called_so_once_there_are_enough_of_them() -> None:
    for seed in range(1):
        shift = compare_samples(sample(600, 2 * seed + 1, each=1), sample(600, 2 * seed + 2, each=1))
        assert shift.auroc.value == pytest.approx(0.5, abs=0.08)
        assert shift.distance == pytest.approx(1, abs=0.35)
        assert shift.verdict == "same"
        assert shift.achievable is not None
        assert 0.5 <= shift.achievable < SAME_BELOW
        assert "would reach 0.6" in shift.sentence() or "would reach 0.5" in shift.sentence()
        few = compare_samples(sample(60, 2 * seed + 1, each=1), sample(60, 2 * seed + 2, each=1))
        assert few.verdict == "unknown"
        assert few.remarks()[0].kind == "open"
        assert "too few images to tell" in few.sentence()


def test_few_images_of_another_kind_are_never_called_the_same() -> None:
    """Any number of them would reach an AUROC of 0.79; so few train a classifier that finds less."""
    move = math.sqrt(2 * 0.8064**2 / 5)  # Phi(0.8064) = 0.79, over five features
    found = [compare_samples(sample(60, seed, each=1), sample(60, seed + 50, each=1, move=move)) for seed in range(12)]
    assert np.mean([shift.auroc.value for shift in found if shift.auroc.value is not None]) < 0.75
    assert not any(shift.verdict == "same" for shift in found)
    assert all(shift.achievable is not None and shift.achievable > 0.79 for shift in found)


def test_a_shift_that_any_classifier_would_miss_in_so_many_features_leaves_it_open() -> None:
    random = np.random.default_rng(0)
    known, new = sample(100, 1, each=1), sample(100, 2, each=1)
    wide = [Sample(random.normal(size=(100, 300)), each.colours, each.labels, each.groups) for each in (known, new)]
    shift = compare_samples(*wide)
    assert (shift.verdict, shift.achievable) == ("unknown", 1.0)
    assert "there is no limit to what" in shift.sentence()


def test_images_of_few_groups_count_as_few() -> None:
    alone = compare_samples(sample(300, 1, each=1), sample(300, 2, each=1))
    grouped = compare_samples(sample(300, 1, each=10), sample(300, 2, each=10))
    assert alone.achievable is not None
    assert grouped.achievable is not None
    assert grouped.achievable > alone.achievable + 0.05


def test_light_is_named_only_where_a_test_over_groups_shows_it() -> None:
    """Groups differ in brightness by more than the images of a group do: ten groups show little."""

    def lit(seed: int, *, groups: int, darker: float = 0.0) -> Sample:
        found = sample(groups * 10, seed, each=10, darker=darker)
        of_groups = np.random.default_rng(seed + 1000).normal(0, 8, groups)
        found.colours[:, COLOUR_STATISTICS.index("brightness")] += np.repeat(of_groups, 10)
        return found

    same = [compare_samples(lit(2 * seed, groups=12), lit(2 * seed + 1, groups=12)).colours for seed in range(15)]
    assert sum(abs(colour.deviations) >= 0.5 for colours in same for colour in colours) >= 3  # what was named once
    assert sum(colour.shown for colours in same for colour in colours) <= 1
    darker = compare_samples(lit(1, groups=40), lit(2, groups=40, darker=15.0))
    assert [colour.name for colour in darker.colours if colour.shown] == ["brightness"]
    assert darker.remarks()[1].kind == "attention"
    assert "darker" in darker.remarks()[1].sentence
    assert "p = 0.00" in darker.remarks()[1].sentence


def of_colour(seed: int, levels: tuple[float, float], *, grey: bool, images: int = 200) -> Sample:
    """Images of one brightness each, between two levels."""
    found, random = sample(images, seed), np.random.default_rng(seed)
    light = random.uniform(*levels, (images, 1)).astype(np.float32)
    tint = np.float32(1.0) if grey else np.float32([1.1, 0.9, 1.0])
    found.colours[:, :3] = light * tint
    found.colours[:, COLOUR_STATISTICS.index("saturation")] = 0.0 if grey else 0.2
    found.colours[:, COLOUR_STATISTICS.index("brightness")] = light[:, 0]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_grey_images_have_no_colour_however_bright(seed: int) -> None:
    shift = compare_samples(of_colour(2 * seed, (20, 90), grey=True), of_colour(2 * seed + 1, (90, 250), grey=True))
    words = shift.remarks()[1].sentence
    assert "brighter" in words
    assert not any(word in words for word in ("red", "green", "blue", "saturat"))
    assert [colour.deviations for colour in shift.colours[:3]] == [0, 0, 0]


def test_black_images_are_not_less_red_green_and_blue() -> None:
    known, new = of_colour(1, (90, 100), grey=True), of_colour(2, (90, 100), grey=True)
    new.colours[::2, :3] = 0
    assert not any(colour.shown for colour in compare_samples(known, new).colours[:3])


def test_coloured_images_differ_in_colour_from_grey_ones() -> None:
    known, new = of_colour(1, (90, 100), grey=True), of_colour(2, (90, 100), grey=False)
    noise = np.random.default_rng(0).normal(0, 0.5, (200, 3))
    known.colours[:, :3] += noise
    words = compare_samples(known, new).remarks()[1].sentence
    assert "redder (share of red 0.367 against 0.333" in words
    assert "less green" in words


@pytest.mark.parametrize("name", COLOUR_STATISTICS)
def test_no_difference_is_named_that_is_none_as_written(name: str) -> None:
    digit = 1.0 if name in ("brightness", "contrast") else 0.001
    close = ColourShift(name, 100 * digit, 100.4 * digit, 3.0, 0.001)
    assert not close.shown
    assert ColourShift(name, 100 * digit, 102 * digit, 3.0, 0.001).shown


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
    assert (shift.verdict, shift.achievable) == ("same", 0.5)


def test_too_few_groups_give_no_answer() -> None:
    shift = compare_samples(sample(200, 1), sample(60, 2, each=10))
    assert (shift.auroc, shift.verdict) == (Interval(None), "unknown")
    assert "too few groups to tell" in shift.sentence()
    assert (shift.p, shift.achievable) == (None, None)
    assert not any(colour.shown for colour in shift.colours)
    assert {remark.kind for remark in shift.remarks()} == {"open"}


def test_groups_too_unequal_for_an_interval_give_no_alarm() -> None:
    new = sample(120, 2, each=1, move=3.0)
    one_slide = np.where(np.arange(120) < 105, 7, np.arange(120)).astype(np.uint64)
    shift = compare_samples(sample(200, 1), Sample(new.features, new.colours, new.labels, one_slide))
    assert (shift.auroc.low, shift.verdict) == (None, "unknown")
    assert not any(colour.shown for colour in shift.colours)


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
    assert "Too few groups to tell whether light" in shift.sentence()


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

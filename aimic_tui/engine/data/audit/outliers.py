"""Outliers among the images of a class, and imbalance of classes and groups.

Conservative, so that each outlier is worth looking at. An image is one where it is far outside both the robust spread
and the quartiles of its class; a class in which many images would be outliers is varied, and has none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.data.audit.measures import Measures
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.text import one_line

_LEAST = 20  # images of a class that are enough to estimate its spread
_FAR = 6.0  # robust standard deviations from the median
_WHISKER = 3.0  # interquartile ranges from the quartile
_MOST = 0.02  # share of a class that can be outliers by one feature
_UNEQUAL = 5.0  # ratio of the largest class to the smallest from which a note is made
_LEAST_GROUPS = 5

Values = npt.NDArray[np.float64]


def find_outliers(data_set: DataSet, measures: Measures) -> list[Finding]:
    """Find the images that are far from the others of their class in size, brightness, sharpness or colour.

    Args:
        data_set, measures: n images, and their measurements; unreadable ones are left out.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    for label in range(len(data_set.classes)):
        members = np.flatnonzero(measures.readable & (data_set.labels == label))
        if len(members) < _LEAST:
            continue
        for values, least, high_word, low_word, show in _features(measures, members):
            middle = float(np.median(values))
            outlying = _is_outlying(values, middle, least)
            if not outlying.any() or outlying.sum() > max(1, _MOST * len(members)):
                continue
            for position in np.flatnonzero(outlying):
                word = high_word if values[position] > middle else low_word
                reasons[int(members[position])].append(
                    f"{word} than usual ({show(values[position])}; median of the class {show(middle)})"
                )
    return [
        Finding("outlier", (data_set.images[index],), "looks different from its class: " + ", ".join(words))
        for index, words in sorted(reasons.items())
    ]


def _features(
    measures: Measures, members: npt.NDArray[np.integer]
) -> Iterator[tuple[Values, float, str, str, Callable[[float], str]]]:
    """Yield each feature's values, its smallest visible spread, words for high and low values, and a formatter."""
    inner = measures.inner[members].astype(np.float64)
    brightness = inner.mean(axis=1)
    sides = np.sqrt(measures.width[members].astype(np.float64) * measures.height[members])
    yield np.log2(sides), 0.1, "larger", "smaller", lambda value: f"{2**value:.0f} pixels a side"
    yield brightness, 4.0, "brighter", "darker", lambda value: f"brightness {value:.0f}"
    sharp = measures.sharpness[members].astype(np.float64)
    yield sharp, 0.02, "sharper or noisier", "blurrier", lambda value: f"sharpness {value:.2f}"
    balance = inner / np.maximum(brightness[:, None], 1)
    yield (
        balance[:, 0] - balance[:, 1],
        0.02,
        "redder",
        "less red",
        lambda value: f"red minus green {value:+.2f}",
    )
    yield (
        balance[:, 2] - balance[:, 1],
        0.02,
        "bluer",
        "less blue",
        lambda value: f"blue minus green {value:+.2f}",
    )


def _is_outlying(values: Values, middle: float, least: float) -> npt.NDArray[np.bool_]:
    spread = max(1.4826 * float(np.median(np.abs(values - middle))), least)
    first, third = np.quantile(values, [0.25, 0.75])
    reach = _WHISKER * max(third - first, least)
    outside = (values < first - reach) | (values > third + reach)
    return np.asarray((np.abs(values - middle) > _FAR * spread) & outside)


def notes_on_balance(data_set: DataSet) -> list[Note]:
    """Note strong class imbalance, and groups that hold a single class."""
    notes = []
    counts = data_set.counts()
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
    if counts[most] >= _UNEQUAL * counts[least]:
        sentence = (
            f"{one_line(most, 40)} has {counts[most] / counts[least]:.0f} times as many images as "
            f"{one_line(least, 40)} ({counts[most]:,} and {counts[least]:,}): judge by macro-averaged metrics, "
            "and see data.balance."
        )
        notes.append(Note("class-imbalance", sentence))
    if data_set.grouped and len(counts) > 1:
        notes += _note_on_groups(data_set)
    return notes


def _note_on_groups(data_set: DataSet) -> list[Note]:
    """Compare the number of groups with a single class to the number expected for random labels."""
    table = np.zeros((len(data_set.group_names), len(data_set.classes)))
    np.add.at(table, (data_set.groups, data_set.labels), 1)
    table = table[table.sum(axis=1) > 1]
    if len(table) < _LEAST_GROUPS:
        return []
    single = float((table.max(axis=1) == table.sum(axis=1)).mean())
    shares = np.bincount(data_set.labels) / len(data_set)
    by_chance = float((shares[None, :] ** table.sum(axis=1)[:, None]).sum(axis=1).mean())
    if single < 0.8 or single < 1.3 * by_chance:
        return []
    sentence = (
        f"{single:.0%} of the {len(table):,} groups with several images hold a single class ({by_chance:.0%} expected "
        "by chance): what a slide or patient looks like then gives the class away."
    )
    return [Note("one-class-groups", sentence)]

"""Shortcuts: features that predict the class without the cell, each tested on its own.

A network learns whatever is easiest. Where the background, the size or the file predicts the class, it learns that, and
fails on images from another microscope. For each feature a small decision tree is tested on unseen groups, with a
bootstrap interval over groups. Features that do notably better than guessing are tested by permuting labels over groups
(`label_permutation`), with Holm's adjustment for all features: few groups with a lamp of their own look like a shortcut
by chance. Lamp, stain and camera are the same within a photograph: a feature that separates the classes even within
groups, relative to the group's mean, comes at least in part from the object itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.audit.file_numbers import file_numbers
from aimic_tui.engine.data.audit.label_permutation import LabelPermutation
from aimic_tui.engine.data.audit.measures import Measures
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.holm import holm
from aimic_tui.engine.text import one_line

_MOST = 20_000  # images used; more would only take longer
_LEAST_GROUPS = 6  # of a class; fewer don't allow a test on unseen groups
_RESAMPLES = 1000
_RESAMPLES_AT_ONCE = 50  # so that many groups fit in memory
_MARGIN = 0.05  # above chance, for the lower limit of the interval
_LEVEL = 0.05  # of the tests: the chance that a data set without shortcuts is said to have one
_FOLDS = 5
_EXAMPLES = 3

Column = npt.NDArray[np.float64]


_SENTENCES = {
    "border colour": "The colour of the outermost pixels alone predicts the class, as another stain, lamp or camera "
    "would.",
    "border brightness": "The brightness of the outermost pixels alone predicts the class, as another lamp or exposure "
    "would.",
    "brightness": "The mean brightness alone predicts the class, as another lamp or exposure would.",
    "image size": "Width and height alone predict the class. Crop all classes to one size, or set data.fit so that "
    "scale is kept; otherwise the network learns how the images were cropped.",
    "file format": "The file format alone predicts the class: the classes come from different sources, and "
    "compression shows in the pixels. Save all images in one format.",
    "file size": "The bytes per pixel alone predict the class, as another compression would.",
    "compression": "The compression of the files alone predicts the class: the classes come from different sources, "
    "and compression shows in the pixels. Save all images alike, from the originals.",
    "camera": "The camera or program named in the files alone predicts the class: a network can learn the camera "
    "instead of the cell.",
    "day of recording": "The recording date in the files alone predicts the class: stain and light differ from day to "
    "day.",
    "file name": "File numbers alone predict the class; collection order may bias results.",
    "file date": "The dates of the files alone predict the class. A network does not see them, but stain and light "
    "differ from day to day.",
}


def find_shortcuts(data_set: DataSet, measures: Measures) -> list[Shortcut]:
    """Test each feature and return those that predict the class clearly above chance, the best first.

    "Clearly": the 95 % interval begins at least 0.05 above chance, and the test by permuted labels, adjusted for all
    features, is significant (p at most 0.05). Nothing is returned where a class has too few groups for the test.

    Args:
        data_set, measures: n images, and their measurements; unreadable ones are left out.
    """
    used = np.flatnonzero(measures.readable)
    if len(used) > _MOST:
        used = np.sort(np.random.default_rng(0).permutation(used)[:_MOST])
    classes = len(data_set.classes)
    labels, groups = data_set.labels[used], data_set.groups[used]
    groups_of = [len(np.unique(groups[labels == label])) for label in range(classes)]
    if classes < 2 or min(groups_of) < _LEAST_GROUPS:
        return []
    features = [
        (name, columns) for name, columns in _features(data_set, measures, used) if np.ptp(columns, axis=0).max() > 0
    ]
    folds = _folds(labels, groups, grouped=data_set.grouped)
    candidates = []
    for feature, columns in features:
        probabilities = _out_of_fold(columns, labels, folds, classes)
        predicted = probabilities.argmax(axis=1)
        reached = _balanced_accuracy(labels, predicted, groups, classes)
        if reached[1] >= 1 / classes + _MARGIN:
            candidates.append((feature, columns, probabilities, reached))
    # Features that predict nothing notable are not tested, but count as tests whose p-value is 1.
    chances = LabelPermutation(labels, groups, classes).p_values([columns for _, columns, *_ in candidates])
    adjusted = holm([*chances, *[1.0] * (len(features) - len(candidates))])
    found = []
    for (feature, columns, probabilities, (score, low, high)), p in zip(candidates, adjusted, strict=False):
        if p is None or p > _LEVEL:
            continue
        within = _within_groups(columns, labels, groups, classes, low) if feature in _IN_THE_PIXELS else None
        clearest = data_set.classes[_clearest(labels, probabilities.argmax(axis=1), classes)]
        sentence = _sentence(feature, within)
        if classes > 2:
            sentence = f"{sentence} It is clearest for {one_line(clearest, 40)}."
        examples = _examples(data_set, used, labels, probabilities)
        found.append(Shortcut(feature, score, low, high, 1 / classes, p, clearest, within, sentence, examples))
    return sorted(found, key=lambda shortcut: -shortcut.balanced_accuracy)


def _clearest(labels: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int) -> int:
    """Return the class whose sensitivity and specificity together are highest (Youden's index)."""
    youden = [
        (predicted[labels == label] == label).mean() - (predicted[labels != label] == label).mean()
        for label in range(classes)
    ]
    return int(np.argmax(youden))


_IN_THE_PIXELS = {"border colour", "border brightness", "brightness", "file size"}
_MIXED_GROUPS = 20  # groups with several classes that are enough for a test


def _sentence(feature: str, within: bool | None) -> str:
    if feature not in _IN_THE_PIXELS:
        return _SENTENCES[feature]
    if within is None:
        return f"{_SENTENCES[feature]} It may be the object itself: look at the examples."
    if within:
        return (
            f"{_SENTENCES[feature]} But it does so among images of one group as well, so at least part of it is what "
            "they show."
        )
    return (
        f"{_SENTENCES[feature]} Within a group it does so less or not at all, so at least part of it comes from "
        "how the images were taken."
    )


def _colour(border: Column) -> Column:
    """Return the shares of red and blue, [n, 2], in float [n, 3]: thirds where it is grey or black, to the last bit, or
    brightness would show in them."""
    light = border.sum(axis=1, keepdims=True)
    shares: Column = np.full_like(border, 1 / 3)
    np.divide(border, light, out=shares, where=light >= 1)
    return np.asarray(shares[:, [0, 2]].round(6), np.float64)


def _within_groups(
    columns: Column,
    labels: npt.NDArray[np.integer],
    groups: npt.NDArray[np.integer],
    classes: int,
    overall: float,
) -> bool | None:
    """Tell whether a feature separates the classes within groups, too.

    Args:
        overall: the lower limit of the balanced accuracy over all images.

    Returns:
        True where a permutation test within groups is significant and the effect notable; False where it is less than
        over all images, by the limits of both; None where neither shows, or too few groups hold several classes.
    """
    names, codes = np.unique(groups, return_inverse=True)
    table = np.zeros((len(names), classes))
    np.add.at(table, (codes, labels), 1)
    mixed = ((table > 0).sum(axis=1) > 1)[codes]
    if any(len(np.unique(codes[mixed & (labels == label)])) < _MIXED_GROUPS for label in range(classes)):
        return None
    means = np.zeros((len(names), columns.shape[1]))
    np.add.at(means, codes, columns)
    centred = (columns - means[codes] / table.sum(axis=1)[codes, None])[mixed]
    labels, codes = labels[mixed], codes[mixed]
    predicted = _out_of_fold(centred, labels, _folds(labels, codes, grouped=True), classes).argmax(axis=1)
    _, low, high = _balanced_accuracy(labels, predicted, codes, classes)
    (p,) = LabelPermutation(labels, codes, classes).p_values([centred], within=True)
    if p <= _LEVEL and low >= 1 / classes + _MARGIN:
        return True
    return False if high < overall else None


def _features(data_set: DataSet, measures: Measures, used: npt.NDArray[np.integer]) -> Iterator[tuple[str, Column]]:
    """Yield each feature's name and its values, float64 [m, columns]."""
    border = measures.border[used].astype(np.float64)
    pixels = measures.width[used].astype(np.float64) * measures.height[used]
    yield "border colour", _colour(border)
    yield "border brightness", border.mean(axis=1, keepdims=True)
    yield "brightness", measures.inner[used].astype(np.float64).mean(axis=1, keepdims=True)
    yield "image size", np.stack([measures.width[used], measures.height[used]], axis=1).astype(np.float64)
    formats = np.unique(measures.formats[used], return_inverse=True)[1].astype(np.float64)
    yield "file format", np.stack([formats, measures.bits[used]], axis=1)
    yield "file size", (measures.file_size[used] / np.maximum(pixels, 1))[:, None]
    yield "compression", measures.compression[used].astype(np.float64)[:, None]
    yield "camera", np.unique(measures.camera[used], return_inverse=True)[1].astype(np.float64)[:, None]
    yield "day of recording", measures.day[used].astype(np.float64)[:, None]
    yield (
        "file name",
        file_numbers(
            [data_set.images[index].rpartition("/")[2] for index in used], data_set.labels[used], data_set.groups[used]
        ),
    )
    days = np.array([_day(data_set, int(index)) for index in used], np.float64)
    yield "file date", days[:, None]


def _day(data_set: DataSet, index: int) -> int:
    """Return the day of the file's last change: within a day, it may only show the order of copying."""
    try:
        return int(data_set.path(index).stat().st_mtime // 86_400)
    except OSError:
        return 0


def _folds(
    labels: npt.NDArray[np.integer], groups: npt.NDArray[np.integer], *, grouped: bool
) -> list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if grouped:
        return list(StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(labels, labels, groups))
    return list(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(labels, labels))


def _out_of_fold(
    columns: Column,
    labels: npt.NDArray[np.integer],
    folds: list[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]],
    classes: int,
) -> Column:
    """Return out-of-fold probabilities by a decision tree: float64 [m, classes]."""
    from sklearn.tree import DecisionTreeClassifier

    probabilities = np.zeros((len(labels), classes))
    for train, test in folds:
        tree = DecisionTreeClassifier(
            max_depth=4, min_samples_leaf=max(3, len(train) // 200), class_weight="balanced", random_state=0
        )
        tree.fit(columns[train], labels[train])
        probabilities[np.ix_(test, tree.classes_)] = tree.predict_proba(columns[test])
    return probabilities


def _balanced_accuracy(
    labels: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    groups: npt.NDArray[np.integer],
    classes: int,
) -> tuple[float, float, float]:
    """Return the mean recall of the classes and its 95 % interval from drawing groups with replacement."""
    names, codes = np.unique(groups, return_inverse=True)
    images, right = np.zeros((len(names), classes)), np.zeros((len(names), classes))
    np.add.at(images, (codes, labels), 1)
    np.add.at(right, (codes, labels), labels == predicted)
    score = float((right.sum(axis=0) / images.sum(axis=0)).mean())
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES // _RESAMPLES_AT_ONCE):
        weights = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES_AT_ONCE)
        there = weights @ images
        whole = there.all(axis=1)  # with images of every class
        drawn.append((weights[whole] @ right / there[whole]).mean(axis=1))
    limits = np.concatenate(drawn)
    low, high = np.quantile(limits, [0.025, 0.975]) if len(limits) else (0.0, 1.0)
    return score, float(low), float(high)


def _examples(
    data_set: DataSet, used: npt.NDArray[np.integer], labels: npt.NDArray[np.integer], probabilities: Column
) -> dict[str, tuple[str, ...]]:
    examples = {}
    for label, name in enumerate(data_set.classes):
        members = np.flatnonzero(labels == label)
        clearest = members[np.argsort(-probabilities[members, label], kind="stable")[:_EXAMPLES]]
        examples[name] = tuple(data_set.images[used[index]] for index in clearest)
    return examples

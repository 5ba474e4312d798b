"""Promises on images from elsewhere: that they are of the same kind or not, how they differ, and what a model loses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from promise import Promise
from scipy.special import expit, ndtri

from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS
from aimic_tui.engine.inference.evaluation_file import MARGIN
from aimic_tui.engine.inference.loss import compare_with_home
from aimic_tui.engine.inference.shift import Sample, Shift, compare_samples

Floats = NDArray[np.float64]
KNOWN = 300  # images that the model knows


@dataclass(frozen=True)
class Kind:
    """Two sets of images, of one kind or of two.

    Attributes:
        new: images of the new set; its groups have `size` images, or sizes that are log-normal around that.
        likeness: share of the variance that lies between groups.
        achievable: AUROC of the best linear classifier with any number of images: 0.5 for one kind.
        skewed: whether light and colour are far from normal.
    """

    new: int
    features: int = 30
    size: int = 1
    likeness: float = 0.0
    achievable: float = 0.5
    skewed: bool = False
    log_normal: bool = False

    def shift(self, number: int) -> Shift:
        """Compare the two sets of one study."""
        random = np.random.default_rng([number, self.new, self.features, self.size])
        move = random.normal(size=self.features)
        move *= math.sqrt(2) * ndtri(self.achievable) / np.linalg.norm(move)
        known, new = self._sample(random, KNOWN, 0), self._sample(random, self.new, KNOWN)
        return compare_samples(known, replace(new, features=new.features + move))

    def _sample(self, random: np.random.Generator, images: int, first_group: int) -> Sample:
        groups = np.arange(images) // self.size
        if self.log_normal:
            sizes = np.maximum(1, np.rint(self.size * np.exp(random.normal(0, 1.2, images)))).astype(np.int64)
            groups = np.repeat(np.arange(images), sizes)[:images]
        labels = random.integers(0, 3, images)
        features = self._values(random, groups, self.features, skewed=False) + 1.5 * labels[:, None]
        scale = np.array([8, 8, 8, 0.05, 10, 4, 0.1])
        colours = np.array([180, 150, 190, 0.3, 165, 30, 0.4]) + scale * self._values(
            random, groups, len(COLOUR_STATISTICS), skewed=self.skewed
        )
        return Sample(features, colours, labels, (groups + first_group).astype(np.uint64))

    def _values(self, random: np.random.Generator, groups: NDArray[np.int64], columns: int, *, skewed: bool) -> Floats:
        draw = random.standard_exponential if skewed else random.standard_normal
        own, common = draw((len(groups), columns)), draw((int(groups.max()) + 1, columns))
        return math.sqrt(1 - self.likeness) * own + math.sqrt(self.likeness) * common[groups]


def false_alarm(kind: Kind, number: int) -> bool | None:
    """Images of one kind are said to differ; None where too few groups allow no answer."""
    shift = kind.shift(number)
    return None if shift.auroc.value is None else shift.verdict in ("shifted", "clearly shifted")


def false_same(kind: Kind, number: int) -> bool:
    """Images that a classifier could tell apart are said to resemble each other."""
    return kind.shift(number).verdict == "same"


def same_not_said(kind: Kind, number: int) -> bool:
    """Plenty of images of one kind are not said to resemble each other."""
    return kind.shift(number).verdict != "same"


def appearance_named(kind: Kind, number: int) -> bool | None:
    """A difference in light, colour or focus is named of images of one kind."""
    colours = kind.shift(number).colours
    return None if all(colour.p is None for colour in colours) else any(colour.shown for colour in colours)


@dataclass(frozen=True)
class Site:
    """A model at home and elsewhere.

    Attributes:
        images: elsewhere, in groups of `size`.
        loss: of accuracy, which is `home` at home; with classes of equal size and errors that go to every other class
            equally often, macro F1 and balanced accuracy lose the same.
        classes: of equal size.
    """

    images: int
    loss: float
    size: int = 1
    home: float = 0.9
    classes: int = 2

    def kind(self, number: int) -> str:
        """Judge one study and return the mark of the verdict on the loss."""
        random = np.random.default_rng([number, self.images, self.size, round(1000 * self.loss)])
        here = self._judge(random, self.images, self.home - self.loss)
        return compare_with_home(here, self._judge(random, KNOWN, self.home), MARGIN).loss_remark().kind

    def _judge(self, random: np.random.Generator, images: int, accuracy: float) -> BootstrapFigures:
        labels = np.arange(images) % self.classes
        groups = np.arange(images) // self.size
        # Images of a group are likely to be right together: a beta distribution of intraclass correlation 0.2.
        rate = np.full(int(groups.max()) + 1, accuracy)
        if self.size > 1:
            rate = random.beta(4 * accuracy, 4 * (1 - accuracy), len(rate))
        wrong = random.random(images) >= rate[groups]
        predicted = np.where(wrong, (labels + random.integers(1, self.classes, images)) % self.classes, labels)
        sure = expit(random.normal(1.5, 0.7, images)) / 2 + 0.5
        said = np.repeat(((1 - sure) / (self.classes - 1))[:, None], self.classes, axis=1)
        said[np.arange(images), predicted] = sure
        return cluster_bootstrap(
            labels.astype(np.int32), said, groups.astype(np.int32), resamples=1000, seed=int(random.integers(1 << 30))
        )


def falsely_fine(site: Site, number: int) -> bool:
    """A loss beyond the margin is marked fine."""
    return site.kind(number) == "fine"


def falsely_alarmed(site: Site, number: int) -> bool:
    """A loss is claimed where there is none."""
    return site.kind(number) == "attention"


_KINDS = {
    "24 images": Kind(24),
    "100 images": Kind(100),
    "150 images in 30 groups": Kind(150, size=5, likeness=0.4),
    "150 images, log-normal groups": Kind(150, size=2, likeness=0.4, log_normal=True),
}
_ALARM = "Images of one kind are not said to differ."
_SAME = "Images that a classifier could tell apart with an AUROC of 0.79 are not called the same kind."
_NAMED = "No difference in light, colour or focus is named of images of one kind."
_FINE = "A loss beyond the margin of 0.05 is not marked fine."
_LOSS = "No loss is claimed where there is none."

PROMISES: tuple[Promise, ...] = (
    *(Promise(f"shift alarm, {name}", _ALARM, 0.05, partial(false_alarm, kind)) for name, kind in _KINDS.items()),
    *(
        Promise(f"same kind at 0.79, {name}", _SAME, 0.05, partial(false_same, replace(kind, achievable=0.79)))
        for name, kind in {
            **_KINDS,
            "100 images, 3 features": Kind(100, features=3),
            "100 images, 120 features": Kind(100, features=120),
            "300 images": Kind(300),
        }.items()
    ),
    Promise(
        "same kind said of 300 images",
        "Plenty of images of one kind are called the same kind.",
        0.2,
        partial(same_not_said, Kind(300)),
    ),
    *(
        Promise(
            f"light and colour, {name}",
            _NAMED,
            0.05,
            partial(appearance_named, replace(kind, features=3, skewed=skewed)),
        )
        for name, kind, skewed in (
            *((name, kind, False) for name, kind in _KINDS.items()),
            *((f"{name}, skewed", kind, True) for name, kind in _KINDS.items()),
        )
    ),
    *(
        Promise(f"loss fine, {name}", _FINE, 0.025, partial(falsely_fine, site))
        for name, site in {
            "24 images, loss 0.112": Site(24, 0.112),
            "24 images, loss 0.05": Site(24, MARGIN),
            "200 images, loss 0.05": Site(200, MARGIN),
            "200 images in 40 groups, loss 0.05": Site(200, MARGIN, size=5),
            "1000 images, loss 0.05": Site(1000, MARGIN),
            "300 images of 4 classes, loss 0.05": Site(300, MARGIN, classes=4),
        }.items()
    ),
    *(
        Promise(f"loss claimed, {name}", _LOSS, 0.05, partial(falsely_alarmed, site))
        for name, site in {
            "24 images": Site(24, 0.0),
            "200 images": Site(200, 0.0),
            "200 images in 40 groups": Site(200, 0.0, size=5),
            "300 images of 4 classes": Site(300, 0.0, classes=4),
        }.items()
    ),
)

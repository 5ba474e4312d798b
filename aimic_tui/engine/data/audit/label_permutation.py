"""Whether features tell the classes apart more than chance does, where images come in groups: a permutation test.

Images of one photograph share lamp, stain and camera. If the classes have nothing to do with a feature, then any other
assignment of the labels was as likely, as long as it keeps how labels and groups go together. Each round draws one:

- the groups' mixtures of classes are dealt out anew over the groups, whole. Where each group is of one class, these are
  the groups' labels; where each image is a group of its own, the images'.
- the images of each group exchange their labels among themselves, where it holds several classes.

The statistic is the sum of squares between the classes, sum over c of n_c (mean_c - mean)^2, of functions of the
feature that see a trend, a middle and single ranges of values. The p-value is (1 + rounds with a statistic at least as
large) / (1 + rounds), which needs no distribution (Phipson and Smyth 2010). Features whose p-value can't become small
any more are not tried further (after Besag and Clifford 1991).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

_ROUNDS = 999
_ROUNDS_AT_ONCE = 37
_HOPELESS = 60  # rounds with a larger statistic: the p-value is then above .05, however many follow
_MOST_IMAGES = 4000  # of groups with several classes; more would only take longer
_MOST_VALUES = 8  # of a column whose values are told apart one by one
_BINS = 12


class LabelPermutation:
    """The labels of n images, and how else they might have been assigned.

    Args:
        labels: int [n], codes below `classes`.
        groups: int [n], any codes.
        classes: how many there are, at least 2.
    """

    def __init__(self, labels: Codes, groups: Codes, classes: int) -> None:
        _, codes = np.unique(groups, return_inverse=True)
        self._rows = np.arange(len(labels))
        if len(np.unique(codes * classes + labels)) > codes.max(initial=-1) + 1:
            self._rows = _some_groups(codes)
        _, codes = np.unique(codes[self._rows], return_inverse=True)
        order = np.argsort(codes, kind="stable")
        self._rows, self._groups = self._rows[order], codes[order]
        self._labels, self._classes = np.asarray(labels)[self._rows], classes
        self._sizes = np.bincount(self._groups).astype(np.float64)
        self._mixtures = np.zeros((len(self._sizes), classes))
        np.add.at(self._mixtures, (self._groups, self._labels), 1)
        self._mixtures /= self._sizes[:, None]
        self._mixed = bool(((self._mixtures > 0) & (self._mixtures < 1)).any())

    def p_values(self, features: Sequence[Column], *, within: bool = False, seed: int = 0) -> list[float]:
        """Test each feature.

        Args:
            features: of each, its values, float [n, columns].
            within: look only at how images of one group differ, so that labels are exchanged within groups alone.

        Returns:
            A p-value for each; 1 for one that doesn't vary.
        """
        if not features:
            return []
        tables = [_functions(columns[self._rows]) for columns in features]
        feature_of = np.repeat(np.arange(len(tables)), [table.shape[1] for table in tables])
        table = np.concatenate(tables, axis=1)
        means = np.zeros((len(self._sizes), table.shape[1]))
        np.add.at(means, self._groups, table)
        means /= self._sizes[:, None]
        inside = table - means[self._groups]
        random = np.random.default_rng(seed)
        found = self._statistics(self._labels[None], None if within else self._mixtures[None], inside, means)[0]
        found = np.bincount(feature_of, weights=found, minlength=len(tables))
        as_large, rounds = np.zeros(len(tables)), np.zeros(len(tables))
        while (open_ := (rounds < _ROUNDS) & (as_large < _HOPELESS) & (found > 0)).any():
            used = open_[feature_of]
            labels = self._exchanged(random) if self._mixed else None
            mixtures = None if within else self._dealt(random)
            drawn = self._statistics(labels, mixtures, inside[:, used], means[:, used])
            for place in np.flatnonzero(open_):
                of_feature = drawn[:, feature_of[used] == place].sum(axis=1)
                as_large[place] += (of_feature >= found[place] * (1 - 1e-9) - 1e-9).sum()
                rounds[place] += len(of_feature)
        return [
            float((1 + larger) / (1 + tried)) if observed > 0 else 1.0
            for larger, tried, observed in zip(as_large, rounds, found, strict=True)
        ]

    def _exchanged(self, random: np.random.Generator) -> Codes:
        """int [rounds, n]: labels that the images of each group have exchanged among themselves."""
        keys = self._groups + random.random((_ROUNDS_AT_ONCE, len(self._groups)))
        return self._labels[np.argsort(keys, axis=1)]

    def _dealt(self, random: np.random.Generator) -> Column:
        """float [rounds, groups, classes]: the groups' mixtures of classes, dealt out anew."""
        places = np.tile(np.arange(len(self._sizes)), (_ROUNDS_AT_ONCE, 1))
        dealt: Column = self._mixtures[random.permuted(places, axis=1)]
        return dealt

    def _statistics(self, labels: Codes | None, mixtures: Column | None, inside: Column, means: Column) -> Column:
        """float [rounds, functions]: the sum of squares between the classes, of each function of a feature.

        Args:
            labels: int [rounds, n] for the differences within groups; None where all groups are of one class.
            mixtures: float [rounds, groups, classes] for the differences between groups; None to leave them out.
            inside: float [n, functions], without the groups' means.
            means: float [groups, functions].
        """
        total: Column | float = 0.0
        counts = np.bincount(self._labels, minlength=self._classes).astype(np.float64)
        if labels is not None and self._mixed:
            members = labels[:, None, :] == np.arange(self._classes)[:, None]
            total = members.astype(np.float64) @ inside
        if mixtures is not None:
            images = (mixtures * self._sizes[:, None]).transpose(0, 2, 1)
            counts = images.sum(axis=2)[..., None]
            total = total + images @ means
        else:
            counts = counts[:, None]
        squares: Column = np.sum(np.square(total) / np.maximum(counts, 1e-9), axis=1)
        return squares


def _some_groups(codes: Codes) -> npt.NDArray[np.intp]:
    """Return the images of groups that are drawn until there are enough."""
    sizes = np.bincount(codes)
    drawn = np.random.default_rng(0).permutation(len(sizes))
    enough = max(1, int(np.searchsorted(np.cumsum(sizes[drawn]), _MOST_IMAGES, side="right")))
    return np.flatnonzero(np.isin(codes, drawn[:enough]))


def _functions(columns: Column) -> Column:
    """Return functions of a feature, float [n, functions], each of mean 0 and those of a kind of variance 1 in sum.

    Of a column with few values: whether an image has each of them. Of others: the rank, the distance of the rank from
    the middle, and in which twelfth of the ranks it is.
    """
    from scipy.stats import rankdata

    kinds: list[Column] = []
    for column in columns.T:
        values, codes = np.unique(column, return_inverse=True)
        if len(values) <= _MOST_VALUES:
            kinds.append(np.eye(len(values))[codes])
            continue
        rank = (rankdata(column) - 0.5) / len(column)
        kinds += [rank[:, None], np.abs(rank - 0.5)[:, None], np.eye(_BINS)[(rank * _BINS).astype(int)]]
    return np.concatenate([_standardised(kind) for kind in kinds], axis=1)


def _standardised(kind: Column) -> Column:
    centred: Column = kind - kind.mean(axis=0)
    spread = centred.std(axis=0)
    centred *= (spread > 0) / np.maximum(spread, 1e-9) / np.sqrt(kind.shape[1])
    return centred

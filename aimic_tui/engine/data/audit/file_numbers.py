"""The numbers in files' names, as far as they can tell in which order images were taken."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

_LATE = 0.1  # of its range: a counter that begins so much later than others isn't one that began anew
_MOSTLY = 0.9


def file_numbers(names: Sequence[str], labels: Codes, groups: Codes) -> Column:
    """Return the first and the last number of each name, 0 where it has none: float [n, 2].

    A number that is counted anew in each class or in each group says how many images the class or the group has, and
    that is no shortcut. Of such a counter only the order counts: it is replaced by the rank within its class or group,
    from 0 to 1, drawn at random between two ranks so that small and large ones are alike.
    """
    found = np.array([_numbers(name) for name in names], np.float64).reshape(len(names), 2)
    for at in range(found.shape[1]):
        for units in (groups, labels):
            if _counts_anew(found[:, at], units, groups):
                found[:, at] = _rank_within(found[:, at], units)
                break
    return found


def _numbers(name: str) -> tuple[float, float]:
    stem = name.rpartition(".")[0] or name
    numbers = re.findall(r"\d{1,15}", stem) or ["0"]
    return float(numbers[0]), float(numbers[-1])


def _counts_anew(numbers: Column, units: Codes, groups: Codes) -> bool:
    """Tell whether a counter begins anew in each unit (class, group), as opposed to one that all share.

    Units of a shared counter that come one after the other begin at different numbers; where they are mixed, each
    number belongs to one of them. Counters that begin anew begin alike, and as many numbers are found in several units
    as when units are numbered without regard to each other. A number that stands for one group (a photograph with
    several classes) is found in several classes and still shared.
    """
    values, value = np.unique(numbers, return_inverse=True)
    _, unit = np.unique(units, return_inverse=True)
    of_pair, in_pair = np.unique(np.stack([value, unit]), axis=1)
    units_of_value = np.bincount(of_pair)
    _, group = np.unique(groups, return_inverse=True)
    groups_of_value = np.bincount(np.unique(np.stack([value, group]), axis=1)[0])
    distinct = np.bincount(in_pair)
    first, last = np.full(len(distinct), len(values)), np.zeros(len(distinct), np.int64)
    np.minimum.at(first, in_pair, of_pair)
    np.maximum.at(last, in_pair, of_pair)
    several = distinct > 1
    if several.sum() < 2:
        return False
    width = values[last] - values[first]
    late = values[first] - values[0] > np.maximum(2 * width / np.maximum(distinct - 1, 1), _LATE * width)
    if (several & ~late).sum() < _MOSTLY * several.sum():
        return False
    alone = np.bincount(in_pair, weights=units_of_value[of_pair] == 1, minlength=len(distinct))
    density = (last - first + 1 - alone) / (width + 1)  # of the numbers that other units have
    expected = float((distinct * density)[several].sum())
    repeated = (units_of_value[of_pair] > 1) & (groups_of_value[of_pair] > 1) & several[in_pair]
    return bool(expected > 0 and repeated.sum() >= expected / 2)


def _rank_within(numbers: Column, units: Codes) -> Column:
    """Return each number's rank within its unit as a share of it, uniform between 0 and 1 in every unit."""
    random = np.random.default_rng(0)
    _, unit = np.unique(units, return_inverse=True)
    order = np.lexsort((random.random(len(numbers)), numbers, unit))  # equal numbers in any order
    sizes = np.bincount(unit)
    rank = np.empty(len(numbers))
    rank[order] = np.arange(len(numbers)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (rank + random.random(len(numbers))) / sizes[unit]

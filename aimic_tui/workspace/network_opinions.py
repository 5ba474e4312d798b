"""What the error review knows beside a network's answers: where all networks disagree, whose label they doubt, and
which images are alike. Numpy only, made to be called in a thread of the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.audit.look_alikes import Looks, remembered_looks
from aimic_tui.engine.data.audit.measurement_store import memory_file
from aimic_tui.engine.evaluation.label_errors import LabelSuspect, label_errors_of_run
from aimic_tui.engine.evaluation.tested_run import TestedRun, read_tested
from aimic_tui.workspace.run_results import Judged

_MOST_ALIKE = 24
_MOST_COMPARED = 100_000  # images: comparing one with so many takes a tenth of a second


@dataclass(frozen=True, eq=False)
class Opinions:
    """What all networks, seeds and repeats of a run say together.

    Attributes:
        answers: how many there are of an image at most.
        apart: image -> how far apart its answers are, 0 (all the same) to 1; images with one answer are left out.
        suspects: image -> why its label is probably wrong, the surest first.
        means: network -> image -> its mean probabilities over seeds and repeats, float64 [classes].
    """

    answers: int
    apart: Mapping[str, float]
    suspects: Mapping[str, LabelSuspect]
    means: Mapping[str, Mapping[str, NDArray[np.float64]]]


def read_opinions(run: Path, stamp: object) -> Opinions:
    """Read what the networks of a run say.

    Args:
        run: its folder.
        stamp: changes when the run's figures do.

    Raises:
        InputProblem: a file is missing or damaged.
    """
    return opinions_of(tested_run(run, stamp))


@lru_cache(maxsize=2)
def tested_run(run: Path, stamp: object) -> TestedRun:
    """Return what `read_tested` reads, once for all views of a run; arguments and errors as of `read_opinions`."""
    return read_tested(run)


def opinions_of(tested: TestedRun) -> Opinions:
    """Put the answers of all networks, seeds and repeats together.

    How far k answers are apart is their Jensen-Shannon divergence (Lin 1991), H(mean) - mean(H) with H the entropy,
    over the most that k answers about c classes can have, ln min(k, c).
    """
    data = tested.data
    count = np.zeros(len(data))
    total, entropies = np.zeros((len(data), len(data.classes))), np.zeros(len(data))
    means: dict[str, dict[str, NDArray[np.float64]]] = {}
    for network in tested.networks:
        for table in network.probabilities:
            said = ~np.isnan(table).any(axis=1)
            rows = network.images[said]
            total[rows] += table[said]
            entropies[rows] += _entropy(table[said])
            count[rows] += 1
        known = np.asarray(~np.isnan(network.probabilities).any(axis=2))  # [sets, n]
        here = known.any(axis=0)
        summed = np.where(known[:, :, None], network.probabilities, 0.0).sum(axis=0)[here]
        shares = summed / known.sum(axis=0)[here, None]
        names = [data.images[at] for at in network.images[here]]
        means[network.name] = dict(zip(names, shares, strict=True))
    several = np.flatnonzero(count > 1)
    mean = total[several] / count[several, None]
    most = np.log(np.minimum(count[several], len(data.classes)))
    apart = np.clip((_entropy(mean) - entropies[several] / count[several]) / most, 0.0, 1.0)
    labels = [data.classes[label] for label in data.labels]
    return Opinions(
        int(count.max(initial=0)),
        {data.images[at]: float(far) for at, far in zip(several, apart, strict=True)},
        {suspect.image: suspect for suspect in label_errors_of_run(tested, data.images, labels)},
        means,
    )


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    return found


def looks_of(judged: Judged, cache_folder: Path) -> Looks | None:
    """Return what the judged images look like; None where no audit has measured them, or they are too many."""
    if len(judged.paths) > _MOST_COMPARED:
        return None
    memory = memory_file(cache_folder, Path(str(judged.data.get("path", ""))))
    return remembered_looks(memory, judged.paths, judged.rule)


def look_alikes(judged: Judged, row: int, looks: Looks) -> list[tuple[int, list[int]]]:
    """Return the images of other groups that look most like one: of its class, and of the one it was taken for.

    Where the answer is right, the other class is the second most probable one.

    Returns:
        (class, rows) twice, the most alike first.
    """
    far = looks.distances(row)
    label, said = int(judged.labels[row]), int(judged.said[row])
    if said in (label, -1):
        shares = np.nan_to_num(judged.probabilities[row]).copy()
        shares[label] = -1
        said = int(shares.argmax())
    elsewhere = np.isfinite(far) & (np.array(judged.groups) != judged.groups[row])
    found = []
    for code in (label, said):
        rows = np.flatnonzero(elsewhere & (judged.labels == code))
        nearest = rows[np.argsort(far[rows], kind="stable")].tolist()
        once = {judged.images[at]: at for at in reversed(nearest)}  # several seeds answer about one image
        found.append((code, list(reversed(once.values()))[: _MOST_ALIKE // 2]))
    return found


def alike(judged: Judged, row: int) -> tuple[list[int], list[int]]:
    """Return rows of other images like one: those of its group, and those with the most similar probabilities.

    An image of the group is not named again among the others; the similar ones are ordered by total variation.
    """
    seen = {judged.images[row]}
    together: list[int] = []
    for other in np.flatnonzero(np.array(judged.groups) == judged.groups[row]).tolist():
        if judged.images[other] not in seen:
            seen.add(judged.images[other])
            together.append(other)
    far = np.abs(judged.probabilities - judged.probabilities[row]).sum(axis=1)
    near: list[int] = []
    for other in np.argsort(np.where(np.isnan(far), np.inf, far), kind="stable").tolist():
        if len(near) == _MOST_ALIKE or np.isnan(far[other]):
            break
        if judged.images[other] not in seen:
            seen.add(judged.images[other])
            near.append(other)
    return together[:_MOST_ALIKE], near

"""Which test images are like one: of its group, answered alike, or (once they were audited) looking alike.

Numpy only, made to be called in a thread of the app.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aimic_tui.engine.data.audit.look_alikes import Appearances, load_appearances
from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.workspace.image_answers import ImageAnswers

_MOST_SIMILAR = 24
_MOST_COMPARED = 100_000  # images: comparing one with so many takes a tenth of a second


def appearances_of(answers: ImageAnswers, cache_folder: Path) -> Appearances | None:
    """Return what the images look like; None where no audit has measured them, or they are too many."""
    if len(answers.paths) > _MOST_COMPARED:
        return None
    store = measurements_file(cache_folder, Path(answers.choice.path))
    return load_appearances(store, answers.paths, answers.rule)


def look_alikes(answers: ImageAnswers, row: int, appearances: Appearances) -> list[tuple[int, list[int]]]:
    """Return the images of other groups that look most like one: of its class, and of the one it was taken for.

    Where the answer is right, the other class is the second most probable one.

    Returns:
        (class, rows) twice, the most similar first.
    """
    distances = appearances.distances(row)
    label, other = int(answers.labels[row]), int(answers.predicted[row])
    if other in (label, -1):
        probabilities = np.nan_to_num(answers.probabilities[row]).copy()
        probabilities[label] = -1
        other = int(probabilities.argmax())
    elsewhere = np.isfinite(distances) & (np.array(answers.groups) != answers.groups[row])
    found = []
    for code in (label, other):
        rows = np.flatnonzero(elsewhere & (answers.labels == code))
        nearest = rows[np.argsort(distances[rows], kind="stable")].tolist()
        once = {answers.images[near]: near for near in reversed(nearest)}  # several seeds answer about one image
        found.append((code, list(reversed(once.values()))[: _MOST_SIMILAR // 2]))
    return found


def similar_rows(answers: ImageAnswers, row: int) -> tuple[list[int], list[int]]:
    """Return rows of other images like one: those of its group, and those with the most similar probabilities.

    An image of the group is not named again among the others; the similar ones are ordered by total variation.
    """
    seen = {answers.images[row]}
    same_group: list[int] = []
    for other in np.flatnonzero(np.array(answers.groups) == answers.groups[row]).tolist():
        if answers.images[other] not in seen:
            seen.add(answers.images[other])
            same_group.append(other)
    distances = np.abs(answers.probabilities - answers.probabilities[row]).sum(axis=1)
    similar: list[int] = []
    for other in np.argsort(np.where(np.isnan(distances), np.inf, distances), kind="stable").tolist():
        if len(similar) == _MOST_SIMILAR or np.isnan(distances[other]):
            break
        if answers.images[other] not in seen:
            seen.add(answers.images[other])
            similar.append(other)
    return same_group[:_MOST_SIMILAR], similar

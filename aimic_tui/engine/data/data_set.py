"""Images with labels and groups, by column, so that a million of them fit in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.note import Note


def _unmoved(path: Path) -> Path:
    return path


class Part(IntEnum):
    """The part of a fold that an image is in."""

    UNUSED = 0
    TRAIN = 1
    VALIDATION = 2
    TEST = 3


@dataclass(frozen=True, eq=False)
class DataSet:
    """n labelled images and their groups.

    Attributes:
        root: the folder that image names are relative to.
        images: unique names, `/` between their parts, sorted. Of a manifest: the path as written, relative to
            the manifest's folder where it lies below it. Bytes that are not UTF-8 are carried by surrogates.
        classes: names, sorted.
        labels: int32 [n], indices into `classes`.
        groups: int32 [n], indices into `group_names`; an image without a group is a group of its own.
        group_names: what the images of a group share; the image's name where it is a group of its own.
        group_rule: the pattern or the manifest column that made the groups, or "none".
        parts: int8 [n], `Part` of each image where the folders or the manifest give it, else None.
        decisions: sentences on what people decided: images left out, classes renamed.
        notes: on what was left out, and on names to look at before anything is trained.
        place_of: where a file of that path lies now; of a run's images that were moved after it was made.
    """

    root: Path
    images: tuple[str, ...]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    groups: npt.NDArray[np.int32]
    group_names: tuple[str, ...]
    group_rule: str
    parts: npt.NDArray[np.int8] | None = None
    decisions: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    place_of: Callable[[Path], Path] = _unmoved

    def __len__(self) -> int:
        return len(self.images)

    def index(self, image: str) -> int | None:
        """Return the index of the image with this name, None where there is none."""
        index = bisect_left(self.images, image)
        return index if index < len(self.images) and self.images[index] == image else None

    def path(self, index: int) -> Path:
        """Return the path of the image with this index."""
        return self.place_of(self.root / self.images[index])

    def paths(self) -> list[Path]:
        """Return the paths of all images, in order."""
        return [self.place_of(self.root / image) for image in self.images]

    def counts(self) -> dict[str, int]:
        """Return the number of images of each class, in the order of `classes`."""
        return dict(zip(self.classes, np.bincount(self.labels, minlength=len(self.classes)).tolist(), strict=True))

    def group_counts(self) -> dict[str, int]:
        """Return the number of groups that hold images of each class, in the order of `classes`."""
        pairs = np.unique(np.stack([self.labels, self.groups]), axis=1)[0] if len(self) else self.labels
        return dict(zip(self.classes, np.bincount(pairs, minlength=len(self.classes)).tolist(), strict=True))

    @property
    def layout(self) -> str:
        """How the folders were read, in sentences; empty where that is beyond doubt."""
        return next((note.sentence for note in self.notes if note.kind == "layout"), "")

    @property
    def grouped(self) -> bool:
        """Whether a rule groups the images, as opposed to each being its own group."""
        return self.group_rule != "none"

"""A data set as it is open: its images, the marks on them, and the data set that follows from both.

`OpenData` never changes: what opens, reads again or marks returns another one. Everything here that touches files
blocks, so that the app calls it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.audit.resolution import is_resolved
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.decisions import FoundData, apply_decisions
from aimic_tui.engine.data.listing.find_data_set import read_marks_of
from aimic_tui.engine.data.listing.list_images import ListedImages, list_images
from aimic_tui.engine.data.listing.marks import Mark, MarkKind, by_image, writable_marks_file
from aimic_tui.engine.progress import ReportProgress, no_report


@dataclass(frozen=True, eq=False)
class OpenData:
    """A data set as it is open.

    Attributes:
        choice: which images, as requested; its `marks` is a path where the data set's own folder can't be written.
        listed: the images before any decision.
        found: the data set after all decisions.
        marks: image name -> its marks, for images that have some.
        file: where marks are written, None where `data.marks` is none.
    """

    choice: DataSource
    listed: ListedImages
    found: FoundData
    marks: Mapping[str, tuple[Mark, ...]]
    file: Path | None

    @property
    def data_set(self) -> DataSet:
        """The images that take part."""
        return self.found.data_set

    def class_of(self, image: str) -> str:
        """Return the class of an image, also of an excluded one; empty where it has none."""
        index = self.data_set.index(image)
        if index is None:
            return self.found.excluded.get(image, "")
        return self.data_set.classes[int(self.data_set.labels[index])]

    def images_of_class(self, code: int) -> list[str]:
        """Return the names of a class's images, sorted, also those that are excluded."""
        data_set = self.data_set
        names = [data_set.images[index] for index in np.flatnonzero(data_set.labels == code).tolist()]
        excluded = [image for image, label in self.found.excluded.items() if label == data_set.classes[code]]
        return sorted([*names, *excluded]) if excluded else names

    def mark(self, image: str, kind: MarkKind) -> Mark | None:
        """Return the mark of a kind that an image has."""
        return next((mark for mark in self.marks.get(image, ()) if mark.kind == kind), None)

    def marked(self, images: Iterable[str], kind: MarkKind) -> bool:
        """Tell whether all of these images have a mark of a kind."""
        return all(self.mark(image, kind) is not None for image in images)

    def resolved(self, kind: str, images: Sequence[str]) -> bool:
        """Tell whether people have dealt with a finding of this kind on these images."""
        marks = [mark for image in images for mark in self.marks.get(image, ())]
        return is_resolved(kind, images, self.data_set, marks)

    def with_marks(self, marks: Sequence[Mark], choice: DataSource | None = None) -> OpenData:
        """Return the data set as these marks, and the class names of another choice, make it.

        Raises:
            AimicError: no class or no image is left.
        """
        choice = choice or self.choice
        return replace(
            self, choice=choice, found=apply_decisions(self.listed, marks, choice.classes), marks=by_image(marks)
        )


def open_data(choice: DataSource, fallback: Path, report: ReportProgress = no_report) -> OpenData:
    """Find a data set.

    Args:
        choice: which images.
        fallback: the folder for marks on data sets whose own folder can't be written.
        report: hears how many images are found so far.

    Raises:
        AimicError: there is none, or a setting makes no sense for it.
        OSError: it can't be read.
    """
    listed = list_images(choice, report)
    file = None if choice.marks == "none" else writable_marks_file(choice.path, choice.marks, fallback)
    if file is not None and file.parent == fallback and file.exists():
        choice = replace(choice, marks=str(file))
    marks = read_marks_of(choice)
    return OpenData(choice, listed, apply_decisions(listed, marks, choice.classes), by_image(marks), file)


def rename_classes(data: OpenData, classes: Mapping[str, str]) -> OpenData:
    """Give classes other names, as `data.classes` does.

    Raises:
        AimicError: that leaves no class.
    """
    marks = [mark for of_image in data.marks.values() for mark in of_image]
    return data.with_marks(marks, replace(data.choice, classes=dict(classes)))


def reread_marks(data: OpenData) -> OpenData:
    """Read the marks again, which another screen or program may have changed.

    Raises:
        AimicError: they can't be read.
        OSError: they can't be read.
    """
    choice = data.choice
    if (
        data.file is not None
        and data.choice.marks != str(data.file)
        and not read_marks_of(choice)
        and data.file.exists()
    ):
        choice = replace(choice, marks=str(data.file))
    return data.with_marks(read_marks_of(choice), choice)

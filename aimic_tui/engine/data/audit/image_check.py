"""Reading every image once before a run, so that a damaged one is reported now and not after three hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.audit.near_duplicates import NearPair, near_pairs
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.groups import join_groups
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.data.reading.pixels import THUMB
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_bytes, read_image, verify
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line, plural, printable


@dataclass(frozen=True)
class ImageProblem:
    """One image that can't be used; `kind` and `detail` are those of `UnreadableImage`."""

    kind: str
    path: str
    detail: str


@dataclass(frozen=True, eq=False)
class ImageChecks:
    """The result of checking n images, in the data set's order.

    Attributes:
        widths, heights: int32 [n], pixels as stored; 0 for an image that can't be read.
        digests: SHA-256 of each file's content in hexadecimal digits, empty where it can't be read.
        thumbs: uint8 [n, THUMB, THUMB], brightness; zeros where it can't be read.
        problems: the images that can't be used; `path` is the image's name in the data set.
    """

    widths: npt.NDArray[np.int32]
    heights: npt.NDArray[np.int32]
    digests: tuple[str, ...]
    thumbs: npt.NDArray[np.uint8]
    problems: tuple[ImageProblem, ...]

    def require_readable(self) -> None:
        """Do nothing if every image can be used.

        Raises:
            InputProblem: it names the first images that can't, and how many there are.
        """
        if not self.problems:
            return
        first = "; ".join(f"{one_line(problem.path, 120)} {problem.detail}" for problem in self.problems[:3])
        more = f"; and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        raise InputProblem(
            f"{plural(len(self.problems), 'image')} can't be used: {first}{more}. Replace them or take them out of the "
            "data set; `aimic inspect` lists all.",
            key="data.path",
        )


def check_images(
    data_set: DataSet,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
    *,
    rule: InputRule = AS_STORED,
) -> ImageChecks:
    """Read and decode every image, in threads.

    Args:
        data_set: n images.
        report: receives the number that are read.
        should_stop: checked regularly.
        rule: with which the images will be read; an image that lacks one of its channels can't be used.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    count = len(data_set)
    widths, heights = np.zeros(count, np.int32), np.zeros(count, np.int32)
    thumbs = np.zeros((count, THUMB, THUMB), np.uint8)
    digests: list[str] = []
    problems: list[ImageProblem] = []
    seen = in_threads(lambda path: _check(path, rule), data_set.paths(), report=report, should_stop=should_stop)
    for index, result in enumerate(seen):
        if isinstance(result, UnreadableImage):
            digests.append("")
            problems.append(ImageProblem(result.kind, printable(data_set.images[index]), result.detail))
        else:
            widths[index], heights[index], thumbs[index], digest = result
            digests.append(digest)
    return ImageChecks(widths, heights, tuple(digests), thumbs, tuple(problems))


def _check(path: Path, rule: InputRule) -> tuple[int, int, npt.NDArray[np.uint8], str] | UnreadableImage:
    try:
        data = read_bytes(path)
        width, height, thumb = verify(path, data, rule)
    except UnreadableImage as error:
        return error
    return width, height, thumb, digest_of_bytes(data)


def near_duplicates(
    data_set: DataSet,
    checks: ImageChecks,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
    *,
    rule: InputRule = AS_STORED,
) -> list[NearPair]:
    """Find near duplicates: images that were rotated, recompressed or slightly cropped.

    Args:
        data_set, checks: n images, and the result of checking them.
        report: receives the number of candidates that are compared.
        should_stop: checked regularly.
        rule: with which the images were checked.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    first: dict[str, int] = {}
    for index, digest in enumerate(checks.digests):
        if digest:
            first.setdefault(digest, index)
    indices = np.fromiter(first.values(), np.int64, len(first))
    return near_pairs(
        checks.thumbs, indices, lambda index: read_image(data_set.path(index), rule), report, should_stop=should_stop
    )


def group_duplicates(data_set: DataSet, digests: Sequence[str], near: Sequence[NearPair] = ()) -> DataSet:
    """Merge the groups of exact and near duplicates, so that no split separates them.

    Args:
        data_set: n images.
        digests: of each image, empty where unknown.
        near: near duplicates, see `near_duplicates`.
    """
    same: dict[str, list[int]] = {}
    for index, digest in enumerate(digests):
        if digest:
            same.setdefault(digest, []).append(index)
    together = [indices for indices in same.values() if len(indices) > 1] + [[pair.first, pair.second] for pair in near]
    groups, names = join_groups(data_set.groups, data_set.group_names, together)
    return data_set if names is data_set.group_names else replace(data_set, groups=groups, group_names=names)

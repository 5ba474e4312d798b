"""Whether the images that a manifest names are there, and are still the ones that it was written for."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aimic_tui.engine.data.image_notes import ImageNotes, image_exists, missing_folder
from aimic_tui.engine.data.reading.medmnist import npz_of
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_bytes
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_bytes, folder_problem, read_table
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import one_line, plural, printable

_READ_LIMIT = 1_000_000_000  # bytes that are read of the images to compare their digests: a few seconds
_READ_LEAST = 500  # images whose digests are compared whatever their size
_NAMED = 5  # images that a sentence names


@dataclass(frozen=True)
class ManifestImages:
    """The n images of a manifest: names, absolute paths as written, SHA-256 (empty where none was computed)."""

    images: tuple[str, ...]
    paths: tuple[Path, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class ImageComparison:
    """How a manifest's images are now.

    Attributes:
        images: how many there are in the manifest.
        missing: the paths at which there is none.
        changed: image -> the SHA-256 that it has now, "" where it can't be read.
        compared: of how many the digests were compared.
    """

    images: int
    missing: tuple[Path, ...]
    changed: dict[str, str]
    compared: int

    @property
    def reach(self) -> str:
        """What the comparison of digests could see, as a sentence."""
        if self.compared >= self.images:
            return f"The digests of all {plural(self.images, 'image')} were compared."
        # None of n images changed: with 95 % confidence fewer than 3/n of all did (Hanley and Lippman-Hand 1983).
        unseen = numbers.percent(min(1.0, 3 / max(1, self.compared)))
        return (
            f"The digests of {self.compared:,} of {self.images:,} images were compared, those with newer files first: "
            f"of the others, up to {unseen} could have been replaced unnoticed."
        )


def read_manifest_images(path: Path) -> ManifestImages:
    """Read what a run's manifest says of its images' files.

    Raises:
        InputProblem: it can't be read, or is not such a table.
    """
    try:
        rows = read_table(path)
        return ManifestImages(
            tuple(row["image"] for row in rows),
            tuple(Path(row["path"]) for row in rows),
            tuple(row.get("digest", "") for row in rows),
        )
    except OSError as error:
        raise InputProblem(f"{printable(str(path))} can't be read: {error.strerror}.") from None
    except KeyError:
        raise InputProblem(f"{printable(str(path))} is not a run's manifest. Start a new run.") from None


def compare_images(
    manifest: ManifestImages,
    notes: ImageNotes,
    since: datetime | None,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
) -> ImageComparison:
    """Look for every image, and compare digests: of all images where that takes seconds, else of some.

    Those whose files were written or moved after `since` come first, then others by chance.

    Args:
        manifest: of the images.
        notes: what is known of them already.
        since: when the manifest was made; None where that is not known.
        report: hears how many digests are compared.
        should_stop: checked regularly.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    places = [notes.place_of(path) for path in manifest.paths]
    facts = list(in_threads(_facts, places, threads=16))
    missing = tuple(place for place, fact in zip(places, facts, strict=True) if fact is None)
    made = math.inf if since is None else since.timestamp()
    expected = [
        notes.accepted.get(image, digest) for image, digest in zip(manifest.images, manifest.digests, strict=True)
    ]
    known = [index for index, fact in enumerate(facts) if fact is not None and expected[index]]
    random.Random(0).shuffle(known)
    known.sort(key=lambda index: _written(facts[index]) <= made)
    chosen = _affordable(known, facts)
    read = in_threads(_digest, [places[index] for index in chosen], report=report, should_stop=should_stop)
    found = zip(chosen, read, strict=True)
    changed = {manifest.images[index]: digest for index, digest in found if digest != expected[index]}
    return ImageComparison(len(places), missing, dict(sorted(changed.items())), len(chosen))


_Facts = tuple[int, float]  # bytes, and when the file was written or put there, in seconds since 1970


def _facts(path: Path) -> _Facts | None:
    if not image_exists(path):
        return None
    file = npz_of(path)
    status = (file or path).stat()
    return 0 if file else status.st_size, max(status.st_mtime, status.st_ctime)


def _written(facts: _Facts | None) -> float:
    return facts[1] if facts is not None else -math.inf


def _affordable(indices: Sequence[int], facts: Sequence[_Facts | None]) -> list[int]:
    chosen: list[int] = []
    total = 0
    for index in indices:
        fact = facts[index]
        total += fact[0] if fact is not None else 0
        if total > _READ_LIMIT and len(chosen) >= _READ_LEAST:
            break
        chosen.append(index)
    return chosen


def _digest(path: Path) -> str:
    try:
        return digest_of_bytes(read_bytes(path))
    except UnreadableImage:
        return ""


def require_images(paths: Sequence[Path], run: RunFolder) -> None:
    """Do nothing where at least one of the images is there; one that is missing is then named by whoever reads it.

    Args:
        paths: of the images, where they are now.
        run: whose images they are, and which is told where they are.

    Raises:
        InputProblem: none of them is there; it names their folder.
    """
    if paths and not any(map(image_exists, paths)):
        tell = run_command("resume", run, options=["--data", "FOLDER"])
        remedy = why_not_noted(run) or f"Say where they are now: {tell}."
        raise InputProblem(f"{missing_words(paths, len(paths))} {remedy}", key="data.path")


def why_not_noted(run: RunFolder) -> str:
    """Say what helps where a run's folder can't be written, so that it can't be told where its images are; else ""."""
    if not (problem := folder_problem(run.path, locks=False)):
        return ""
    return (
        f"Where the images are now can't be noted in the run: {problem} Put the images back, or copy the run's folder "
        "to where it can be written and tell the copy: `aimic resume COPY --data FOLDER`."
    )


def missing_words(missing: Sequence[Path], images: int) -> str:
    """Say which images are missing: their folder where that is gone, else the first of them.

    Args:
        missing: their paths, at least one.
        images: how many there are in all.
    """
    count = (
        f"All {plural(images, 'image')} are" if len(missing) == images else f"{len(missing):,} of {images:,} images are"
    )
    folders: dict[Path, int] = {}
    for path in missing:
        folder = missing_folder(path)
        if folder is None:
            return f"{count} missing: {_first([str(path) for path in missing])}."
        folders[folder] = folders.get(folder, 0) + 1
    if len(folders) == 1:
        return f"{count} missing: the folder {printable(str(next(iter(folders))))} is not there."
    named = [f"{folder} ({number:,})" for folder, number in folders.items()]
    return f"{count} missing: the folders {_first(named)} are not there."


def changed_words(changed: Sequence[str], images: int) -> str:
    """Say which images are no longer those of the manifest: `changed`, at least one, of so many."""
    verb = "is not the one" if len(changed) == 1 else "are not the ones"
    return f"{len(changed):,} of {plural(images, 'image')} {verb} that the run was made with: {_first(changed)}."


def _first(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 200) for name in names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown

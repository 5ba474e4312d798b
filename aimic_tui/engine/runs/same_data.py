"""Before a run goes on: are its images where they were, and are they and its own files what they were?

Between a stop and a resume people move data sets, replace images and edit files. A run that went on regardless would
mix old and new pixels without a word; so it goes on only when told to, and its story has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.data.image_notes import ImageNotes, Move, find_move, image_exists, read_notes, write_notes
from aimic_tui.engine.data.listing.marks import marks_file
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.manifest_check import (
    ImageComparison,
    ManifestImages,
    changed_words,
    compare_images,
    missing_words,
    read_manifest_images,
)
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_events import FilesAccepted, ImagesAccepted, ImagesMoved, append_to_run
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.own_files import changed_own_files, table_changed
from aimic_tui.engine.runs.status import RunStatus
from aimic_tui.engine.text import listed, plural, printable

_FIRST = 20  # changed images that the run's story names


class MissingImages(InputProblem):
    """Images of a run are not where they were; it can go on once it is told where they are.

    Attributes:
        question: what is missing, without what to type.
    """

    def __init__(self, question: str, remedy: str) -> None:
        super().__init__(f"{question} {remedy}", key="data.path")
        self.question = question


class ChangedData(InputProblem):
    """Images of a run, or its own files, are other ones than it was made with; it goes on only when told to.

    Attributes:
        question: what has changed, without what to type.
    """

    def __init__(self, question: str, remedy: str) -> None:
        super().__init__(f"{question} {remedy}")
        self.question = question


@dataclass(frozen=True)
class Told:
    """What a person says of a run's data before it goes on.

    Attributes:
        places: where its images are now; none where nobody said anything.
        accept_changed: go on with images and files that have changed.
    """

    places: tuple[Path, ...] = ()
    accept_changed: bool = False


def check_same_data(
    folder: RunFolder, status: RunStatus, told: Told, report: ReportProgress = no_report
) -> tuple[str, ...]:
    """Compare a run's images and files with what it was made with, and note what was told.

    Args:
        folder: the run's.
        status: its status.
        told: what a person said.
        report: hears how many digests are compared.

    Returns:
        Sentences on what there is to know, such as how much was compared.

    Raises:
        MissingImages: images are not there.
        ChangedData: something has changed, and nobody accepted that.
        InputProblem: the run's own files are damaged, or a place holds none of its images.
        OSError: the run's folder can't be written.
    """
    changed_files = _changed_files(folder)
    if changed_files and not told.accept_changed:
        have = "has" if len(changed_files) == 1 else "have"
        raise ChangedData(
            f"{listed(list(changed_files))} of the run {printable(folder.name)} {have} been changed since it was made.",
            f"Restore {'it' if len(changed_files) == 1 else 'them'} from a copy; or go on regardless: "
            f"{run_command('resume', folder, options=['--accept-changed'])}.",
        )
    manifest = read_manifest_images(folder.manifest_file)
    known = read_notes(folder.manifest_file)
    notes, moves = _located(folder, manifest, known, told.places)
    found = compare_images(manifest, notes, status.created, report)
    _require_there(folder, found)
    if found.changed and not told.accept_changed:
        _refuse_changed(folder, found, told)
    notes = notes.with_accepted(found.changed)
    if notes != known:
        write_notes(folder.manifest_file, notes)
    for move in moves:
        append_to_run(folder, ImagesMoved(move.before, move.after, found.images, found.compared))
    if found.changed:
        append_to_run(folder, ImagesAccepted(len(found.changed), found.images, tuple(found.changed)[:_FIRST]))
    if changed_files:
        append_to_run(folder, FilesAccepted(changed_files))
    said = [*_worth_knowing(moves, found), *_what_does_not_count(folder, notes.place_of(Path(status.data)))]
    return tuple(said)


def _changed_files(folder: RunFolder) -> dict[str, str]:
    """Return the own files that have changed; read all that the workers will read, so that a damaged one is a sentence.

    Raises:
        InputProblem: one is damaged or gone.
    """
    Experiment.of_run(folder.experiment_file)
    read_split(folder.split_file, read_manifest(folder.manifest_file).images)
    return changed_own_files(folder)


def _located(
    folder: RunFolder, manifest: ManifestImages, notes: ImageNotes, places: Sequence[Path]
) -> tuple[ImageNotes, list[Move]]:
    moves: list[Move] = []
    for place in places:
        where = place.absolute()
        if not where.exists():
            raise InputProblem(f"There is no folder {printable(str(where))}. Name the one that the images are in now.")
        if where.is_file() and where.suffix.lower() != ".npz":
            where = where.parent  # of a table of images
        gone = [path for path in manifest.paths if not image_exists(notes.place_of(path))]
        move = find_move(gone or manifest.paths, where)
        if move is None:
            raise InputProblem(
                f"{printable(str(where))} holds none of the images of the run {printable(folder.name)}, such as "
                f"{printable(str(manifest.paths[0]))}. Name the folder that they are in now."
            )
        notes = notes.with_move(move)
        moves.append(move)
    return notes, moves


def _require_there(folder: RunFolder, found: ImageComparison) -> None:
    if not found.missing:
        return
    say = run_command("resume", folder, options=["--data", "FOLDER"])
    raise MissingImages(
        missing_words(found.missing, found.images),
        f"If they were moved, say where they are now: {say}. If they are on a drive or a server that is away, "
        f"connect it and run {run_command('resume', folder)} again.",
    )


def _refuse_changed(folder: RunFolder, found: ImageComparison, told: Told) -> None:
    options = [part for place in told.places for part in ("--data", str(place))]
    go_on = run_command("resume", folder, options=[*options, "--accept-changed"])
    raise ChangedData(
        changed_words(tuple(found.changed), found.images),
        f"Put the old ones back; or go on with the new ones, which the run's story and report will say: {go_on}.",
    )


def _worth_knowing(moves: Sequence[Move], found: ImageComparison) -> list[str]:
    said = [f"The images of {printable(move.before)} are read from {printable(move.after)}." for move in moves]
    if moves or found.compared < found.images:
        said.append(found.reach)
    if found.changed:
        said.append(
            f"{plural(len(found.changed), 'image')} in another version: folds that are finished saw the old one."
        )
    return said


def _what_does_not_count(folder: RunFolder, data: Path) -> list[str]:
    """Say what has changed beside the data set at `data` and does not reach the run, whose manifest has it."""
    said = []
    if table_changed(folder, data):
        said.append(f"{printable(data.name)} has changed; the run keeps the labels that it was made with.")
    if _marks_changed(folder, data):
        said.append("The marks on the images have changed; the run keeps those that it was made with.")
    return said


def _marks_changed(folder: RunFolder, data: Path) -> bool:
    settings = Experiment.of_run(folder.experiment_file).data
    try:
        file = marks_file(str(data), settings.marks)
        if file is None or not data.exists():
            return False
        now = file.read_bytes() if file.is_file() else b""
        then = folder.marks_file.read_bytes() if folder.marks_file.is_file() else b""
    except OSError:
        return False
    return now != then

"""The images that somebody names for a prediction: files, folders, tables that list images, MedMNIST files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.data.listing.folder_notes import sentences_on_missing_images
from aimic_tui.engine.data.listing.folder_scan import scan_folder
from aimic_tui.engine.data.listing.manifest_table import is_manifest, read_image_rows
from aimic_tui.engine.data.listing.marks import is_marks_file
from aimic_tui.engine.data.listing.table_reader import refuse_other_kinds
from aimic_tui.engine.data.reading.medmnist import is_npz, list_npz
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import printable

_NAME = "Name image files, folders of images, or tables (.csv) that list images."


@dataclass(frozen=True)
class ImageFiles:
    """Images with unique names.

    Attributes:
        files: (name, path) of each, in the order of the inputs; those of a folder are sorted. A name is relative to the
            folder that was given, or as a table writes it; where several inputs share one, it gets more of its path.
        notes: sentences on how tables were read, and on what folders hold in place of images.
    """

    files: tuple[tuple[str, Path], ...]
    notes: tuple[str, ...] = ()


def find_image_files(inputs: Sequence[Path], image_column: str = "path") -> ImageFiles:
    """List the images among files, folders, tables and MedMNIST files; any other file counts whatever its suffix.

    Args:
        inputs: what was named.
        image_column: the column of tables with the images' paths; see `read_image_rows`.

    Raises:
        InputProblem: an input does not exist or can't be read, or there is no image at all.
    """
    found: dict[Path, tuple[str, str]] = {}  # path -> name, name with the input's own
    notes: list[str] = []
    for given in inputs:
        for name, path, longer in _images_of(given, image_column, notes):
            found.setdefault(path, (name, longer))
    if not found:
        names = ", ".join(printable(str(given)) for given in inputs[:3])
        raise InputProblem(f"There are no images in {names}. {' '.join(notes) or _NAME}")
    whole = {path: str(path.absolute()).lstrip("/") for path in found}
    for names_of in (
        {path: short for path, (short, _) in found.items()},
        {path: long for path, (_, long) in found.items()},
        whole,
    ):
        if len(set(names_of.values())) == len(found):
            break
    return ImageFiles(tuple((names_of[path], path) for path in found), tuple(notes))


def _images_of(given: Path, image_column: str, notes: list[str]) -> Iterator[tuple[str, Path, str]]:
    """Yield the name of each image, its path, and a longer name; notes are added."""
    if given.is_dir():
        inside = given.resolve().name
        scan = scan_folder(given)
        notes += sentences_on_missing_images(scan)
        for image in sorted(scan.images):
            yield image, given / image, f"{inside}/{image}"
    elif not given.exists():
        raise InputProblem(f"{printable(str(given))} does not exist. {_NAME}")
    elif is_marks_file(given):
        raise InputProblem(f"{printable(str(given))} holds marks on a data set, not images. {_NAME}")
    elif is_npz(given):
        for image in list_npz(given).images:
            yield image, given.parent / image, f"{given.resolve().parent.name}/{image}"
    elif is_manifest(given):
        rows = read_image_rows(given, image_column)
        notes += [note.sentence for note in rows.notes]
        for written, image in zip(rows.written, rows.images, strict=True):
            yield written, given.parent / image, f"{given.resolve().parent.name}/{written}"
    else:
        if given.is_file() and given.suffix.lower() not in IMAGE_SUFFIXES:
            refuse_other_kinds(given)
        yield given.name, given, f"{given.resolve().parent.name}/{given.name}"

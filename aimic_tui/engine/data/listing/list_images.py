"""The images that a folder, a manifest or a MedMNIST file lists, before any decisions are applied."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.data_source import DataSourceSettings
from aimic_tui.engine.data.listing.folder_notes import notes_on_folder, why_no_images
from aimic_tui.engine.data.listing.folder_scan import Scan, check_exists, scan_folder
from aimic_tui.engine.data.listing.folder_words import PART_FOLDERS
from aimic_tui.engine.data.listing.groups import dividing_folders, suggest_group
from aimic_tui.engine.data.listing.layout import LAYOUTS, Layout
from aimic_tui.engine.data.listing.layout_sentences import listed_names
from aimic_tui.engine.data.listing.manifest_table import ManifestRows, is_manifest, read_manifest_rows
from aimic_tui.engine.data.listing.marks import is_marks_file
from aimic_tui.engine.data.listing.mask_files import find_masks, note_on_masks
from aimic_tui.engine.data.listing.missing_values import without_missing
from aimic_tui.engine.data.listing.name_pattern import NamePattern, name_pattern
from aimic_tui.engine.data.listing.recognize_layout import chosen_layout, recognize_layout
from aimic_tui.engine.data.listing.table_reader import refuse_other_kinds
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.data.reading.medmnist import is_npz, list_npz
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.names import nfc
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded

_NAMED = 3  # images that a sentence names


@dataclass(frozen=True, eq=False)
class ListedImages:
    """n images as they are found.

    Attributes:
        root: the folder that image names are relative to.
        images: unique names, sorted; see `DataSet.images`.
        labels: of each image in NFC, empty where nothing gives it a class; in a table also words such as `nan`.
        rule: the group rule ("auto" is resolved): a pattern, a column or "none".
        groups: the group of each image by a manifest's column; None where the rule is a pattern on names.
        parts: int8 [n], `Part` of each, or None.
        suggested_group: the pattern that the names show.
        layout: how the folders were read; None where no folder says a class.
        others: files among the images that don't look like images.
        repeated, conflicts: images that a manifest lists twice, under one label or several.
        notes: on what else was left out.
        in_table: the labels are a table's cells, where words such as `nan` stand for none.
    """

    root: Path
    images: tuple[str, ...]
    labels: tuple[str, ...]
    rule: str
    groups: tuple[str | None, ...] | None = None
    parts: npt.NDArray[np.int8] | None = None
    suggested_group: str | None = None
    layout: Layout | None = None
    others: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    in_table: bool = False

    def label_of(self, image: str) -> str:
        """Return the class that an image is listed with, empty where it has none or is not there."""
        at = bisect_left(self.images, image)
        return self.labels[at] if at < len(self.images) and self.images[at] == image else ""


class NoClasses(InputProblem):
    """A folder holds `images` (names, sorted), but nothing says their classes: `data.pattern` might."""

    def __init__(self, sentence: str, images: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.images = images


def list_images(settings: DataSourceSettings, report: ReportProgress = no_report) -> ListedImages:
    """List the images of a data set with labels, groups and parts by folders, names or rows; none is opened.

    Which folder is an image's label, and which its part or group, is recognized, or `data.layout` says it. With
    `data.pattern`, names say all of it.

    Raises:
        InputProblem: the folder is missing or empty, nothing has a class; a manifest lacks a column.
        UnclearLayout: two levels of folders could be the classes.
        UsageProblem: there is no path, or a pattern is none.
    """
    if not settings.path.strip():
        raise UsageProblem(
            "data.path is empty. Name a folder with one subfolder per class, or a manifest (.csv).", key="data.path"
        )
    # Not Path's own: they fail where there is no such user, and follow links and so rename what the user named.
    path = Path(os.path.abspath(expanded(settings.path)))  # noqa: PTH100
    found = _listed(path, settings, report)
    groups = None if found.groups is None else tuple(None if group is None else nfc(group) for group in found.groups)
    return replace(found, labels=tuple(map(nfc, found.labels)), groups=groups)


def _listed(path: Path, settings: DataSourceSettings, report: ReportProgress) -> ListedImages:
    if is_marks_file(path):
        raise InputProblem(f"{printable(str(path))} holds marks on a data set, not images. Name the data set itself.")
    pattern = name_pattern(settings.pattern) if settings.pattern.strip() else None
    if pattern is None and is_npz(path):
        return _from_npz(path, settings.group)
    if pattern is None and is_manifest(path):
        check_exists(path)
        columns = (settings.image_column, settings.label_column, settings.group, settings.part_column)
        return _from_listing(path, read_manifest_rows(path, *columns), settings.group)
    if pattern is not None and path.is_file():
        raise UsageProblem(
            f"data.pattern reads the names in a folder, but {printable(str(path))} is a file that lists its classes "
            "itself. Leave data.pattern empty.",
            key="data.pattern",
        )
    if path.is_file():
        refuse_other_kinds(path)
    scan = scan_folder(path, report)
    scan.images.sort()
    scan.others = sorted(name for name in scan.others if not is_marks_file(Path(name)))
    return _from_names(path, scan, pattern, settings.group) if pattern else _from_folder(path, scan, settings)


def _from_folder(root: Path, scan: Scan, settings: DataSourceSettings) -> ListedImages:
    kind = next((name for name in LAYOUTS if name == settings.layout), None)
    layout = recognize_layout(scan.images, root) if kind is None else chosen_layout(scan.images, root, kind)
    labels, parts = layout.read(scan.images)
    if not any(labels):
        raise (
            NoClasses(why_no_images(root, scan), tuple(scan.images))
            if labels
            else InputProblem(why_no_images(root, scan))
        )
    masks = [image for image in find_masks(scan.images) if labels[bisect_left(scan.images, image)]]
    for mask in masks:
        labels[bisect_left(scan.images, mask)] = ""
    above = 1 + max(base.count("/") for base in layout.bases)
    suggested = layout.group_pattern or _suggested(scan.images, labels, above)
    notes = [Note("layout", layout.sentence)] if layout.sentence else []
    if masks:
        notes.append(note_on_masks(masks))
    if dividing := dividing_folders(scan.images, labels, above):
        names = listed_names(dividing)
        notes.append(Note("dividing-folders", f"The folders {names} only divide the files of a class: no groups."))
    return ListedImages(
        root,
        images=tuple(scan.images),
        labels=tuple(labels),
        rule=(suggested or "none") if settings.group == "auto" else settings.group,
        parts=np.array(parts, np.int8) if layout.gives_parts else None,
        suggested_group=suggested,
        layout=layout,
        others=tuple(scan.others),
        notes=(*notes, *notes_on_folder(scan)),
    )


def _from_names(root: Path, scan: Scan, pattern: NamePattern, group: str) -> ListedImages:
    if not scan.images:
        raise InputProblem(why_no_images(root, scan))
    named = [pattern.read(image) for image in scan.images]
    labels = ["" if name is None else name.label for name in named]
    without = [image for image, label in zip(scan.images, labels, strict=True) if not label]
    if len(without) == len(labels):
        raise InputProblem(
            f"data.pattern = {one_line(pattern.text, 120)} matches none of the {plural(len(labels), 'image')} in "
            f"{printable(str(root))}; the first are {_names(without)}. It is matched with the path below that folder.",
            key="data.pattern",
        )
    # Folders are no classes here, so that an empty one is none that is missing.
    notes = [note for note in notes_on_folder(scan) if note.kind != "empty-class-folders"]
    if without:
        unmatched = f"{plural(len(without), 'image')} without a match for data.pattern, so without a class"
        notes.append(Note("names-without-match", f"{unmatched}: {_names(without)}."))
    parts = None
    if "part" in pattern.parts:
        words = ["" if name is None else name.part for name in named]
        parts = _parts_of(words, f"data.pattern = {one_line(pattern.text, 80)} finds", "as a part")
    elif _split_folders(scan.images):
        parts = np.array([PART_FOLDERS.get(image.partition("/")[0].casefold(), 0) for image in scan.images], np.int8)
    suggested = _suggested(scan.images, labels)
    by_pattern = group == "auto" and "group" in pattern.parts
    return ListedImages(
        root,
        images=tuple(scan.images),
        labels=tuple(labels),
        rule=pattern.text if by_pattern else (suggested or "none") if group == "auto" else group,
        groups=tuple(None if name is None else name.group or None for name in named) if by_pattern else None,
        parts=parts,
        suggested_group=suggested,
        others=tuple(scan.others),
        notes=tuple(notes),
    )


def _from_listing(path: Path, listing: ManifestRows, group: str) -> ListedImages:
    first: dict[str, int] = {}
    repeated: set[str] = set()
    conflicts: set[str] = set()
    written = list(map(nfc, listing.labels))
    known = without_missing(written).values
    for row, (image, label) in enumerate(zip(listing.images, known, strict=True)):
        before = first.setdefault(image, row)
        if before == row or not label:
            continue
        if not known[before]:
            first[image] = row
        else:
            (repeated if known[before] == label else conflicts).add(image)
    if not any(written):
        raise InputProblem(
            f"{printable(str(path))} lists no labelled image. It needs a row an image, with its path and its label."
        )
    images = sorted(first)
    rows = [first[image] for image in images]
    suggested = _suggested(images, [known[row] for row in rows])
    by_column = listing.groups is not None
    parts = None
    if listing.parts is not None:
        words = [listing.parts[row] for row in rows]
        remedy = " If the column means something else, set data.part_column=none."
        column = one_line(listing.part_column, 40)
        parts = _parts_of(words, f"{printable(str(path))} has", f"in its column {column}", remedy)
    return ListedImages(
        path.parent,
        images=tuple(images),
        labels=tuple(written[row] for row in rows),
        in_table=True,
        rule=listing.group_column if by_column else (suggested or "none") if group == "auto" else group,
        groups=None if listing.groups is None else tuple(listing.groups[row] or None for row in rows),
        parts=parts,
        suggested_group=suggested,
        repeated=tuple(sorted(repeated)),
        conflicts=tuple(sorted(conflicts)),
        notes=listing.notes,
    )


def _from_npz(path: Path, group: str) -> ListedImages:
    listing = list_npz(path)
    order = sorted(range(len(listing.images)), key=listing.images.__getitem__)
    return ListedImages(
        path.parent,
        images=tuple(listing.images[row] for row in order),
        labels=tuple(listing.labels[row] for row in order),
        rule="none" if group == "auto" else group,
        parts=listing.parts[order],
    )


def _suggested(images: Sequence[str], labels: Sequence[str], above: int = 1) -> str | None:
    rows = [row for row, label in enumerate(labels) if label]
    return suggest_group([images[row] for row in rows], [labels[row] for row in rows], above)


def _parts_of(words: Sequence[str], where: str, what: str, remedy: str = "") -> npt.NDArray[np.int8]:
    words = without_missing(words).values
    codes = {**PART_FOLDERS, "": Part.UNUSED, "unused": Part.UNUSED}
    unknown = {word for word in words if word.casefold() not in codes}
    if unknown:
        raise InputProblem(
            f"{where} {one_line(min(unknown), 60)} {what}. Parts are train, validation, test or nothing.{remedy}"
        )
    return np.array([codes[word.casefold()] for word in words], np.int8)


def _split_folders(images: Sequence[str]) -> bool:
    """Tell whether the first folders are parts, train among them."""
    tops = {PART_FOLDERS.get(top.casefold()) for top, slash, _ in (image.partition("/") for image in images) if slash}
    return None not in tops and len(tops) > 1 and Part.TRAIN in tops


def _names(images: Sequence[str]) -> str:
    return ", ".join(one_line(image, 80) for image in images[:_NAMED]) + (" ..." if len(images) > _NAMED else "")

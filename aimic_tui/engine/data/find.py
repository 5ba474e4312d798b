"""Find the images of a data set with their labels and groups, without opening one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.grouping import group_values, no_match_sentence, suggest_group
from aimic_tui.engine.data.listing import Listing, is_manifest, read_listing
from aimic_tui.engine.data.npz import is_npz, list_npz
from aimic_tui.engine.data.scan import IMAGE_SUFFIXES, Scan, scan_folder
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.text import one_line, printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import DataSettings

__all__ = ["PART_FOLDERS", "Found", "find_data_set", "find_everything", "image_files", "suggest_group"]

PART_FOLDERS = {
    "train": Part.TRAIN,
    "training": Part.TRAIN,
    "val": Part.VALIDATION,
    "valid": Part.VALIDATION,
    "validation": Part.VALIDATION,
    "test": Part.TEST,
    "testing": Part.TEST,
}


@dataclass(frozen=True)
class Found:
    """A data set and what lies beside it.

    Attributes:
        data_set: the labelled images.
        suggested_group: the pattern that the names show, whether or not it is used.
        unlabelled: images that no folder or row gives a class.
        others: files among the images that don't look like images.
        repeated: images that a manifest lists more than once under one label.
        conflicts: images that a manifest lists under several labels; the first counts.
        notes: sentences on what else was left out.
    """

    data_set: DataSet
    suggested_group: str | None
    unlabelled: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_data_set(settings: DataSettings, progress: Callable[[int], None] | None = None) -> DataSet:
    """Find the images of a folder of class folders, of a manifest or of a MedMNIST file, without decoding one.

    A folder's label is its first sub-folder; if the first sub-folders are train, validation and test, they give
    the part and the next one the label.

    Raises:
        InputProblem: the folder is missing, empty or holds a single class; a manifest lacks a column, or gives one
            image two labels.
        UsageProblem: there is no path, or `data.group` is not a pattern.
    """
    found = find_everything(settings, progress)
    if found.conflicts:
        first = one_line(found.conflicts[0], 120)
        raise InputProblem(
            f"{printable(settings.path)} gives {len(found.conflicts)} image(s) more than one label, the first is "
            f"{first}. Keep one row for each."
        )
    if len(found.data_set.classes) < 2:
        raise InputProblem(_single_class(settings.path, found.data_set))
    return found.data_set


def find_everything(settings: DataSettings, progress: Callable[[int], None] | None = None) -> Found:
    """Find a data set and what lies beside it; for an audit, so a single class or a conflict is no error here.

    Raises:
        InputProblem, UsageProblem: as `find_data_set`, where there is no data set at all.
    """
    if not settings.path.strip():
        raise UsageProblem("data.path is empty. Name a folder with one sub-folder a class, or a manifest (.csv).")
    path = Path(settings.path).expanduser()
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links and rename what the user named
    if is_npz(path):
        return _from_npz(path, settings.group)
    if is_manifest(path):
        listing = read_listing(path, settings.image_column, settings.label_column, settings.group)
        return _from_listing(path, listing, settings.group)
    return _from_folder(path, scan_folder(path, progress), settings.group)


def _from_folder(root: Path, scan: Scan, group: str) -> Found:
    scan.images.sort()
    notes = _folder_notes(scan)
    with_parts = _has_part_folders(scan.images)
    images: list[str] = []
    labels: list[str] = []
    parts: list[int] = []
    unlabelled: list[str] = []
    for image in scan.images:
        top, _, rest = image.partition("/")
        if with_parts:
            part = PART_FOLDERS[top.casefold()] if rest else Part.UNUSED
            top, _, rest = rest.partition("/")
        if not rest:
            unlabelled.append(image)
            continue
        images.append(image)
        labels.append(top)
        if with_parts:
            parts.append(part)
    if not images:
        raise InputProblem(_no_images(root, scan, unlabelled))
    data_set, suggested = _assemble(
        root,
        images=images,
        labels=labels,
        rule=group,
        values=None,
        parts=np.array(parts, np.int8) if with_parts else None,
    )
    return Found(data_set, suggested, tuple(unlabelled), tuple(sorted(scan.others)), notes=tuple(notes))


def _from_listing(path: Path, listing: Listing, group: str) -> Found:
    first: dict[str, int] = {}
    repeated: list[str] = []
    conflicts: list[str] = []
    unlabelled: list[str] = []
    for row, (image, label) in enumerate(zip(listing.images, listing.labels, strict=True)):
        if not label:
            unlabelled.append(image)
        elif image not in first:
            first[image] = row
        elif listing.labels[first[image]] == label:
            repeated.append(image)
        else:
            conflicts.append(image)
    if not first:
        raise InputProblem(
            f"{printable(str(path))} lists no labelled image. It needs a row an image, with its path and its label."
        )
    images = sorted(first)
    rows = [first[image] for image in images]
    if not any((path.parent / image).exists() for image in images[:50]):
        raise InputProblem(
            f"{printable(str(path))} lists {one_line(images[0], 120)}, but there is no such file. Write paths relative "
            "to the manifest's folder, or whole ones."
        )
    data_set, suggested = _assemble(
        path.parent,
        images=images,
        labels=[listing.labels[row] for row in rows],
        rule=group if listing.groups is None else listing.group_column,
        values=None if listing.groups is None else [listing.groups[row] or None for row in rows],
        parts=None if listing.parts is None else _parts_of(path, [listing.parts[row] for row in rows]),
    )
    return Found(
        data_set,
        suggested,
        tuple(sorted(unlabelled)),
        repeated=tuple(sorted(set(repeated))),
        conflicts=tuple(sorted(set(conflicts))),
    )


def _from_npz(path: Path, group: str) -> Found:
    listing = list_npz(path)
    order = sorted(range(len(listing.images)), key=listing.images.__getitem__)
    data_set, _ = _assemble(
        path.parent,
        images=[listing.images[row] for row in order],
        labels=[listing.labels[row] for row in order],
        rule="none" if group == "auto" else group,
        values=None,
        parts=listing.parts[order],
    )
    return Found(data_set, None)


def _parts_of(path: Path, words: Sequence[str]) -> np.ndarray:
    codes = {**PART_FOLDERS, "": Part.UNUSED, "unused": Part.UNUSED}
    unknown = {word for word in words if word.casefold() not in codes}
    if unknown:
        raise InputProblem(
            f"{printable(str(path))} has {one_line(min(unknown), 60)} in its column part. Write train, validation, "
            "test or nothing."
        )
    return np.array([codes[word.casefold()] for word in words], np.int8)


def _assemble(
    root: Path,
    *,
    images: list[str],
    labels: list[str],
    rule: str,
    values: list[str | None] | None,
    parts: np.ndarray | None,
) -> tuple[DataSet, str | None]:
    suggested = suggest_group(images, labels)
    if values is None:
        rule = (suggested or "none") if rule == "auto" else rule
        if rule != "none":
            values = group_values(images, rule)
            if not any(value is not None for value in values):
                raise InputProblem(no_match_sentence(rule, images))
    names: dict[str, int] = {}
    groups = np.fromiter(
        (
            names.setdefault(image if value is None else value, len(names))
            for image, value in zip(images, values or [None] * len(images), strict=True)
        ),
        np.int32,
        len(images),
    )
    classes = tuple(sorted(set(labels)))
    codes = {name: code for code, name in enumerate(classes)}
    return (
        DataSet(
            root=root,
            images=tuple(images),
            classes=classes,
            labels=np.fromiter((codes[label] for label in labels), np.int32, len(labels)),
            groups=groups,
            group_names=tuple(names),
            group_rule=rule,
            parts=parts,
        ),
        suggested,
    )


def _has_part_folders(images: Sequence[str]) -> bool:
    tops: dict[Part, bool] = {}
    for image in images:
        top, _, rest = image.partition("/")
        if not rest:
            continue
        part = PART_FOLDERS.get(top.casefold())
        if part is None:
            return False
        tops[part] = tops.get(part, False) or "/" in rest
    return len(tops) > 1 and tops.get(Part.TRAIN, False)


def _folder_notes(scan: Scan) -> list[str]:
    notes = []
    if scan.empty_folders:
        names = ", ".join(one_line(name, 40) for name in scan.empty_folders[:3])
        more = f" and {len(scan.empty_folders) - 3} more" if len(scan.empty_folders) > 3 else ""
        notes.append(f"Without an image, so no class: {names}{more}.")
    if scan.links_left:
        notes.append(
            f"{scan.links_left} link(s) to folders or out of the data set were not followed; a manifest can list "
            "images anywhere."
        )
    if scan.closed:
        notes.append(f"{len(scan.closed)} folder(s) can't be read, the first is {one_line(scan.closed[0], 120)}.")
    return notes


def _no_images(root: Path, scan: Scan, unlabelled: Sequence[str]) -> str:
    shown = printable(str(root))
    if unlabelled:
        return (
            f"{shown} holds {len(unlabelled)} image(s) but no class folders. Put the images of each class in a "
            "sub-folder of its name, or list them in a manifest (.csv) with a label column."
        )
    if scan.links_left:
        return (
            f"{shown} holds only links, which are not followed to folders or out of it. Name the folder they lead to, "
            "or list the images in a manifest (.csv)."
        )
    if scan.closed:
        return (
            f"{shown} holds no images that can be reached: {len(scan.closed)} folder(s) can't be read. Ask for access."
        )
    if scan.others:
        kinds = ", ".join(sorted({suffix.lstrip(".").upper() for suffix in IMAGE_SUFFIXES} & _USUAL))
        return f"{shown} holds {len(scan.others)} file(s) but no images. Images are files such as {kinds}."
    return f"{shown} is empty. Name a folder with one sub-folder a class."


_USUAL = {"JPG", "PNG", "BMP", "GIF", "TIF", "WEBP"}


def _single_class(path: str, data_set: DataSet) -> str:
    shown = printable(path)
    name = data_set.classes[0]
    inner = sorted({image.split("/")[1] for image in data_set.images if image.count("/") >= 2})
    beginning = (
        f"{shown} holds a single class, {one_line(name, 60)} ({len(data_set)} image(s)); "
        "a classifier needs at least two."
    )
    if len(inner) > 1:
        names = ", ".join(one_line(folder, 30) for folder in inner[:3])
        return f"{beginning} It has the folders {names}: did you mean {printable(str(Path(path) / name))}?"
    return f"{beginning} Add a folder for each other class."


def image_files(inputs: Sequence[Path]) -> tuple[tuple[str, Path], ...]:
    """List the images among files and folders, for a prediction: (name, path) with unique names, sorted per input.

    A name is relative to the folder that was given; where several inputs share one, it gets more of its path. A file
    given by itself counts whatever its suffix.

    Raises:
        InputProblem: an input does not exist, or there is no image at all.
    """
    found: dict[Path, tuple[str, str]] = {}  # path -> name, name with the input's own
    for given in inputs:
        if given.is_dir():
            for image in sorted(scan_folder(given).images):
                found.setdefault(given / image, (image, f"{given.resolve().name}/{image}"))
        elif given.exists():
            found.setdefault(given, (given.name, f"{given.resolve().parent.name}/{given.name}"))
        else:
            raise InputProblem(f"{printable(str(given))} does not exist. Name image files or folders of images.")
    if not found:
        names = ", ".join(printable(str(given)) for given in inputs[:3])
        raise InputProblem(f"There are no images in {names}. Name image files or folders of images.")
    whole = {path: str(path.absolute()).lstrip("/") for path in found}
    for names_of in (
        {path: short for path, (short, _) in found.items()},
        {path: long for path, (_, long) in found.items()},
        whole,
    ):
        if len(set(names_of.values())) == len(found):
            break
    return tuple((names_of[path], path) for path in found)

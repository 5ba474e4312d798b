"""Which files the paths of a table mean, where they were written for another folder, machine or program.

Public data sets give names without suffix beside a folder tree (Kaggle, ISIC), colleagues give whole paths of their own
computer, scripts give `file:` addresses. A path that exists is taken as it is. Any other is looked for in this order:
in another letter case or Unicode form, in its own folder without or with another suffix, below that folder, and last
where the end of the path exists below the table's folder. What is found so is said; where several files fit, both are
named and none is taken, nor is an image that the table lists itself. Folders that don't exist here are looked for as a
whole: their images lie together here, too.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.data.listing.find_file import FileFinder
from aimic_tui.engine.data.listing.folder_scan import scan_folder
from aimic_tui.engine.data.listing.table_reader import western
from aimic_tui.engine.data.reading.medmnist import npz_of
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import caseless, nfc
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded

_IMAGE_FOLDERS = ("", "images/", "image/", "imgs/", "img/")  # beside a table's folder
_FOLDERS_LIMIT = 50_000  # that are searched; a table may lie in somebody's home
_MOST = 0.9  # of a folder's images that must be found where its path says nothing of the place
_QUOTES = "\"'“”‘’"
_ADDRESS = re.compile(r"[a-z][a-z0-9+]+:/", re.IGNORECASE)
_FILE_ADDRESS = re.compile(r"file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)
_DRIVE = re.compile(r"/?[a-z]:/", re.IGNORECASE)
# How an image was found, in words that follow "16 images are found".
_BY_CASE = "in another letter case or Unicode form"
_BY_ADDRESS = "by their file: addresses"
_WITHOUT_SUFFIX = "by names without suffix"
_OTHER_SUFFIX = "with another suffix"
_BESIDE = "beside the table's folder"
_MOVED = "by the ends of their paths"


@dataclass(frozen=True)
class FoundPaths:
    """n paths of a table, and what they mean.

    Attributes:
        images: of each path the image's name: relative to the table's folder where it lies below it, else its whole
            path; of a missing one as written.
        missing: indices of the paths that no file has.
        notes: sentences on what was not found as written.
    """

    images: list[str]
    missing: tuple[int, ...]
    notes: tuple[str, ...]


class _TooManyFolders(Exception):
    """The search below a table's folder is given up."""


class TablePaths:
    """Finds the images that a table's paths mean; every folder is listed once, however many paths there are.

    Attributes:
        gave_up: whether the table's folder holds too many folders to be searched, or can't be read.
    """

    def __init__(self, table: Path) -> None:
        """Make a finder for the paths of a table, whether or not that exists."""
        self._table = printable(str(table))
        self._base = os.path.join(os.path.abspath(table.parent), "")  # noqa: PTH100, PTH118 - links stay as named
        self._finder = FileFinder(self._base)
        self._beside = FileFinder(os.path.dirname(self._base.rstrip("/")) or "/")  # noqa: PTH120
        self._index: _Index | None = None
        self.gave_up = False
        self._elsewhere: dict[str, _Index] = {}

    def find(self, written: Sequence[str]) -> FoundPaths:
        """Find the images of n paths.

        Raises:
            InputProblem: several images may be meant by one path.
        """
        images: list[str] = []
        ways: dict[str, list[int]] = defaultdict(list)
        lost: list[int] = []
        for at, path in enumerate(written):
            image, way = self._as_written(path)
            images.append(image)
            if way is None:
                lost.append(at)
            elif way:
                ways[way].append(at)
        if lost:
            taken = set(images) - {images[at] for at in lost}
            for at, (image, way) in self._searched({at: images[at] for at in lost}, taken).items():
                images[at] = image
                ways[way].append(at)
            found = {at for rows in ways.values() for at in rows}
            lost = [at for at in lost if at not in found]
        notes = [self._note(way, rows, written, images) for way, rows in ways.items()]
        return FoundPaths(images, tuple(lost), tuple(notes))

    def _note(self, way: str, rows: Sequence[int], written: Sequence[str], images: Sequence[str]) -> str:
        are = "is" if len(rows) == 1 else "are"
        example = f"{one_line(written[rows[0]], 80)} is {one_line(images[rows[0]], 80)}"
        return f"{plural(len(rows), 'image')} {are} found {way}: {example}."

    # -- as it stands there

    def _as_written(self, path: str) -> tuple[str, str | None]:
        """Return an image's name and how it was found: "" for as written, None for not yet."""
        best = self._spelled(path)
        if self._exists(best) == best:
            return best, ""
        for form, way in _forms(path):
            best = self._spelled(form)
            found = self._exists(best)
            if found:
                name = found.removeprefix(self._base)
                return name, way if nfc(name) == nfc(best) else _BY_CASE
        return best, None

    def _spelled(self, path: str) -> str:
        return image_name(path, self._base, lambda name: self._finder.find(name) == name)

    def _exists(self, name: str) -> str | None:
        found = self._finder.find(name)
        if found is None:
            return name if ".npz/" in name.lower() and npz_of(Path(self._base, name)) else None
        suffix = os.path.splitext(found)[1].lower()  # noqa: PTH122
        if suffix not in IMAGE_SUFFIXES and os.path.isdir(os.path.join(self._base, found)):  # noqa: PTH112, PTH118
            return None
        return found

    # -- elsewhere

    def _searched(self, lost: dict[int, str], taken: set[str]) -> dict[int, tuple[str, str]]:
        """Return what was found of lost paths (row -> path), as row -> (image, way)."""
        by_folder: dict[str, dict[int, str]] = defaultdict(dict)
        for at, path in lost.items():
            folder, _, name = path.rpartition("/")
            by_folder[folder][at] = name
        found: dict[int, tuple[str, str]] = {}
        settled = {image.rpartition("/")[0] for image in taken}
        for folder, names in by_folder.items():
            there = "" if not folder else self._finder.find(folder)
            if there is not None and (not folder or os.path.isdir(os.path.join(self._base, there))):  # noqa: PTH112, PTH118
                found.update(self._in_folder(there, names, also_below=there not in settled))
            else:
                found.update(self._moved(folder, names))
            rest = {at: name for at, name in names.items() if at not in found}
            found.update(self._beside_base(folder, rest))
        meant: dict[str, set[str]] = defaultdict(set)
        for at, (image, _) in found.items():
            meant[image].add(lost[at])
        return {at: (image, way) for at, (image, way) in found.items() if image not in taken and len(meant[image]) == 1}

    def _in_folder(self, folder: str, names: dict[int, str], *, also_below: bool) -> dict[int, tuple[str, str]]:
        """Find names in a folder that exists, without or with another suffix, or below it.

        Args:
            folder: relative to the table's, or whole.
            names: by row.
            also_below: whether to look below it: not where other rows name images in it, and this one is missing.
        """
        below = not os.path.isabs(folder) and ".." not in folder.split("/")  # noqa: PTH117
        index = self._below_base() if below else self._below(folder)
        prefix = folder.rstrip("/") + "/" if folder and below else ""
        area = f"in folders below {one_line(prefix, 60) or 'the table'}"
        found: dict[int, tuple[str, str]] = {}
        for at, name in names.items():
            for candidates, way in index.candidates(name):
                here = [image for image in candidates if image.startswith(prefix)]
                direct = [image for image in here if "/" not in image[len(prefix) :]]
                fitting = direct or (here if also_below else [])
                if len(fitting) > 1:
                    self._refuse(f"{prefix}{name}", fitting)
                if fitting:
                    image = fitting[0] if below else os.path.join(folder, fitting[0])  # noqa: PTH118
                    found[at] = (image, (way or _BY_CASE) if direct else f"{way} {area}".strip())
                    break
        return found

    def _moved(self, folder: str, names: dict[int, str]) -> dict[int, tuple[str, str]]:
        """Find the images of a folder that does not exist here in the one folder that took its place."""
        index = self._below_base()
        places: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for at, name in names.items():
            for candidates, _ in index.candidates(name):
                for image in candidates:
                    places[image.rpartition("/")[0]][at].append(image)
                if candidates:
                    break
        if not places:
            return {}
        ranked = sorted(places, key=lambda place: (_common_end(folder, place), len(places[place])), reverse=True)
        best = ranked[0]
        common = _common_end(folder, best)
        if common == 0 and len(places[best]) < _MOST * len(names):
            alone = {at: [place for place in places if at in places[place]] for at in names}
            unique = {at: where[0] for at, where in alone.items() if len(where) == 1}
            if len(unique) < _MOST * len(names):
                return {}
            return {at: (self._only(names[at], places[where][at]), _MOVED) for at, where in unique.items()}
        for other in ranked[1:]:
            if _common_end(folder, other) == common and (both := places[best].keys() & places[other].keys()):
                at = min(both)
                self._refuse(f"{folder}/{names[at]}", [places[best][at][0], places[other][at][0]])
        return {at: (self._only(names[at], images), _MOVED) for at, images in places[best].items()}

    def _only(self, name: str, images: Sequence[str]) -> str:
        if len(images) > 1:
            self._refuse(name, images)
        return images[0]

    def _beside_base(self, folder: str, names: dict[int, str]) -> dict[int, tuple[str, str]]:
        """Find paths that were written for the folder above the table's, or for an images folder there."""
        found: dict[int, tuple[str, str]] = {}
        if folder.startswith("/") or _DRIVE.match(folder) or self._base == "/":
            return found
        above = os.path.dirname(self._base.rstrip("/"))  # noqa: PTH120
        start = f"{folder}/" if folder else ""
        for at, name in names.items():
            for container in _IMAGE_FOLDERS:
                path = self._beside.find(f"{container}{start}{name}")
                if path and os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122
                    found[at] = (os.path.join(above, path), _BESIDE)  # noqa: PTH118
                    break
        return found

    def _below_base(self) -> _Index:
        if self._index is None:
            folders = 0

            def count(_: Progress) -> None:
                nonlocal folders
                folders += 1
                if folders > _FOLDERS_LIMIT:
                    raise _TooManyFolders

            try:
                self._index = _Index(scan_folder(Path(self._base), count).images)
            except (_TooManyFolders, InputProblem):
                self._index, self.gave_up = _Index(()), True
        return self._index

    def _below(self, folder: str) -> _Index:
        """Index the images directly in a folder that is not below the table's."""
        if folder not in self._elsewhere:
            try:
                names = os.listdir(os.path.join(self._base, folder))  # noqa: PTH118, PTH208
            except OSError:
                names = []
            self._elsewhere[folder] = _Index(name for name in names if _suffix(name) in IMAGE_SUFFIXES)
        return self._elsewhere[folder]

    def _refuse(self, name: str, images: Sequence[str]) -> NoReturn:
        first, second = sorted(images)[:2]
        more = f" (and {len(images) - 2} more)" if len(images) > 2 else ""
        raise InputProblem(
            f"{self._table} lists {one_line(name, 80)}, which may be {one_line(first, 80)} or {one_line(second, 80)}"
            f"{more}. Write the path of the image that is meant, with its folder and suffix."
        )


class _Index:
    """Images by name and by name without suffix, in any letter case and Unicode form."""

    def __init__(self, images: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for image in images:
            key = caseless(image.rpartition("/")[2])
            self._by_name[key].append(image)
            self._by_stem[key[: len(key) - len(_suffix(key))]].append(image)

    def candidates(self, name: str) -> list[tuple[Sequence[str], str]]:
        """Return the images that may be meant by a name, the likeliest kind first, and how they are found then."""
        key = caseless(name)
        suffix = _suffix(key)
        if suffix not in IMAGE_SUFFIXES:
            return [(self._by_name.get(key, ()), ""), (self._by_stem.get(key, ()), _WITHOUT_SUFFIX)]
        return [(self._by_name.get(key, ()), ""), (self._by_stem.get(key[: -len(suffix)], ()), _OTHER_SUFFIX)]


def missing_sentence(table: str, first: str, *, gave_up: bool = False) -> str:
    """Say that a table's paths lead nowhere, by the first of them, and what helps.

    Args:
        table: the file, printable.
        first: the path of the first row.
        gave_up: whether its folder was too large to be searched for the images.
    """
    beginning = f"{table} lists {one_line(first, 120)}, but there is no such file"
    if _ADDRESS.match(first) and not _FILE_ADDRESS.match(first):
        return f"{beginning}: it is an address on the web. Download the images, and put the table into their folder."
    if "$" in first or re.search(r"%\w+%", first):
        return f"{beginning}: variables are not filled in. Write paths relative to the table's folder, or whole ones."
    searched = ", and no image below the table's folder has that name"
    if gave_up:
        searched = ", and the table's folder holds too many folders to search"
    if _suffix(first) not in IMAGE_SUFFIXES and not gave_up:
        searched = " with or without a suffix" + searched
    return (
        f"{beginning}{searched}. Write paths relative to the manifest's folder, or whole ones; data.image_column says "
        "which column has them."
    )


def image_name(written: str, base: str, exists: Callable[[str], bool] | None = None) -> str:
    """Return the name that a data set gives to an image as `written` in a manifest.

    Args:
        base: the manifest's folder, with a / at its end.
        exists: tells whether a path, relative to `base` or whole, is there; None asks the disk.
    """
    if exists is None:
        exists = lambda name: os.path.exists(os.path.join(base, name))  # noqa: E731, PTH110, PTH118
    if written != written.strip() and not exists(written):
        written = written.strip()
    if "\\" in written and not exists(written):
        written = written.replace("\\", "/")  # written on Windows
    if "./" in written or "//" in written:
        written = os.path.normpath(written)
    return written.removeprefix(base)


def _forms(path: str) -> list[tuple[str, str]]:
    """Return what else a cell may mean, and how an image is found by it."""
    plain = path.strip().strip(_QUOTES).strip()
    forms = [(plain, "")]
    if match := _FILE_ADDRESS.match(plain):
        plain = unquote(plain[match.end() :])
        forms.append((plain, _BY_ADDRESS))
    elif "%" in plain:
        forms.append((unquote(plain), _BY_ADDRESS))
    if plain.startswith("~"):
        forms.append((str(expanded(plain)), ""))
    if not plain.isascii():
        forms.append((western(plain), ""))
    return forms


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _common_end(one: str, other: str) -> int:
    """Return how many folders two paths have in common at their ends."""
    count = 0
    for a, b in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if not a or caseless(a) != caseless(b):
            break
        count += 1
    return count

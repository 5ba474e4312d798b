"""What lies in a folder: its images at any depth, found with one pass and without opening a file.

Hidden and system files are passed over; folders of them that hold images are named. Links to folders are never
followed, so no loop can catch the scan; links to files count where their target lies below the folder, so that nothing
outside it is read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from aimic_tui.engine.data.listing.file_kinds import (
    IMAGE_SUFFIXES,
    is_ignored,
    is_unfinished,
    placeholder_service,
    suffix_of,
)
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

_PEEKED_AT = 200  # entries of a folder that is passed over
_ALL_PEEKED_AT = 20_000  # entries of all of them: a system's folder may lie in each other one


@dataclass
class Scan:
    """What a folder holds; names are relative to it, `/` between their parts, in no particular order.

    Attributes:
        images: files whose suffix is that of an image.
        others: other files that are neither hidden nor the system's.
        passed_over: names of hidden or system folders that hold images; not all of a large number of them.
        placeholders: cloud services -> images, or folders of images, that were not downloaded.
        unfinished: images whose copy or download was not finished.
        empty_folders: first-level folders without any image.
        links_left: links that were not followed (to folders, or out of the folder).
        closed: folders that can't be read.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    passed_over: set[str] = field(default_factory=set)
    placeholders: dict[str, list[str]] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    links_left: int = 0
    closed: list[str] = field(default_factory=list)


def check_exists(data: Path) -> None:
    """Refuse a data set's path where there is nothing.

    Raises:
        InputProblem: it does not exist.
    """
    if not data.exists():
        shown = printable(str(data))
        raise InputProblem(f"{shown} does not exist. Name a folder with one subfolder per class, or a manifest (.csv).")


def scan_folder(root: Path, report: ReportProgress = no_report) -> Scan:
    """List the images below `root`; `report` receives how many there are so far.

    Raises:
        InputProblem: `root` is missing, is not a folder or can't be read.
    """
    check_exists(root)
    shown = printable(str(root))
    if not root.is_dir():
        raise InputProblem(
            f"{shown} is not a folder. Name a folder with one subfolder per class, or a manifest (.csv)."
        )
    found = Scan()
    base = os.path.realpath(root)
    pending = [""]
    ignored: list[tuple[str, str]] = []  # name and path
    while pending:
        folder = pending.pop()
        try:
            entries = os.scandir(os.path.join(base, folder))  # noqa: PTH118 - a million of these
        except OSError as error:
            if not folder:
                raise InputProblem(f"{shown} can't be read: {error.strerror}. Ask for access to it.") from None
            found.closed.append(folder[:-1])
            continue
        with entries:
            for entry in entries:
                if is_ignored(entry.name) and entry.is_dir(follow_symlinks=False):
                    ignored.append((entry.name, entry.path))
                elif entry.is_symlink() and not is_ignored(entry.name) and not _stays_inside(entry, base):
                    found.links_left += 1
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(f"{folder}{entry.name}/")
                elif entry.is_file():
                    _sort_file(found, folder, entry.name)
        report(Progress("find", len(found.images)))
    found.passed_over = _that_hold_images(ignored)
    full = {name.partition("/")[0] for name in found.images}
    with os.scandir(base) as entries:
        found.empty_folders = sorted(
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not is_ignored(entry.name) and entry.name not in full
        )
    return found


def _sort_file(found: Scan, folder: str, name: str) -> None:
    ignored = is_ignored(name)
    if suffix_of(name) in IMAGE_SUFFIXES:
        if not ignored:
            found.images.append(folder + name)
    elif (service := placeholder_service(name)) is not None:  # iCloud and rsync hide theirs
        found.placeholders.setdefault(service, []).append(folder + name)
    elif is_unfinished(name):
        found.unfinished.append(folder + name)
    elif not ignored:
        found.others.append(folder + name)


def _that_hold_images(folders: Sequence[tuple[str, str]]) -> set[str]:
    """Return the names of those folders (name, path) that hold an image; only so many entries are looked at."""
    found: set[str] = set()
    left = _ALL_PEEKED_AT
    for name, path in folders:
        pending, here = [path], min(_PEEKED_AT, left)
        while pending and here > 0 and name not in found:
            try:
                with os.scandir(pending.pop()) as entries:
                    for entry in islice(entries, here):
                        here -= 1
                        left -= 1
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        elif suffix_of(entry.name) in IMAGE_SUFFIXES:
                            found.add(name)
                            break
            except OSError:  # nobody may look into a system's folder
                continue
    return found


def _stays_inside(link: os.DirEntry[str], base: str) -> bool:
    try:
        target = os.path.realpath(link.path, strict=True)
    except OSError:  # it leads nowhere, or round in a circle
        return False
    return target.startswith(base.rstrip("/") + "/") and not os.path.isdir(target)  # noqa: PTH112

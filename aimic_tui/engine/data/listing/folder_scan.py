"""What lies in a folder: its images at any depth, found with one pass and without opening a file.

Hidden and system files are passed over. Links to folders are never followed, so no loop can catch the scan;
links to files count where their target lies below the folder, so that nothing outside it is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"}
    | {".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pnm", ".pbm", ".avif", ".czi", ".nd2", ".lif"}
)
_SYSTEM_NAMES = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information"}
    | {"lost+found", "icon\r"}
)


@dataclass
class Scan:
    """What a folder holds; names are relative to it, `/` between their parts, in no particular order.

    Attributes:
        images: files whose suffix is that of an image.
        others: other files that are neither hidden nor the system's.
        empty_folders: first-level folders without any image.
        links_left: links that were not followed (to folders, or out of the folder).
        closed: folders that can't be read.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    links_left: int = 0
    closed: list[str] = field(default_factory=list)


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder of this name is hidden, the system's, or an editor's left-over."""
    return name.startswith((".", "~$")) or name.lower() in _SYSTEM_NAMES


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
                name = entry.name
                if is_ignored(name):
                    continue
                if entry.is_symlink() and not _stays_inside(entry, base):
                    found.links_left += 1
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(f"{folder}{name}/")
                elif entry.is_file():
                    dot = name.rfind(".")
                    suffix = name[dot:].lower() if dot > 0 else ""
                    (found.images if suffix in IMAGE_SUFFIXES else found.others).append(folder + name)
        report(Progress("find", len(found.images)))
    full = {name.partition("/")[0] for name in found.images}
    with os.scandir(base) as entries:
        found.empty_folders = sorted(
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not is_ignored(entry.name) and entry.name not in full
        )
    return found


def _stays_inside(link: os.DirEntry[str], base: str) -> bool:
    try:
        target = os.path.realpath(link.path, strict=True)
    except OSError:  # it leads nowhere, or round in a circle
        return False
    return target.startswith(base.rstrip("/") + "/") and not os.path.isdir(target)  # noqa: PTH112

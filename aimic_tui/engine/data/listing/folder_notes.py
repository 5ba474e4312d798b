"""What to say of a folder beside its images: what was left out and why, and why there is nothing to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aimic_tui.engine.data.listing.file_kinds import sentences_on_formats
from aimic_tui.engine.data.listing.folder_scan import Scan
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.text import listed, one_line, plural, printable

_NAMED = 3
_USUAL = "BMP, GIF, JPG, PNG, TIF, WEBP"


def notes_on_folder(scan: Scan) -> list[Note]:
    """Say what a folder holds that is not read, a note a kind."""
    notes = [*_on_missing_images(scan), *_on_passed_over(scan)]
    if scan.empty_folders:
        names = ", ".join(one_line(name, 40) for name in scan.empty_folders[:3])
        more = f" and {len(scan.empty_folders) - 3} more" if len(scan.empty_folders) > 3 else ""
        notes.append(Note("empty-class-folders", f"Folders without images, so no classes: {names}{more}."))
    if scan.links_left:
        links = plural(scan.links_left, "link")
        sentence = f"Not followed: {links} to folders or out of the data set. A manifest can list images anywhere."
        notes.append(Note("links-not-followed", sentence))
    if scan.closed:
        folders, first = plural(len(scan.closed), "folder"), one_line(scan.closed[0], 120)
        notes.append(Note("folders-not-readable", f"{folders} can't be read; the first is {first}."))
    return notes


def _on_missing_images(scan: Scan) -> Iterator[Note]:
    for service, names in scan.placeholders.items():
        what = "is only a placeholder" if len(names) == 1 else "are only placeholders"
        yield Note(
            "placeholders",
            f"{plural(len(names), 'image')} {what} of {service}; the first is {one_line(min(names), 80)}. "
            f"Have {service} download them, then audit again.",
        )
    if scan.unfinished:
        what = "is incomplete" if len(scan.unfinished) == 1 else "are incomplete"
        yield Note(
            "unfinished-copies",
            f"{plural(len(scan.unfinished), 'image')} {what}: a copy or download was not finished; the first is "
            f"{one_line(min(scan.unfinished), 80)}. Copy again.",
        )
    for sentence in sentences_on_formats(scan.others):
        yield Note("formats-not-read", sentence)


def _on_passed_over(scan: Scan) -> Iterator[Note]:
    if scan.passed_over:
        names = sorted(scan.passed_over)
        shown = [one_line(name, 40) for name in names[:_NAMED]]
        shown += [plural(len(names) - _NAMED, "other")] if len(names) > _NAMED else []
        yield Note(
            "folders-passed-over",
            f"Passed over: {listed(shown)}, which hold images but are hidden or belong to the system.",
        )


def sentences_on_missing_images(scan: Scan) -> list[str]:
    """Say what a folder holds in place of images: placeholders, unfinished copies, formats that are not read."""
    return [note.sentence for note in (*_on_missing_images(scan), *_on_passed_over(scan))]


def why_no_images(root: Path, scan: Scan) -> str:
    """Say why a folder holds nothing to learn from, and what to do."""
    shown = printable(str(root))
    if scan.images:
        return (
            f"{shown} holds {plural(len(scan.images), 'image')} but no class folders. Put the images of each class in "
            "a subfolder of its name, list them in a manifest (.csv) with a label column, or, if their names tell "
            "the class, set data.pattern."
        )
    if scan.links_left:
        return (
            f"{shown} holds only links, which are not followed to folders or out of it. Name the folder they lead to, "
            "or list the images in a manifest (.csv)."
        )
    if scan.closed:
        return (
            f"{shown} holds no images that can be reached: {plural(len(scan.closed), 'folder')} can't be read. Ask for "
            "access."
        )
    missing = sentences_on_missing_images(scan)
    if missing:
        return f"{shown} holds no images that can be read. {' '.join(missing)}"
    if scan.others:
        return f"{shown} holds {plural(len(scan.others), 'file')} but no images. Images are files such as {_USUAL}."
    return f"{shown} is empty. Name a folder with one subfolder per class."

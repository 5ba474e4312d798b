"""Marks: decisions on single images, in a small table with the data set; the images stay unchanged.

A mark is of one image and one kind:

    exclude       the image is excluded.
    label         its correct class is `label`, whatever its folder or manifest says.
    label-error   its label may be wrong; the correct one is not known yet. It stays in the data set: leaving out what a
                  model gets wrong would make its results look better than they are.
    reviewed      a person looked at it, and its label is correct.
    group         it is in one group with all images whose mark has the same `group`: no split separates them.
    note          a remark only.

Each mark can carry a note. `label`, `label-error` and `reviewed` exclude each other, so the latest replaces the
others. Image names are those of the data set (`DataSet.images`), class names those of its folders or
manifest, before `data.classes` gives them others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, get_args

from aimic_tui.engine.data.listing.table_reader import cell, read_text_table
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.files import FileLock, Stamp, digest_of_bytes, stamp_of, write_table
from aimic_tui.engine.names import nearest_name
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.user_folders import expanded

MarkKind = Literal["exclude", "label", "label-error", "reviewed", "group", "note"]
MARK_KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
MARKS_NAME = "aimic-marks.csv"
COLUMNS = ("image", "mark", "label", "group", "note", "when")
_ON_THE_LABEL = frozenset({"label", "label-error", "reviewed"})
_WITH_THE_DATA = ("auto", "")
_PATIENCE = 10.0  # seconds that a writer waits for another one, who needs some milliseconds


@dataclass(frozen=True)
class Mark:
    """One decision about one image.

    Attributes:
        image: its name in the data set.
        kind: what was decided.
        label: the right class, of a mark `label`.
        group: what the images that belong together share, of a mark `group`.
        note: why, in free words.
        when: ISO time with its zone; filled in when the mark is added without one.
    """

    image: str
    kind: MarkKind
    label: str = ""
    group: str = ""
    note: str = ""
    when: str = ""


# -- their files


def is_marks_file(path: Path) -> bool:
    """Tell whether a file holds marks, by its name."""
    return path.name == MARKS_NAME or path.name.endswith("." + MARKS_NAME)


def marks_file(data: str | Path, setting: str = "auto") -> Path | None:
    """Return the file with the marks on a data set, whether or not there are any yet.

    In a folder of images it is `aimic-marks.csv`; beside a manifest or a MedMNIST file it bears that one's name, since
    a folder may hold several: `cells.csv` has `cells.aimic-marks.csv`.

    Args:
        data: the data set's path.
        setting: `data.marks`: "auto", "none" (the answer is None) or a path.
    """
    if setting == "none":
        return None
    if setting not in _WITH_THE_DATA:
        return _absolute(setting)
    path = _absolute(data)
    return path.with_name(f"{path.stem}.{MARKS_NAME}") if path.is_file() else path / MARKS_NAME


def writable_marks_file(data: str | Path, setting: str, fallback: Path) -> Path:
    """Return where marks can be written: with the data set, or where that is not ours to change, in `fallback`.

    A file in `fallback` is not found by "auto": name its path in `data.marks`.

    Args:
        data: the data set's path.
        setting: `data.marks`.
        fallback: a folder; it is made when the first mark is written.

    Raises:
        UsageProblem: `data.marks` is none.
    """
    file = marks_file(data, setting)
    if file is None:
        raise UsageProblem(
            "data.marks is none, so no marks are stored. Set it to auto, or to a file's path.", key="data.marks"
        )
    if setting not in _WITH_THE_DATA or os.access(file.parent, os.W_OK):
        return file
    path = _absolute(data)
    digest = digest_of_bytes(os.fsencode(path))[:10]
    return fallback / f"{path.stem[:60]}-{digest}.{MARKS_NAME}"


def _absolute(path: str | Path) -> Path:
    return expanded(path).absolute()


def marks_stamp(file: Path | None) -> Stamp:
    """Return what changes when the marks do; zeros where there is no file."""
    return stamp_of(file) if file else (0, 0, 0)


# -- reading


def read_marks(file: Path | None) -> tuple[Mark, ...]:
    """Read the marks of a file, sorted by image and kind; none where there is no file.

    The file may have been through a spreadsheet. Columns beside the known ones are passed over, and of these only
    `image` and `mark` must be there.

    Raises:
        InputProblem: it can't be read, is no such table, or contradicts itself.
    """
    if file is None or not file.exists():
        return ()
    shown = printable(str(file))
    table = read_text_table(file)
    names = [name.lower() for name in table.names]
    if "image" not in names or "mark" not in names:
        raise InputProblem(f"{shown} holds no marks: it needs the columns image and mark. `aimic marks` writes it.")
    at = {name: names.index(name) for name in COLUMNS if name in names}
    found: dict[tuple[str, str], Mark] = {}
    for line, row in table.rows():
        image, kind, label, group, note, when = (cell(row, at[name]) if name in at else "" for name in COLUMNS)
        kind = kind.strip()
        if problem := _problem_of(image, kind, label, group):
            raise InputProblem(f"{shown}: line {line} {problem}")
        mark = Mark(image, _kind(kind), label, group, note, when)
        before = found.setdefault((image, kind), mark)
        if (before.label, before.group) != (label, group):
            raise InputProblem(
                f"{shown}: line {line} gives {one_line(image, 80)} a second {kind}. Keep one row for each."
            )
    return tuple(found[key] for key in sorted(found))


def _problem_of(image: str, kind: str, label: str, group: str) -> str:
    if not image:
        return "has no image. Write its name, or take the row out."
    if kind not in MARK_KINDS:
        near = nearest_name(kind, MARK_KINDS)
        hint = f" Did you mean {near}?" if near else ""
        return f"has the mark {one_line(kind, 40) or 'nothing'}; marks are {', '.join(MARK_KINDS)}.{hint}"
    if kind == "label" and not label:
        return "is a mark label without a label. Write the class, or make it a label-error."
    if kind == "group" and not group:
        return "is a mark group without a group. Write what the images that belong together share."
    return ""


def _kind(text: str) -> MarkKind:
    return next(kind for kind in MARK_KINDS if kind == text)


def by_image(marks: Iterable[Mark]) -> dict[str, tuple[Mark, ...]]:
    """Return the marks by image, of those that have some."""
    found: dict[str, tuple[Mark, ...]] = {}
    for mark in marks:
        found[mark.image] = (*found.get(mark.image, ()), mark)
    return found


# -- writing


def add_marks(
    file: Path, marks: Iterable[Mark], together: Iterable[Sequence[str]] = (), note: str = ""
) -> tuple[Mark, ...]:
    """Add marks; each takes the place of the one of its kind that the image had. All are written, or none.

    Args:
        file: where they are kept.
        marks: to add.
        together: images that belong together, each time of one group; see `group_images`.
        note: why they do.

    Returns:
        What the file holds now.

    Raises:
        UsageProblem: a mark makes no sense.
        InputProblem: the file holds no marks, or contradicts itself.
        AimicError: another process holds the file for long.
        OSError: the file can't be written.
    """
    new, sets = list(marks), [list(images) for images in together]
    for mark in new:
        if problem := _problem_of(mark.image, mark.kind, mark.label, mark.group):
            raise UsageProblem(f"A mark on {one_line(mark.image, 80) or 'no image'} {problem}")
    return _change(file, lambda before: _joined([*before, *new], sets, note))


def remove_marks(file: Path, images: Collection[str], kinds: Collection[MarkKind] = MARK_KINDS) -> tuple[Mark, ...]:
    """Take marks of these kinds away from these images; returns and raises as `add_marks`."""
    gone, of_kinds = set(images), set(kinds)
    return _change(
        file, lambda before: [mark for mark in before if mark.image not in gone or mark.kind not in of_kinds]
    )


def group_images(file: Path, images: Sequence[str], note: str = "") -> tuple[Mark, ...]:
    """Put images into one group, together with those that were put into a group with one of them before.

    The group bears the name of its first image. Returns and raises as `add_marks`.
    """
    return add_marks(file, (), [images], note)


def _joined(marks: list[Mark], sets: Iterable[Sequence[str]], note: str) -> list[Mark]:
    group_of = {mark.image: mark.group for mark in marks if mark.kind == "group"}
    members: dict[str, set[str]] = {}
    for image, group in group_of.items():
        members.setdefault(group, set()).add(image)
    touched: dict[str, None] = {}
    for images in sets:
        old = {group_of[image] for image in images if image in group_of}
        together = set(images).union(*(members.pop(group) for group in old))
        name = min(together)
        members[name] = together
        group_of.update(dict.fromkeys(together, name))
        touched.update(dict.fromkeys(images))
    had = {mark.image for mark in marks if mark.kind == "group"}
    kept = [replace(mark, group=group_of[mark.image]) if mark.kind == "group" else mark for mark in marks]
    return [*kept, *(Mark(image, "group", group=group_of[image], note=note) for image in touched if image not in had)]


def _change(file: Path, change: Callable[[Sequence[Mark]], list[Mark]]) -> tuple[Mark, ...]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        found: dict[tuple[str, str], Mark] = {}
        for mark in change(read_marks(file)):
            if mark.kind in _ON_THE_LABEL:
                for kind in _ON_THE_LABEL:
                    found.pop((mark.image, kind), None)
            found[mark.image, mark.kind] = mark if mark.when else replace(mark, when=now)
        marks = tuple(found[key] for key in sorted(found))
        if marks or file.exists():
            rows = ((mark.image, mark.kind, mark.label, mark.group, mark.note, mark.when) for mark in marks)
            write_table(file, COLUMNS, rows)
    return marks


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    until = time.monotonic() + _PATIENCE
    while not lock.acquire():
        if time.monotonic() > until:
            raise AimicError(f"{printable(str(file))} is being changed by another process. Try again when it is done.")
    try:
        yield
    finally:
        lock.release()

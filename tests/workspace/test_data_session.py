"""The data set that a screen has open, driven without a screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks, read_marks
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.workspace.audit_findings import AuditFindings
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.mark_changes import (
    DuplicateSet,
    MarkChange,
    keep_one,
    put_in_one_group,
    set_class,
    set_note,
    toggle,
    with_one_label,
)
from aimic_tui.workspace.open_data import OpenData, open_data

A, B, C, D = "a/s1_1.png", "a/s1_2.png", "b/s2_1.png", "b/s2_2.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files that are listed by name; nothing here opens one."""
    for image in (A, B, C, D):
        file = tmp_path / "cells" / image
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "cells"


@pytest.fixture
def data(folder: Path) -> OpenData:
    return open_data(DataSource(str(folder)), folder.parent / "marks")


async def opened(folder: Path) -> DataSession:
    session = DataSession()
    await session.open(DataSource(str(folder)), folder.parent / "marks")
    return session


async def test_a_data_set_is_opened_marked_and_closed(folder: Path) -> None:
    session = await opened(folder)
    assert session.data is not None
    assert session.data.data_set.counts() == {"a": 2, "b": 2}
    session.toggle_selected([A, C])
    assert await session.apply(toggle(session.data, sorted(session.selected), "exclude"))
    assert session.selected == frozenset()
    assert session.data.data_set.images == (B, D)
    assert session.data.images_of_class(0) == [A, B]
    assert session.data.class_of(C) == "b"
    assert [mark.image for mark in read_marks(folder / MARKS_NAME)] == [A, C]
    session.audit = AuditFindings((), frozenset(), 0)
    session.close("Gone.")
    assert (session.data, session.audit, session.problem) == (None, None, "Gone.")
    with pytest.raises(InputProblem, match=r"Gone\."):
        await session.apply(MarkChange("Nothing."))


async def test_what_is_open_stays_where_another_choice_finds_nothing(folder: Path) -> None:
    session = await opened(folder)
    before = session.data
    with pytest.raises(AimicError, match="matches no file name"):
        await session.open(DataSource(str(folder), group=r"^(patient\d+)"), folder.parent)
    assert session.data is before


async def test_a_search_that_is_given_up_changes_nothing(folder: Path) -> None:
    session = DataSession()
    search = asyncio.create_task(session.open(DataSource(str(folder)), folder.parent))
    await asyncio.sleep(0)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    assert session.data is None


async def test_changes_are_written_one_after_another_and_none_is_lost(folder: Path) -> None:
    session = await opened(folder)
    data = session.data
    assert data is not None
    await asyncio.gather(*(session.apply(toggle(data, [image], "reviewed")) for image in (A, B, C, D)))
    assert {mark.image for mark in read_marks(folder / MARKS_NAME)} == {A, B, C, D}
    assert set(session.data.marks) == {A, B, C, D}


async def test_a_change_is_not_shown_on_a_data_set_opened_meanwhile(folder: Path) -> None:
    session = await opened(folder)
    data = session.data
    assert data is not None
    writing = asyncio.create_task(session.apply(toggle(data, [A], "exclude")))
    await asyncio.sleep(0)
    other = open_data(DataSource(str(folder)), folder.parent)
    session.show(other)
    assert not await writing
    assert session.data is other


async def test_marks_made_elsewhere_are_read_again_only_if_there_are_any(folder: Path) -> None:
    session = await opened(folder)
    assert not await session.reread_marks()
    add_marks(folder / MARKS_NAME, [Mark(A, "exclude")])
    assert await session.reread_marks()
    assert session.data is not None
    assert dict(session.data.found.excluded) == {A: "a"}
    assert not await session.reread_marks()


async def test_classes_are_renamed_and_a_choice_that_leaves_none_is_refused(folder: Path) -> None:
    session = await opened(folder)
    assert await session.rename_classes({"a": "rod"})
    assert session.data is not None
    assert session.data.data_set.classes == ("b", "rod")
    with pytest.raises(AimicError):
        await session.rename_classes({"a": "", "b": ""})
    assert session.data.data_set.classes == ("b", "rod")


async def test_the_last_image_stays_and_without_a_file_nothing_is_marked(folder: Path) -> None:
    session = await opened(folder)
    assert session.data is not None
    with pytest.raises(InputProblem, match="would leave no image"):
        await session.apply(toggle(session.data, [A, B, C, D], "exclude"))
    assert not (folder / MARKS_NAME).exists()
    await session.open(DataSource(str(folder), marks="none"), folder.parent)
    with pytest.raises(InputProblem, match=r"data\.marks is none"):
        await session.apply(toggle(session.data, [A], "exclude"))


def test_selecting_twice_unselects() -> None:
    session = DataSession()
    session.toggle_selected([A])
    session.toggle_selected([A, B])
    assert session.selected == {A, B}
    session.toggle_selected([B])
    assert session.selected == {A}


# -- what is decided


def test_a_mark_that_all_images_have_is_taken_back(data: OpenData) -> None:
    change = toggle(data, [A, B], "label-error")
    assert [mark.image for mark in change.add] == [A, B]
    assert change.message == "2 images marked as possible label error; still used for training."
    marked = data.with_marks([Mark(A, "label-error")])
    assert [mark.image for mark in toggle(marked, [A, B], "label-error").add] == [B]
    back = toggle(marked, [A], "label-error")
    assert (back.add, back.remove, back.remove_kinds) == ((), (A,), ("label-error",))


def test_one_of_each_set_is_kept_and_the_others_come_back(data: OpenData) -> None:
    sets = [DuplicateSet((A, B), keep=B)]
    change = keep_one(data, sets)
    assert [(mark.image, mark.kind) for mark in change.add] == [(A, "exclude")]
    kept = data.with_marks(change.add)
    assert keep_one(kept, sets).remove == (A,)
    # To keep the other one instead, it has to come back first.
    other = keep_one(kept, [DuplicateSet((A, B), keep=A)])
    assert (other.remove, [mark.image for mark in other.add]) == ((A,), [B])


def test_copies_under_several_labels_are_left_to_a_person(data: OpenData) -> None:
    one_label, two_labels = DuplicateSet((A, B), A), DuplicateSet((B, C), B)
    assert with_one_label(data, [one_label, two_labels]) == [one_label]
    # An image that is excluded has no say.
    assert with_one_label(data.with_marks([Mark(C, "exclude")]), [two_labels]) == [two_labels]


def test_images_are_grouped_together_and_apart_again(data: OpenData) -> None:
    change = put_in_one_group(data, [(A, C), (B,)])
    assert change.groups == ((A, C),)
    grouped = data.with_marks([Mark(A, "group", group=A), Mark(C, "group", group=A)])
    assert put_in_one_group(grouped, [(A, C)]).remove == (A, C)
    assert put_in_one_group(grouped, [(A, C, D)]).groups == ((A, C, D),)


def test_the_class_that_an_image_is_listed_with_is_no_mark(data: OpenData) -> None:
    change = set_class(data, [A, C], "b")
    assert [(mark.image, mark.label) for mark in change.add] == [(A, "b")]
    assert change.remove == (C,)


def test_an_empty_note_is_removed() -> None:
    assert [mark.note for mark in set_note([A], "odd").add] == ["odd"]
    assert set_note([A], "").remove_kinds == ("note",)


def test_a_finding_is_resolved_by_what_was_decided(data: OpenData) -> None:
    assert not data.resolved("label-conflict", [A, C])
    assert data.with_marks([Mark(C, "exclude")]).resolved("label-conflict", [A, C])
    assert not data.resolved("outlier", [A])
    assert data.with_marks([Mark(A, "reviewed")]).resolved("outlier", [A])

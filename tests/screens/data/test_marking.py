"""Data: deciding about images and classes, manifests with columns of any name, names that tell the class."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks, read_marks
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.data.classes_dialog import ClassesDialog
from aimic_tui.screens.data.columns_prompt import ColumnsPrompt
from aimic_tui.screens.data.contents import FindingRow
from aimic_tui.screens.data.image_lists import ImageGrid
from aimic_tui.screens.data.screen import DataScreen
from aimic_tui.screens.marking.pattern_prompts import LabelPatternPrompt, preview_of_labels
from aimic_tui.screens.marking.prompts import ClassPrompt, NotePrompt
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.field import Choice
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace.audit_findings import AuditFindings
from tests.app.test_app import screen_text
from tests.screens.made_run import make_data
from tests.workspace.test_audit_findings import audit_report

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]

FIRST, SECOND = "platelet/smear000_0.jpg", "platelet/smear000_1.jpg"
COPY = "platelet/smear900_0.jpg"
OTHER_LABEL = "red_cell/smear901_0.jpg"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture
def own_cells(tmp_path: Path) -> Path:
    return make_data(tmp_path / "cells", each=6)


@pytest.fixture
def app(tmp_path: Path, own_cells: Path, monkeypatch: pytest.MonkeyPatch) -> AimicApp:
    """The app on the Data place, with an audit that is already known."""
    shutil.copy(own_cells / FIRST, own_cells / COPY)
    shutil.copy(own_cells / "platelet/smear001_0.jpg", own_cells / OTHER_LABEL)
    conflict = ("platelet/smear001_0.jpg", OTHER_LABEL)
    problems = [
        Finding("label-conflict", conflict, "the same image with two labels"),
        Finding("duplicate", (FIRST, COPY), "2 images with the same pixels"),
        Finding("duplicate", conflict, "2 images with the same pixels"),
        Finding("outlier", (SECOND,), "is dark"),
    ]

    async def audit(*_: object, **__: object) -> AuditFindings:
        return AuditFindings.from_report(audit_report(problems))

    monkeypatch.setattr("aimic_tui.screens.data.audit_controller.run_audit", audit)
    app = AimicApp(Workspace(tmp_path / "workspace"), place="data")
    app.context.data_path = str(own_cells)
    return app


def place(app: AimicApp) -> DataScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, DataScreen)
    return screen


def ready(app: AimicApp) -> bool:
    return isinstance(app.screen_stack[0], DataScreen) and place(app).session.audit is not None


def grid(app: AimicApp) -> ImageGrid:
    return place(app).query_one(ImageGrid)


def findings(app: AimicApp) -> list[str]:
    rows = place(app).query_one("#findings", RowList).rows
    return [row.words for row in rows if isinstance(row, FindingRow) and row.finding is not None]


def marked(folder: Path) -> list[tuple[str, str]]:
    return [(mark.image, mark.kind) for mark in read_marks(folder / MARKS_NAME)]


async def to_finding(app: AimicApp, pilot: Pilot[None], kind: str) -> None:
    rows = place(app).query_one("#findings", RowList)
    rows.focus()
    await pilot.pause()
    found = [getattr(row.finding, "kind", "") for row in rows.rows]
    rows.cursor = found.index(kind)
    await pilot.pause()


async def test_x_leaves_an_image_out_and_takes_it_back(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "x")
        await until(pilot, lambda: marked(own_cells) == [(FIRST, "exclude")])
        await until(pilot, lambda: "19 images · 1 excluded" in screen_text(app))
        item = grid(app).items[0]
        assert item.faded and item.sign == "–"
        assert "platelet   6 images, 1 excluded" in screen_text(app)
        assert findings(app)[-1] == "1 image marked, 1 excluded"
        assert len(grid(app).items) == 7
        await pilot.press("x")
        await until(pilot, lambda: marked(own_cells) == [])
        await until(pilot, lambda: "20 images · 3 classes" in screen_text(app))
        assert not grid(app).items[0].faded


async def test_space_chooses_several_for_the_next_key(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "space", "space")
        await pilot.pause()
        assert "2 chosen" in screen_text(app)
        assert [item.sign for item in grid(app).items[:3]] == ["●", "●", "!"]
        await pilot.press("u")
        await until(pilot, lambda: marked(own_cells) == [(FIRST, "group"), (SECOND, "group")])
        await until(pilot, lambda: grid(app).items[0].sign == "=")
        assert "chosen" not in screen_text(app)
        await pilot.press(
            "home", "space", "space", "space", "space"
        )  # chosen and unchosen: the fourth is the third again
        await pilot.press("e")
        await until(pilot, lambda: (FIRST, "label-error") in marked(own_cells))


async def test_d_keeps_the_image_in_focus_of_its_duplicates(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await to_finding(app, pilot, "duplicate")
        assert "2 sets of duplicates" in findings(app)
        await pilot.press("enter", "l", "d")
        await until(pilot, lambda: marked(own_cells) == [(FIRST, "exclude")])
        await until(pilot, lambda: "2 sets of duplicates, 1 resolved" in findings(app))
        await pilot.press("d")
        await until(pilot, lambda: marked(own_cells) == [])


async def test_d_on_the_finding_keeps_one_of_each_set_that_has_one_label(
    app: AimicApp, own_cells: Path, until: Until
) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await to_finding(app, pilot, "duplicate")
        await pilot.press("d")
        await until(pilot, lambda: marked(own_cells) == [(COPY, "exclude")])
        await until(pilot, lambda: grid(app).items[1].faded)
        await to_finding(app, pilot, "label-conflict")
        await pilot.press("d")
        await until(pilot, lambda: "They have several labels" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: (OTHER_LABEL, "group") in marked(own_cells))
        assert (COPY, "exclude") in marked(own_cells)


async def test_x_and_r_on_a_finding_are_for_all_its_images(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await to_finding(app, pilot, "outlier")
        await pilot.press("r")
        await until(pilot, lambda: marked(own_cells) == [(SECOND, "reviewed")])
        await until(pilot, lambda: "1 image unlike its class, resolved" in findings(app))
        await pilot.press("x")
        await until(pilot, lambda: (SECOND, "exclude") in marked(own_cells))


async def test_b_says_the_right_class_and_n_keeps_words(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "b")
        await until(pilot, lambda: isinstance(app.screen, ClassPrompt))
        await pilot.press("down", "enter")
        await until(pilot, lambda: marked(own_cells) == [(FIRST, "label")])
        assert find_data_set(DataSource(str(own_cells))).counts()["red_cell"] == 8
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NotePrompt))
        await pilot.press(*"odd", "enter")
        await until(pilot, lambda: [mark.note for mark in read_marks(own_cells / MARKS_NAME)] == ["", "odd"])


async def test_everything_that_is_marked_has_a_row_of_its_own(app: AimicApp, own_cells: Path, until: Until) -> None:
    add_marks(own_cells / MARKS_NAME, [Mark(FIRST, "exclude"), Mark(OTHER_LABEL, "note", note="look \x1b[2J")])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await to_finding(app, pilot, "marked")
        assert [item.path.name for item in grid(app).items] == [Path(FIRST).name, Path(OTHER_LABEL).name]
        await pilot.press("enter", "l", "enter")
        await until(pilot, lambda: r"… note: look \x1b[2J" in screen_text(app))


async def test_marks_made_elsewhere_are_seen_on_coming_back(app: AimicApp, own_cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        app.go("home")
        await pilot.pause()
        add_marks(own_cells / MARKS_NAME, [Mark(FIRST, "exclude")])
        app.go("data")
        await until(pilot, lambda: "1 excluded" in screen_text(app))


async def test_the_last_images_stay(app: AimicApp, own_cells: Path, until: Until) -> None:
    rest = [image for image in find_data_set(DataSource(str(own_cells))).images if image != FIRST]
    add_marks(own_cells / MARKS_NAME, [Mark(image, "exclude") for image in rest])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "x")
        await until(pilot, lambda: "That would leave no image" in screen_text(app))
        assert len(marked(own_cells)) == len(rest)


async def test_where_the_folder_cannot_be_written_the_workspace_keeps_the_marks(
    app: AimicApp, own_cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "x")
        await until(pilot, lambda: "1 excluded" in screen_text(app))
        (file,) = app.workspace.marks_folder.glob("*.csv")
        assert app.context.data_settings["marks"] == str(file)
        assert not (own_cells / MARKS_NAME).exists()
        await pilot.press("x")
        await until(pilot, lambda: "1 excluded" not in screen_text(app))
        assert read_marks(file) == ()


async def test_a_read_only_look_marks_nothing(app: AimicApp, own_cells: Path, until: Until) -> None:
    app.read_only = True
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter", "x")
        await until(pilot, lambda: "you can't mark images here" in screen_text(app))
        assert not (own_cells / MARKS_NAME).exists()


async def test_c_renames_merges_and_leaves_out_classes_and_set_up_takes_them(
    app: AimicApp, own_cells: Path, until: Until
) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ClassesDialog))
        await pilot.press("x")
        await until(pilot, lambda: "2 classes of 13 images" in screen_text(app))
        await pilot.press("j", "r")
        app.screen.query_one(Input).value = "white_cell"
        await pilot.press("enter")
        await until(pilot, lambda: "1 class of 13 images; a classifier needs two" in screen_text(app))
        await pilot.press("k", "u", "enter")
        await until(pilot, lambda: "20 images · 2 classes" in screen_text(app))
        assert app.context.data_settings["classes"] == {"red_cell": "white_cell"}
        await pilot.press("s")
        await until(pilot, lambda: app.current_mode == "set-up")
        await until(pilot, lambda: any(field.value == "red_cell=white_cell" for field in app.screen.query(Input)))
        await pilot.press("escape", "1", "c")
        await until(pilot, lambda: isinstance(app.screen, ClassesDialog))
        await pilot.press("j", "u", "enter")
        await until(pilot, lambda: app.context.data_settings["classes"] == {})
        assert "3 classes" in screen_text(app)


async def test_a_right_class_is_kept_under_its_own_name(app: AimicApp, own_cells: Path, until: Until) -> None:
    app.context.data_settings["classes"] = {"red_cell": "erythrocyte"}
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await to_finding(app, pilot, "outlier")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, ClassPrompt))
        await pilot.press("home", "enter")
        await until(pilot, lambda: [mark.label for mark in read_marks(own_cells / MARKS_NAME)] == ["red_cell"])


async def test_w_writes_the_cleaned_manifest(app: AimicApp, own_cells: Path, until: Until) -> None:
    add_marks(own_cells / MARKS_NAME, [Mark(FIRST, "exclude")])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(own_cells / "missing" / "x.csv")
        await pilot.press("enter")
        await until(pilot, lambda: "is not a folder" in screen_text(app))
        app.screen.query_one(Input).value = str(own_cells.parent / "clean.csv")
        await pilot.press("enter")
        await until(pilot, lambda: "Written: " in screen_text(app))
        assert len(find_data_set(DataSource(str(own_cells.parent / "clean.csv")))) == 19


async def test_a_manifest_with_other_columns_asks_which_say_what(app: AimicApp, own_cells: Path, until: Until) -> None:
    rows = [f"{n},{label}/smear{code:03d}_0.jpg,{label},p{n}" for n, (code, label) in enumerate(_SOME)]
    manifest = own_cells / "list.csv"
    manifest.write_text("\n".join(["number,where,what,who", *rows]))
    app.context.data_path = str(manifest)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ColumnsPrompt) and bool(app.screen.query("#part")))
        await pilot.pause()
        text = screen_text(app)  # guessed from what the columns hold
        assert "platelet/smear000_0.jpg, " in text and "platelet, red_cell, white_cell   (3 values" in text
        await pilot.press("right", "enter")
        await until(pilot, lambda: "what is chosen twice" in screen_text(app))
        await pilot.press("left", "down", "down", "left")
        assert app.screen.query_one("#group", Choice).value == "who"
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        assert app.context.data_settings["image_column"] == "where"
        assert app.context.data_settings["group"] == "who"
        assert find_data_set(DataSource.from_table(str(manifest), app.context.data_settings)).counts()["platelet"] == 2


_SOME = ((0, "platelet"), (1, "platelet"), (3, "red_cell"), (6, "white_cell"))


async def test_a_manifest_with_the_usual_columns_asks_nothing(app: AimicApp, own_cells: Path, until: Until) -> None:
    manifest = own_cells / "list.csv"
    manifest.write_text("\n".join(["path,label", *(f"{label}/smear{code:03d}_0.jpg,{label}" for code, label in _SOME)]))
    app.context.data_path = str(manifest)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ColumnsPrompt))
        assert app.screen.query_one("#label", Choice).value == "label"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        assert "4 images" in screen_text(app)


async def test_a_one_hot_table_asks_nothing_and_offers_its_columns(
    app: AimicApp, own_cells: Path, until: Until
) -> None:
    manifest = own_cells / "truth.csv"
    classes = ["platelet", "red_cell", "white_cell"]
    rows = [
        [f"{label}/smear{code:03d}_0.jpg", *(str(float(label == name)) for name in classes)] for code, label in _SOME
    ]
    manifest.write_text("\n".join(map(",".join, [["image", *classes], *rows])))
    app.context.data_path = str(manifest)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ColumnsPrompt))
        assert app.screen.query_one("#label", Choice).value == "platelet,red_cell,white_cell"
        await until(pilot, lambda: "a column for each class" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and ready(app))
        assert find_data_set(DataSource.from_table(str(manifest), app.context.data_settings)).counts()["platelet"] == 2


@pytest.fixture
def flat(own_cells: Path) -> Path:
    """The same images in one folder, their classes in their names."""
    folder = own_cells.parent / "flat"
    folder.mkdir()
    for image in sorted(own_cells.glob("*/*.jpg")):
        shutil.copy(image, folder / f"{image.parent.name.replace('_', '-')}_{image.name}")
    return folder


async def test_a_flat_folder_asks_how_names_tell_the_class(app: AimicApp, flat: Path, until: Until) -> None:
    app.context.data_path = str(flat)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LabelPatternPrompt) and bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = "{label}_{group}_*.jpg"
        await until(pilot, lambda: "3 classes of 20 images, 11 groups" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        assert "20 images · 3 classes" in screen_text(app)
        assert app.context.data_settings["pattern"] == "{label}_{group}_*.jpg"


def test_a_name_pattern_is_judged_before_it_is_taken() -> None:
    names = ["a_1.png", "a_2.png", "b_1.png", "odd.png"]
    assert preview_of_labels(names, "{label}_*") == (True, "2 classes of 3 images; 1 image without a match\na 2, b 1")
    assert preview_of_labels(names, "{label}-*") == (False, "It matches no name; the first is a_1.png.")
    for pattern in ("", "(", "*_*.png"):
        assert not preview_of_labels(names, pattern)[0]

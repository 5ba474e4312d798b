"""Data: opening a data set, its classes and findings, the images behind them, its groups."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.data.classes_dialog import ClassesDialog
from aimic_tui.screens.data.contents import finding_rows
from aimic_tui.screens.data.screen import DataScreen
from aimic_tui.screens.marking.pattern_prompts import GroupPrompt, preview_of
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.audit_findings import AuditFindings
from tests.app.test_app import screen_text
from tests.workspace.test_audit_findings import audit_report

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture
def app(tmp_path: Path) -> AimicApp:
    return AimicApp(Workspace(tmp_path / "workspace"), place="data")


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Sixty pictures that are nothing like each other, but one that is there twice, and an empty file."""
    random = np.random.default_rng(5)
    folder = tmp_path / "faulty"
    for code, name in enumerate(("platelet", "red_cell", "white_cell")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            patches = Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8))
            file = f"smear{code * 10 + number // 2:03d}_{number % 2}.jpg"
            patches.resize((48, 48), Image.Resampling.BICUBIC).save(folder / name / file)
    (folder / "platelet" / "smear900_0.jpg").touch()
    shutil.copy(folder / "red_cell" / "smear010_0.jpg", folder / "red_cell" / "smear901_0.jpg")
    return folder


def place(app: AimicApp) -> DataScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, DataScreen)
    return screen


def listed(app: AimicApp) -> bool:
    return isinstance(app.screen_stack[0], DataScreen) and place(app).session.data is not None


def audited(app: AimicApp) -> bool:
    return listed(app) and place(app).session.audit is not None


def classes(app: AimicApp) -> RowList[object]:
    return place(app).query_one("#classes", RowList)


async def test_without_a_data_set_it_says_what_to_do_and_offers_known_ones(
    app: AimicApp, cells: Path, until: Until
) -> None:
    app.workspace.remember_data_set(cells, images=60, classes=3, groups=30)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Which images?" in screen_text(app))
        assert cells.name in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: listed(app))
        assert app.context.data_path == str(cells)


async def test_o_asks_for_a_folder_and_shows_it(app: AimicApp, cells: Path, until: Until) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Which images?" in screen_text(app))
        await pilot.press("o")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = str(cells)
        await pilot.press("enter")
        await until(pilot, lambda: listed(app))
        text = screen_text(app)
        assert "60 images · 3 classes · 30 groups" in text
        assert "platelet" in text and "white_cell" in text
        assert [known.path for known in app.workspace.data_sets()] == [str(cells)]


async def test_a_path_that_holds_nothing_gets_its_sentence(app: AimicApp, tmp_path: Path, until: Until) -> None:
    app.context.data_path = str(tmp_path / "no\x1b[31mwhere")
    async with app.run_test(size=(200, 24)) as pilot:
        await until(pilot, lambda: "does not exist" in screen_text(app))
        assert r"no\x1b[31mwhere" in screen_text(app)
        assert app.context.data_path is None


async def test_counts_align_and_bars_share_one_scale(app: AimicApp, faulty: Path, until: Until) -> None:
    app.context.data_path = str(faulty)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        await pilot.pause()
        lines = [line for line in screen_text(app).splitlines()[2:] if "█" in line]
        assert len(lines) == 3
        assert len({line.index("21") for line in lines if "21" in line}) == 1
        assert lines[2].count("█") < lines[0].count("█")
        assert lines[0].count("█") == lines[1].count("█")


async def test_the_audit_is_followed_and_its_findings_lead_to_their_images(
    app: AimicApp, faulty: Path, until: Until
) -> None:
    app.context.data_path = str(faulty)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: audited(app))
        await pilot.pause()
        text = screen_text(app)
        assert "1 empty file" in text and "1 set of duplicates" in text
        assert "no label conflicts" in text
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is place(app).query_one("#findings"))
        await pilot.pause()
        grid = place(app).query_one(ThumbnailGrid)
        assert [item.path.name for item in grid.items] == ["smear900_0.jpg"]
        await pilot.press("j")
        await pilot.pause()
        assert sorted(item.path.name for item in grid.items) == ["smear010_0.jpg", "smear901_0.jpg"]
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(app.screen, LargeImage))
        await until(pilot, lambda: "48×48 RGB JPEG" in screen_text(app))
        assert "red_cell · smear" in screen_text(app)
        assert "! 2 images with the same pixels" in screen_text(app)
        await pilot.press("l", "escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        assert grid.cursor == 1
        # Two files and a shortcut: as many on Home as here.
        assert "! 3 findings" in text
        assert app.workspace.data_sets()[0].problems == 3


async def test_good_news_has_neither_images_nor_the_words_of_the_finding_above_it(
    app: AimicApp, faulty: Path, until: Until
) -> None:
    app.context.data_path = str(faulty)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: audited(app))
        await pilot.press("tab")
        findings = place(app).query_one("#findings", RowList)
        await until(pilot, lambda: app.focused is findings)
        await pilot.press("j")
        await pilot.pause()
        assert str(place(app).query_one("#detail", Static).render())
        assert len(place(app).marking_target().images) == 2
        await pilot.press("end")
        await pilot.pause()
        assert findings.chosen is not None and findings.chosen.finding is None
        assert not str(place(app).query_one("#detail", Static).render())
        assert not place(app).query_one(ThumbnailGrid).items
        assert not place(app).marking_target().images  # a marking key here must not mark the finding above
        await pilot.press("home", "j")
        await pilot.pause()
        assert len(place(app).marking_target().images) == 2


async def test_moving_over_the_classes_shows_their_images(app: AimicApp, cells: Path, until: Until) -> None:
    app.context.data_path = str(cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        grid = place(app).query_one(ThumbnailGrid)
        assert grid.items[0].path.parent.name == "platelet"
        await pilot.press("j")
        await pilot.pause()
        assert grid.items[0].path.parent.name == "red_cell"
        assert len(grid.items) == 20


async def test_at_80_columns_tab_turns_to_the_images_and_back(app: AimicApp, cells: Path, until: Until) -> None:
    app.context.data_path = str(cells)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: audited(app))
        await pilot.pause()
        assert "Classes" in screen_text(app)
        assert "smear000_0.jpg" not in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "smear000_0.jpg" in screen_text(app))
        assert "Classes" not in screen_text(app)
        await pilot.press("tab")
        await until(pilot, lambda: "Classes" in screen_text(app))


async def test_g_shows_which_groups_a_pattern_makes_and_takes_it(app: AimicApp, cells: Path, until: Until) -> None:
    app.context.data_path = str(cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, GroupPrompt))
        field = app.screen.query_one(Input)
        field.value = r"^(patient\d+)"
        await until(pilot, lambda: "matches no file name" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, GroupPrompt)
        field.value = r"^(smear\d\d)"
        await until(pilot, lambda: "3 groups of 60 images" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "3 groups" in screen_text(app) and isinstance(app.screen, DataScreen))
        assert app.context.data_settings["group"] == r"^(smear\d\d)"
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, GroupPrompt))
        await pilot.press("up", "enter")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and "no groups" in screen_text(app))


async def test_s_goes_on_to_the_set_up_with_the_data_set(app: AimicApp, cells: Path, until: Until) -> None:
    app.context.data_path = str(cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        await pilot.press("s")
        await until(pilot, lambda: app.current_mode == "set-up")
        assert app.context.data_path == str(cells)


async def test_the_audit_can_be_stopped_and_left(app: AimicApp, cells: Path, until: Until) -> None:
    app.context.data_path = str(cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app) and place(app).auditing.running)
        await pilot.press("a")
        await until(pilot, lambda: "audit stopped" in screen_text(app))
        assert not place(app).auditing.running
        await pilot.press("a")
        await until(pilot, lambda: audited(app))


async def test_a_read_only_look_writes_nothing(tmp_path: Path, cells: Path, until: Until) -> None:
    app = AimicApp(Workspace(tmp_path / "theirs"), read_only=True, place="data")
    app.context.data_path = str(cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: audited(app))
        assert not (tmp_path / "theirs").exists()


async def test_names_from_files_are_never_commands_to_the_terminal(app: AimicApp, tmp_path: Path, until: Until) -> None:
    for name in ("[red]a[b]", "b\x1b[2J"):
        (tmp_path / "odd" / name).mkdir(parents=True)
        Image.new("RGB", (24, 24)).save(tmp_path / "odd" / name / "x\x07[b].png")
    app.context.data_path = str(tmp_path / "odd")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: audited(app))
        await pilot.press("j", "enter")
        await pilot.pause()
        text = screen_text(app)
        assert "[red]a[b]" in text and r"b\x1b[2J" in text and r"x\x07[b].png" in text


def test_a_pattern_is_judged_before_it_is_taken() -> None:
    names = ["a/slide1_1.png", "a/slide1_2.png", "b/slide2_1.png", "b/other.png"]
    good, words = preview_of(names, r"^(slide\d)")
    assert good
    assert words.startswith("2 groups of 3 images; 1 image without a match, a group each")
    assert preview_of(names, "none") == (True, "Every image is its own group.")
    assert not preview_of(names, "(")[0]
    assert not preview_of(names, "patient")[0]


def test_findings_are_listed_with_the_good_news_below_them() -> None:
    problems = [
        Finding("empty", ("a/1.png",), "is empty"),
        Finding("empty", ("a/2.png",), "is empty"),
        Finding("near-duplicate", ("a/3.png", "a/4.png"), "2 nearly identical images"),
    ]
    audit = AuditFindings.from_report(audit_report(problems, notes=("A link was not followed.",)))
    rows = finding_rows(audit)
    assert [row.words for row in rows] == [
        "2 empty files",
        "1 set of near duplicates",
        "A link was not followed.",
        "no label conflicts",
    ]
    assert all(isinstance(row.draw(40), Content) and row.draw(40).cell_length == 40 for row in rows)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_m_merges_classes_that_look_the_same(
    app: AimicApp, cells: Path, tmp_path: Path, until: Until, size: tuple[int, int]
) -> None:
    root = Path(shutil.copytree(cells, tmp_path / "two-writings"))
    (root / "Red cell ").mkdir()
    for number, image in enumerate(sorted((root / "red_cell").iterdir())):
        if number % 2:
            image.rename(root / "Red cell " / image.name)
    app.context.data_path = str(root)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: audited(app))
        assert len(classes(app).rows) == 4
        await until(pilot, lambda: "1 set of look-alike classes" in screen_text(app))
        await until(pilot, lambda: "Merge" in screen_text(app))
        await pilot.press("m")
        await until(pilot, lambda: len(classes(app).rows) == 3)
        await until(pilot, lambda: "resolved" in screen_text(app))
        assert app.context.data_settings["classes"] == {"Red cell ": "red_cell"}
        assert not place(app).opening.offers("merge")


async def test_a_word_for_no_label_becomes_a_class_in_the_dialog_of_classes(
    app: AimicApp, cells: Path, tmp_path: Path, until: Until
) -> None:
    names = {"platelet": "blast", "red_cell": "normal", "white_cell": "nan"}
    rows = [f"{image},{names[image.parent.name]}" for image in sorted(cells.rglob("*.jpg"))]  # noqa: ASYNC240
    table = tmp_path / "list.csv"
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    app.context.data_path = str(table)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        assert place(app).session.data.data_set.classes == ("blast", "normal")
        await pilot.press("c")
        await until(pilot, lambda: "no label" in screen_text(app))
        await pilot.press("end", "x", "enter")
        await until(pilot, lambda: len(classes(app).rows) == 3)
        assert app.context.data_settings["classes"] == {"nan": "nan"}
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ClassesDialog))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ClassesDialog))
        assert app.context.data_settings["classes"] == {"nan": "nan"}  # still a class

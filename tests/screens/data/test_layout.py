"""Data: what the folders mean is said, and changed with a key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.data.layout_prompt import LayoutPrompt, preview_of_layout
from aimic_tui.screens.data.screen import DataScreen
from tests.app.test_app import screen_text
from tests.screens.data.test_screen import Until, listed


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))


@pytest.fixture
def app(tmp_path: Path) -> AimicApp:
    return AimicApp(Workspace(tmp_path / "workspace"), place="data")


def make(root: Path, *folders: str) -> Path:
    random = np.random.default_rng(3)
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(root / folder / f"{number}.png")
    return root


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_how_folders_are_read_is_said_and_l_changes_it(
    app: AimicApp, tmp_path: Path, until: Until, size: tuple[int, int]
) -> None:
    root = make(tmp_path / "set", *(f"{part}/{name}" for part in ("TRAIN", "TestA") for name in ("blast", "normal")))
    app.context.data_path = str(root)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: listed(app) and "Layout: TRAIN" in screen_text(app))
        assert "blast" in screen_text(app)
        await pilot.press("l")
        await until(pilot, lambda: "2 classes · train 6 · validation 0 · test 6" in screen_text(app))
        await pilot.press("down")
        await until(pilot, lambda: "TRAIN 6, TestA 6" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and "TestA" in screen_text(app))
        assert app.context.data_settings["layout"] == "classes"
        assert "Layout: " not in screen_text(app)


async def test_what_cannot_be_decided_is_asked(app: AimicApp, tmp_path: Path, until: Until) -> None:
    root = make(tmp_path / "set", *(f"{site}/{name}" for site in ("leica", "zeiss") for name in ("blast", "normal")))
    app.context.data_path = str(root)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "leica and zeiss hold the same folders" in " ".join(screen_text(app).split()))
        await pilot.press("end", "up", "enter")  # pooled
        await until(pilot, lambda: listed(app) and "layout pooled" in screen_text(app))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, LayoutPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DataScreen))
        assert app.context.data_settings["layout"] == "pooled"


async def test_leaving_the_question_opens_nothing_and_says_why(app: AimicApp, tmp_path: Path, until: Until) -> None:
    app.context.data_path = str(make(tmp_path / "set", "leica/a", "leica/b", "zeiss/a", "zeiss/b"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LayoutPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: "either can be the classes" in " ".join(screen_text(app).split()))
        assert app.context.data_path is None


def test_each_answer_says_what_it_makes() -> None:
    images = [*sorted(f"p{patient}/{name}/1.png" for patient in range(12) for name in "ab"), "x.png"]
    assert preview_of_layout(images, Path("/d"), "groups") == (
        "2 classes · grouped by folder · 1 image without a class\na 12, b 12"
    )
    assert preview_of_layout(images, Path("/d"), "classes").endswith("and 4 more")
    assert preview_of_layout(["1.png"], Path("/d"), "deepest") == "No image would have a class."
    unclear = ["x/a/1.png", "x/b/1.png", "y/a/1.png", "y/b/1.png"]
    assert preview_of_layout(unclear, Path("/d"), "auto").startswith("Two levels of folders could be the classes.")


async def test_findings_are_those_of_the_layout_in_force(app: AimicApp, tmp_path: Path, until: Until) -> None:
    root = make(tmp_path / "set", *(f"{part}/{name}" for part in ("TRAIN", "TestA") for name in ("blast", "normal")))
    app.context.data_path = str(root)

    def audited() -> bool:
        return isinstance(app.screen, DataScreen) and app.screen.session.audit is not None

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, audited)
        for _ in range(8):  # to the finding on the layout
            await pilot.press("down")
            if "Press l to choose another." in " ".join(screen_text(app).split()):
                break
        else:
            raise AssertionError("the key is not said")
        await pilot.press("l", "home", "down", "enter")  # classes
        await until(pilot, lambda: isinstance(app.screen, DataScreen) and not audited())
        await until(pilot, audited)
        assert "are parts" not in screen_text(app)

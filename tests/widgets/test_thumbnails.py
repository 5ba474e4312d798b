"""A grid of thumbnails: what is read, how one moves over it, what broken files look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pytest
from PIL import Image
from textual.app import App, ComposeResult

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.widgets import thumbnails
from aimic_tui.widgets.thumbnails import Thumbnail, ThumbnailGrid


class GridApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.highlighted: list[int | None] = []
        self.opened: list[int] = []

    def compose(self) -> ComposeResult:
        yield ThumbnailGrid(empty="No cells.")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"track": "#333333", "focus-row": "#203040"}

    @property
    def grid(self) -> ThumbnailGrid:
        return self.query_one(ThumbnailGrid)

    def text(self) -> str:
        return "\n".join(self.grid.render_line(y).text.rstrip() for y in range(self.grid.size.height))

    def on_thumbnail_grid_highlighted(self, message: ThumbnailGrid.Highlighted) -> None:
        self.highlighted.append(message.index)

    def on_thumbnail_grid_opened(self, message: ThumbnailGrid.Opened) -> None:
        self.opened.append(message.index)


class Endless(Sequence[Thumbnail]):
    """A million images, made when asked for; remembers for which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return 1_000_000

    @overload
    def __getitem__(self, index: int) -> Thumbnail: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Thumbnail]: ...
    def __getitem__(self, index: int | slice) -> Thumbnail | Sequence[Thumbnail]:
        assert isinstance(index, int)
        self.asked.add(index)
        return Thumbnail(self.folder / f"cell{index % 30}.png", f"cell{index}.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(30):
        pixels = np.full((32, 32, 3), 255, np.uint8)
        pixels[8:24, 8:24] = (8 * index, 20, 90)
        Image.fromarray(pixels).save(tmp_path / f"cell{index}.png")
    return tmp_path


def items(folder: Path, count: int = 30) -> list[Thumbnail]:
    return [Thumbnail(folder / f"cell{index}.png", f"cell{index}.png") for index in range(count)]


async def settle(app: GridApp, pilot: object) -> None:
    for _ in range(5):
        await app.workers.wait_for_complete()
        await pilot.pause()  # type: ignore[attr-defined]


async def test_shows_images_with_their_names_and_signs(folder: Path) -> None:
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        assert "No cells." in app.text()
        given = items(folder, 3)
        given[1] = Thumbnail(given[1].path, "\x1b[31mcell1", "!", "attention")
        app.grid.show(given)
        await settle(app, pilot)
        text = app.text()
        assert "▀" * 12 in text
        assert "cell0.png" in text and "!" in text
        assert r"\x1b[31mcell1" in text and "\x1b" not in text
        assert app.highlighted[-1] == 0


async def test_only_what_is_in_sight_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = GridApp()
    endless = Endless(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show(endless)
        await settle(app, pilot)
        assert max(endless.asked) < 20
        app.grid.focus()
        await pilot.press("G")
        await settle(app, pilot)
        assert app.grid.index == 999_999
        assert len(endless.asked) < 60
        assert "cell999999.png" in app.text()


async def test_moves_along_up_and_down_by_pages_and_to_the_ends(folder: Path) -> None:
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show(items(folder))
        app.grid.focus()
        await pilot.press("l", "right")
        assert app.grid.index == 2
        await pilot.press("j")
        across = app.grid.index - 2
        assert across == 4
        await pilot.press("k", "up")
        assert app.grid.index == 2  # there is nothing above the first line
        await pilot.press("pagedown")
        assert app.grid.index == 2 + 2 * across
        await pilot.press("G", "h")
        assert app.grid.index == 28
        await pilot.press("home", "enter")
        assert app.opened == [0]


async def test_from_a_full_line_one_gets_down_to_a_shorter_last_one(folder: Path) -> None:
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show(items(folder, 6))
        app.grid.focus()
        await pilot.press("l", "l", "l", "j")
        assert app.grid.index == 5


async def test_thumbnails_are_never_too_small_and_grow_and_shrink(folder: Path) -> None:
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show(items(folder))
        app.grid.focus()
        await settle(app, pilot)
        before = app.text().count("cell")
        await pilot.press("minus", "minus", "minus")
        await settle(app, pilot)
        assert app.text().count("cell") > before
        assert "▀" * 12 in app.text()
        await pilot.press("plus", "plus", "plus", "plus")
        await settle(app, pilot)
        assert app.text().count("cell") < before


async def test_a_file_that_cannot_be_read_says_so_in_its_place(folder: Path) -> None:
    (folder / "broken.png").write_bytes((folder / "cell1.png").read_bytes()[:60])
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show([Thumbnail(folder / "broken.png", "broken.png"), Thumbnail(folder / "gone.png", "gone.png")])
        await settle(app, pilot)
        assert "! truncated" in app.text()
        assert "! unreadable" in app.text()


async def test_drawings_are_kept_but_not_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "_CACHED", 16)
    app = GridApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grid.show(items(folder))
        app.grid.focus()
        for _ in range(6):
            await pilot.press("pagedown")
            await settle(app, pilot)
        assert len(app.grid._drawn) <= 24


async def test_another_rule_draws_the_images_anew(tmp_path: Path) -> None:
    values = np.zeros((20, 20), np.uint16)
    values[:, 10:] = 900
    Image.fromarray(values).save(tmp_path / "dim.png")
    app = GridApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.grid.show([Thumbnail(tmp_path / "dim.png", "dim")])
        colours = set()
        for rule in (InputRule(), InputRule("window", (0.0, 900.0))):
            app.grid.rule = rule
            for _ in range(200):
                await pilot.pause(0.02)
                if "·" not in app.text():
                    break
            segments = [segment for segment in app.grid.render_line(3) if segment.style and segment.style.color]
            colours.add(tuple(str(segment.style.color) for segment in segments if segment.style))
        assert len(colours) == 2

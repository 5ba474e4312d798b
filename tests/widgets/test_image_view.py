"""Images as text: aspect, colours, the plain form without colours, the facts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.widgets.half_blocks import fitting, resized, strips_of
from aimic_tui.widgets.image_view import ImageView, read_picture

RED, BLUE = (220, 20, 30), (10, 40, 200)


def two_halves(height: int = 64, width: int = 64) -> np.ndarray:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2], pixels[height // 2 :] = RED, BLUE
    return pixels


class ViewApp(App[None]):
    def compose(self) -> ComposeResult:
        yield ImageView(empty="No image yet.")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"track": "#333333", "focus-row": "#203040"}

    @property
    def view(self) -> ImageView:
        return self.query_one(ImageView)

    def lines(self) -> list[str]:
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]


def test_the_aspect_of_an_image_is_kept_in_cells_twice_as_high_as_wide() -> None:
    assert fitting(100, 100, 40, 40) == (40, 20)
    assert fitting(100, 100, 40, 10) == (20, 10)
    assert fitting(100, 200, 40, 40) == (40, 10)
    assert fitting(1000, 1, 40, 20) == (1, 20)


def test_two_pixels_share_a_cell_the_upper_one_in_front() -> None:
    strips = strips_of(two_halves(2, 2), 2, 1)
    assert [strip.text for strip in strips] == ["▀▀"]
    style = next(iter(strips[0])).style
    assert style is not None and style.color is not None and style.bgcolor is not None
    assert tuple(style.color.get_truecolor()) == RED
    assert tuple(style.bgcolor.get_truecolor()) == BLUE


def test_lines_are_as_wide_as_promised_whatever_the_colours() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 240, 3), np.uint8)
    strips = strips_of(noise, 40, 20)
    assert len(strips) == 20
    assert {strip.cell_length for strip in strips} == {40} == {len(strip.text) for strip in strips}


def test_a_bright_cell_stays_where_it_is_when_it_shrinks() -> None:
    pixels = np.full((240, 240, 3), 200, np.uint8)
    pixels[60:120, 120:180] = (60, 30, 140)
    small = resized(pixels, 12, 6)
    assert small.shape == (12, 12, 3)
    assert small[3:6, 6:9].mean() < 90
    assert small[9:, :3].mean() > 180


def test_without_colours_density_tells_dark_from_bright_on_either_background() -> None:
    pixels = two_halves(40, 40)
    pixels[:20] = 255
    pixels[20:] = 0
    on_dark = [strip.text for strip in strips_of(pixels, 8, 4, "dark")]
    on_light = [strip.text for strip in strips_of(pixels, 8, 4, "light")]
    assert on_dark == ["@" * 8] * 2 + [" " * 8] * 2
    assert on_light == [" " * 8] * 2 + ["@" * 8] * 2
    assert "".join(on_dark).isascii()


def test_drawing_is_fast_enough_to_follow_a_held_key() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 240, 3), np.uint8)
    strips_of(noise, 40, 20)
    times = []
    for seed in range(5):  # other colours each time: the worst case for every cache
        image = np.random.default_rng(seed).integers(0, 256, (240, 240, 3), np.uint8)
        began = time.process_time()
        strips_of(image, 40, 20)
        times.append(time.process_time() - began)
    assert min(times) < 0.03


def test_a_file_is_described_and_one_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    Image.fromarray(two_halves(48, 64)).save(tmp_path / "cell.png")
    picture = read_picture(tmp_path / "cell.png")
    assert picture.pixels is not None and picture.pixels.shape == (48, 64, 3)
    assert picture.facts[0].startswith("64×48 RGB PNG")
    assert "values 10 to 220" in picture.facts[1]
    (tmp_path / "empty.png").touch()
    assert read_picture(tmp_path / "empty.png").pixels is None
    assert "empty" in read_picture(tmp_path / "empty.png").facts[0]


def test_a_huge_image_is_kept_small(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000), RED).save(tmp_path / "slide.png")
    picture = read_picture(tmp_path / "slide.png")
    assert picture.pixels is not None and max(picture.pixels.shape) <= 480
    assert picture.facts[0].startswith("3000×1000")


async def test_shows_an_image_with_its_words_and_facts_and_follows_the_latest(tmp_path: Path) -> None:
    for index in range(5):
        Image.fromarray(two_halves()).save(tmp_path / f"cell{index}.png")
    app = ViewApp()
    async with app.run_test(size=(40, 30)) as pilot:
        assert "No image yet." in app.lines()
        for index in range(5):
            path = tmp_path / f"cell{index}.png"
            app.view.show_path(path, [[(f"\x1b{path.name}", "strong")]], ["[b]0.9"])
        await app.workers.wait_for_complete()
        await pilot.pause()
        text = "\n".join(app.lines())
        assert r"\x1bcell4.png" in text and "\x1b" not in text
        assert "64×64 RGB PNG" in text and "[b]0.9" in text
        assert "▀" in text


@pytest.mark.parametrize("size", [(80, 20), (30, 20)])
async def test_words_stand_beside_the_image_where_there_is_room_else_below(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.fromarray(two_halves()).save(tmp_path / "cell.png")
    app = ViewApp()
    async with app.run_test(size=size) as pilot:
        app.view.show_path(tmp_path / "cell.png", ["cell.png"])
        await app.workers.wait_for_complete()
        await pilot.pause()
        line = next(line for line in app.lines() if "cell.png" in line)
        assert line.startswith("▀") == (size[0] == 80)


async def test_no_color_draws_by_density(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    Image.fromarray(two_halves()).save(tmp_path / "cell.png")
    app = ViewApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.view.show_path(tmp_path / "cell.png")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "▀" not in "\n".join(app.lines())


async def test_values_are_drawn_by_the_rule_of_the_run(tmp_path: Path) -> None:
    values = np.zeros((20, 20), np.uint16)
    values[:, 10:] = 900
    Image.fromarray(values).save(tmp_path / "dim.png")
    app = ViewApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.view.show_path(tmp_path / "dim.png")
        await _until(pilot, lambda: app.view.picture is not None)
        assert app.view.picture is not None and app.view.picture.pixels is not None
        assert app.view.picture.pixels.max() == 4  # of 65535, as far as anyone knows
        app.view.rule = InputRule("window", (0.0, 900.0), "1:#ff0080")
        await _until(pilot, lambda: app.view.picture is not None)
        assert app.view.picture is not None and app.view.picture.pixels is not None
        assert app.view.picture.pixels[0, 19].tolist() == [255, 0, 128]


async def _until(pilot: Pilot[None], happened: Callable[[], bool]) -> None:
    for _ in range(200):
        await pilot.pause(0.02)
        if happened():
            return
    raise AssertionError("it did not happen")

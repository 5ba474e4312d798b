"""Charts: what is drawn, what is left out and said, how often."""

from __future__ import annotations

import math

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from aimic_tui.app.themes import OWN_THEMES
from aimic_tui.widgets import chart
from aimic_tui.widgets.chart import Chart, ChartData, Series, thinned


class _App(App[None]):
    slow_link = False

    def __init__(self, data: ChartData, theme: str = "aimic-dark") -> None:
        super().__init__()
        for own in OWN_THEMES:
            self.register_theme(own)
        self.theme = theme
        self._data = data

    def compose(self) -> ComposeResult:
        yield Chart(self._data)


def _epochs(count: int) -> list[float]:
    return [float(epoch) for epoch in range(1, count + 1)]


def _loss(count: int = 40) -> ChartData:
    x = _epochs(count)
    train = Series("train", x, [2 * math.exp(-e / 9) for e in x], "second")
    validation = Series("validation", x, [1.5 * math.exp(-e / 9) + 0.1 for e in x], "first")
    return ChartData("loss", (train, validation), log=True, mark=20, mark_name="best 20")


async def test_title_legend_and_axes_stand_around_the_lines() -> None:
    app = _App(_loss())
    async with app.run_test(size=(60, 16)):
        lines = app.query_one(Chart).render().plain.splitlines()
    assert lines[0].startswith("loss (log)")
    assert "train" in lines[0]
    assert "validation" in lines[0]
    assert "best 20" in lines[0]
    assert len(lines) == 16
    assert lines[-1].split() == ["10", "20", "30", "40"]
    assert all(len(line) <= 60 for line in lines)


@pytest.mark.parametrize("theme", [theme.name for theme in OWN_THEMES])
async def test_every_theme_can_draw(theme: str) -> None:
    app = _App(_loss(), theme)
    async with app.run_test(size=(60, 16)):
        assert "⠶" in app.query_one(Chart).render().plain.splitlines()[0]


async def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    app = _App(ChartData("loss", (Series("train", _epochs(5), [1.0, math.nan, math.inf, 0.5, 0.4]),)))
    async with app.run_test(size=(60, 12)):
        assert "! 2 values not finite" in app.query_one(Chart).render().plain


async def test_a_zero_on_a_log_axis_is_left_out_and_said() -> None:
    app = _App(ChartData("loss", (Series("train", _epochs(3), [1.0, 0.0, 0.5]),), log=True))
    async with app.run_test(size=(70, 12)):
        assert "! 1 value not finite or not above 0" in app.query_one(Chart).render().plain


async def test_nothing_to_draw_is_said() -> None:
    nothing = Series("a", [1.0], [math.nan])
    app = _App(ChartData("loss", (nothing,), empty="no epoch is finished yet"))
    async with app.run_test(size=(60, 12)):
        assert "no epoch is finished yet" in app.query_one(Chart).render().plain


async def test_one_point_is_seen() -> None:
    app = _App(ChartData("loss", (Series("a", [1.0], [0.7]),)))
    async with app.run_test(size=(60, 12)):
        assert "●" in app.query_one(Chart).render().plain


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 5), (20, 40)])
async def test_any_size_is_survived(size: tuple[int, int]) -> None:
    app = _App(_loss())
    async with app.run_test(size=size):
        chart_shown = app.query_one(Chart)
        lines = chart_shown.render().plain.split("\n")
        assert max(map(cell_len, lines)) <= chart_shown.size.width
        drawn = size[0] >= 16 and size[1] >= 5  # below that only the legend is
        assert (len(lines) > 1) == drawn


async def test_many_updates_are_few_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0
    plot = chart._plot

    def counting(*arguments: object) -> str:
        nonlocal drawn
        drawn += 1
        return plot(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(chart, "_plot", counting)
    app = _App(_loss(3))
    async with app.run_test(size=(60, 16)) as pilot:
        for count in range(4, 40):
            app.query_one(Chart).show(_loss(count))
            await pilot.pause(0.01)
        assert drawn <= 3
        await pilot.pause(0.6)
        assert app.query_one(Chart).render().plain.splitlines()[-1].split()[-1] == "30"


async def test_a_hidden_chart_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    app = _App(_loss(3))
    drawings: list[object] = []
    plot = chart._plot
    monkeypatch.setattr(chart, "_plot", lambda *given: (drawings.append(given), plot(*given))[1])
    async with app.run_test(size=(60, 16)) as pilot:
        widget = app.query_one(Chart)
        widget.display = False
        await pilot.pause(0.6)
        drawings.clear()
        widget.show(_loss(30))
        await pilot.pause(0.6)
        assert drawings == []
        widget.display = True
        await pilot.pause(0.1)
        assert len(drawings) == 1


def test_thinning_keeps_a_spike_and_the_order() -> None:
    x = _epochs(10_000)
    y = [0.1] * 10_000
    y[7_777] = 9.0
    thin_x, thin_y = thinned(x, y, 200)
    assert len(thin_x) <= 200
    assert thin_x == sorted(thin_x)
    assert thin_x[thin_y.index(9.0)] == 7_778
    assert thinned(x[:5], y[:5], 200) == (x[:5], y[:5])


async def test_a_logarithmic_x_axis_has_powers_of_ten_and_its_mark_where_it_belongs() -> None:
    rates = [10 ** (-6 + step / 10) for step in range(61)]
    data = ChartData("loss", (Series("", rates, [1.0] * 61),), log_x=True, mark=1e-3, mark_name="suggested")
    app = _App(data)
    async with app.run_test(size=(100, 24)):
        lines = app.query_one(Chart).render().plain.splitlines()
    ticks = lines[-1].split()
    assert ticks[0] == "1e-6"
    assert {"1e-5", "0.001", "0.1", "1"} <= set(ticks)
    line = next(row.index("│", 12) for row in lines[1:-2] if "│" in row[12:])
    assert abs(line - lines[-1].index("0.001") - 2) <= 3

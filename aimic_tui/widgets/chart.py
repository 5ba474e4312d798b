"""Lines over epochs, drawn with plotext.

The one module that knows plotext (below 6: the compiled core of 6 aborts the process on a NaN). Its figure is a
global of that library, so it is drawn on the event loop only, and never for a chart that is not on the screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, Literal

from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from aimic_tui.widgets.ticks import linear_ticks, log_ticks

Role = Literal["first", "second", "faint"]
Colour = tuple[int, ...] | int | str  # as plotext takes it: red, green, blue; one of 256; "default"

_ROLES: tuple[Role, ...] = ("faint", "second", "first")  # drawn in this order: what matters most on top
# What draws a line, and what the legend shows for it. braille is plotext's name of 2 x 4 dots a cell. The first line is
# twice as thick, so that lines stay apart without colour; faint ones are dotted there.
_MARKERS: dict[Role, tuple[str, str]] = {
    "first": ("braille", "⠶⠶"),
    "second": ("braille", "⠤⠤"),
    "faint": ("braille", "⠤⠤"),
}
_MARKERS_NO_COLOR: dict[Role, tuple[str, str]] = {**_MARKERS, "faint": ("·", "··")}
_SECONDS = 0.5  # between two drawings: about 12 KB go to the terminal each time
_SECONDS_SLOW = 1.0
_SMALLEST = (16, 4)  # below that many columns or rows there is nothing to see


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: for the legend; lines of one name and role share an entry, "" has none.
        x, y: of the same length; values that are not finite are left out and counted.
        role: "first" is thick and in the accent, "second" thin, "faint" in the background.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    role: Role = "first"


@dataclass(frozen=True)
class ChartData:
    """Everything a chart shows.

    Attributes:
        title: what the y axis measures.
        log: a logarithmic y axis; values that are not positive are then left out and counted.
        log_x: a logarithmic x axis, whose values are all above 0.
        mark: x of a vertical line, such as the best epoch, and `mark_name` what it is called in the legend.
        empty: shown where there is nothing to draw.
    """

    title: str
    series: tuple[Series, ...] = ()
    log: bool = False
    log_x: bool = False
    mark: float | None = None
    mark_name: str = ""
    empty: str = "nothing to draw yet"


class Chart(Widget):
    """A chart of a few lines, with its title and legend in a line above."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; min-height: 5; }
    Chart .chart--title { text-style: bold; }
    Chart .chart--axis { color: $text-muted; }
    Chart .chart--first { color: $primary; }
    Chart .chart--second { color: $foreground; }
    Chart .chart--faint { color: $foreground 35%; }
    Chart .chart--mark { color: $warning; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--title",
        "chart--axis",
        "chart--first",
        "chart--second",
        "chart--faint",
        "chart--mark",
    }

    def __init__(self, data: ChartData, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._data = data
        self._drawn_at = -math.inf
        self._drawn: tuple[object, Text] | None = None
        self._later: Timer | None = None

    @property
    def data(self) -> ChartData:
        """What is shown, or will be at the next drawing."""
        return self._data

    def show(self, data: ChartData) -> None:
        """Show other data: at once, or after a pause where the chart was drawn a moment ago."""
        if data == self._data:
            return
        self._data = data
        if self._later is not None:
            return
        pause = _SECONDS_SLOW if getattr(self.app, "slow_link", False) else _SECONDS
        wait = self._drawn_at + pause - monotonic()
        if wait <= 0:
            self.refresh()
        else:
            self._later = self.set_timer(wait, self._draw_now)

    def _draw_now(self) -> None:
        self._later = None
        self.refresh()

    def render(self) -> Text:
        """Draw the data at the widget's size, or return the last drawing where nothing changed."""
        width, height = self.size
        colours = {name: self._colour(name) for name in sorted(self.COMPONENT_CLASSES)}
        markers = self._markers()
        key = (self._data, width, height, tuple(colours.items()), tuple(markers.items()))
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, self._draw(width, height, colours, markers))
            self._drawn_at = monotonic()
        return self._drawn[1]

    def _markers(self) -> dict[Role, tuple[str, str]]:
        return _MARKERS_NO_COLOR if self.app.no_color else _MARKERS

    def _colour(self, component: str) -> Colour:
        colour = self.get_component_rich_style(component).color
        if colour is None or colour.is_default:
            return "default"
        # One of the terminal's own sixteen stays what the terminal makes of it.
        return colour.number if colour.number is not None else tuple(colour.get_truecolor())

    def _draw(
        self,
        width: int,
        height: int,
        colours: dict[str, Colour],
        markers: dict[Role, tuple[str, str]],
    ) -> Text:
        lines = [line for role in _ROLES for line in self._data.series if line.role == role]
        ready = [(line, *_finite_points(line, self._data)) for line in lines]
        dropped = sum(missing for *_, missing in ready)
        points = [(line, x, y) for line, x, y, _ in ready if x]
        text = self._legend(width, [line for line, *_ in points], dropped, markers)
        if not points:
            text.append("\n" * max(1, height // 2))
            text.append(self._data.empty.center(width).rstrip(), style=self.get_component_rich_style("chart--axis"))
            return text
        if width < _SMALLEST[0] or height - 1 < _SMALLEST[1]:
            return text
        plot = _plot(points, self._data, (width, height - 1), colours, markers)
        text.append("\n")
        text.append_text(Text.from_ansi(plot.rstrip("\n")))
        text.no_wrap = True
        return text

    def _legend(self, width: int, lines: list[Series], dropped: int, markers: dict[Role, tuple[str, str]]) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        text.append(
            self._data.title + (" (log)" if self._data.log else ""), style=self.get_component_rich_style("chart--title")
        )
        seen: set[tuple[str, Role]] = {("", "first"), ("", "second"), ("", "faint")}
        for line in reversed(lines):
            if (line.name, line.role) not in seen:
                seen.add((line.name, line.role))
                text.append("  " + markers[line.role][1], style=self.get_component_rich_style(f"chart--{line.role}"))
                text.append(" " + line.name)
        mark = self.get_component_rich_style("chart--mark")
        if dropped:
            values = "1 value" if dropped == 1 else f"{dropped} values"
            zeros = self._data.log and any(y <= 0 for line in self._data.series for y in line.y)
            text.append(f"  ! {values} not finite{' or not above 0' if zeros else ''}", style=mark)
        if self._data.mark is not None and self._data.mark_name and lines:
            text.append("  │ ", style=mark)
            text.append(self._data.mark_name)
        text.truncate(width, overflow="ellipsis")
        return text


def _finite_points(line: Series, data: ChartData) -> tuple[list[float], list[float], int]:
    """Return what of a line can be drawn (logarithms where the axes are), and how many points can't be."""
    points = [
        (math.log10(x) if data.log_x else float(x), math.log10(y) if data.log else float(y))
        for x, y in zip(line.x, line.y, strict=True)
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not data.log)
    ]
    return [x for x, _ in points], [y for _, y in points], len(line.x) - len(points)


def thinned(x: list[float], y: list[float], most: int) -> tuple[list[float], list[float]]:
    """Return at most `most` of the points (at least 2), in their order; of each stretch its lowest and highest stay.

    A spike of a single epoch is what a person looks for, so it must survive.
    """
    if len(x) <= most:
        return x, y
    buckets = max(1, most // 2)
    kept: list[int] = []
    for bucket in range(buckets):
        stretch = range(bucket * len(x) // buckets, (bucket + 1) * len(x) // buckets)
        kept += sorted({min(stretch, key=y.__getitem__), max(stretch, key=y.__getitem__)})
    return [x[i] for i in kept], [y[i] for i in kept]


def _tick_labels(values: list[float]) -> list[str]:
    """Write numbers with three digits, or as many as it takes to tell them apart."""
    for digits in range(3, 9):
        labels = [f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}" for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def _plot(
    points: list[tuple[Series, list[float], list[float]]],
    data: ChartData,
    size: tuple[int, int],
    colours: dict[str, Colour],
    markers: dict[Role, tuple[str, str]],
) -> str:
    import plotext  # 0.12 s: only when the first chart is drawn

    width, height = size
    low_x = min(min(x) for _, x, _ in points)
    high_x = max(max(x) for _, x, _ in points)
    low_y = min(min(y) for *_, y in points)
    high_y = max(max(y) for *_, y in points)
    if high_x == low_x:
        high_x = low_x + 1
    if high_y == low_y:  # a flat line stands in the middle
        margin = 0.5 if data.log else max(abs(low_y) * 0.1, 1e-3)
        low_y, high_y = low_y - margin, high_y + margin
    margin = 0.03 * (high_y - low_y)
    low_y, high_y = low_y - margin, high_y + margin
    dot = (high_y - low_y) / max(1, 4 * (height - 2) - 1)
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.theme("clear")
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.ticks_color(colours["chart--axis"])
    plotext.xlim(low_x, high_x)
    plotext.ylim(low_y, high_y)
    across = _ticks_across(data, low_x, high_x, width)
    plotext.xticks(
        across, [f"{10**tick:.2g}".replace("e-0", "e-") if data.log_x else f"{tick:,.0f}" for tick in across]
    )
    rows = max(2, height // 3)
    ticks = log_ticks(low_y, high_y, rows) if data.log else linear_ticks(low_y, high_y, rows)
    values = [10**tick if data.log else tick for tick in ticks]
    plotext.yticks(ticks, _aligned(_tick_labels(values)))
    mark = math.log10(data.mark) if data.mark is not None and data.log_x else data.mark
    if mark is not None and low_x <= mark <= high_x:
        plotext.vline(mark, colours["chart--mark"])
    for line, x, y in points:
        marker = markers[line.role][0]
        thin_x, thin_y = thinned(x, y, 2 * width)
        if len(x) == 1 and marker == "braille":
            marker = "●"  # one dot of eight would not be seen
        elif line.role == "first" and marker == "braille":  # there and, one dot lower, back
            thin_x, thin_y = thin_x + thin_x[::-1], thin_y + [value - dot for value in reversed(thin_y)]
        plotext.plot(thin_x, thin_y, marker=marker, color=colours[f"chart--{line.role}"])
    drawing: str = plotext.build()
    plotext.clear_figure()
    return drawing


def _ticks_across(data: ChartData, low: float, high: float, width: int) -> list[float]:
    if data.log_x:
        return log_ticks(low, high, max(2, width // 10))
    return [tick for tick in linear_ticks(low, high, max(2, width // 12)) if tick == int(tick)]


def _aligned(labels: list[str]) -> list[str]:
    """Pad numbers so that their decimal points stand below each other, and leave a space before the axis."""
    before = max(len(label.partition(".")[0]) for label in labels)
    padded = [" " * (before - len(label.partition(".")[0])) + label for label in labels]
    return [label.ljust(max(map(len, padded))) for label in padded]

"""The drawings of a report, as SVG by matplotlib.

They are drawn in the few colours below. A page replaces those by its own (`themed`), so that one drawing is readable on
white, on black and on paper; as a file of its own a drawing keeps them.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aimic_tui.engine.runs.snapshot import TrialSnapshot
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#222222", "#8a8a8a"
SERIES = ("#0b6fb8", "#c2570c", "#2f7d4f", "#8a4fb0", "#a3810b", "#b03a5b")
_THEME = {INK: "currentColor", FAINT: "var(--faint)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(SERIES)
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_SHORT = 28  # characters of a name beside an axis
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: to be found, read aloud and copied
    "text.parse_math": False,  # a $ in a class name is a dollar
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.4,
    "savefig.transparent": True,
}


def intervals(
    name: str, rows: Sequence[tuple[str, Sequence[Mapping[str, float | None]]]], series: Sequence[str]
) -> str:
    """Draw figures with their intervals on one scale: a row a figure, a dot a series in it. `name` is unique."""
    many = len(series)
    figure, axes = _figure(6.8, 0.55 + len(rows) * (0.14 + 0.13 * max(many, 1)) + 0.2 * (many > 1))
    lows = [0.9]
    for place, (_, found) in enumerate(rows):
        for number, mapping in enumerate(found):
            value, low, high = mapping.get("value"), mapping.get("low"), mapping.get("high")
            if value is None:
                continue
            height = -place - (number - (many - 1) / 2) * 0.62 / max(many, 2)
            colour = SERIES[number % len(SERIES)]
            lows.append(value if low is None else low)
            if low is not None and high is not None:
                axes.plot([low, high], [height, height], color=colour, linewidth=2)
            axes.plot([value], [height], "o", color=colour, markersize=4.5)
    axes.set_yticks([-place for place in range(len(rows))], [_short(name) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xlim(max(-0.02, np.floor(min(lows) * 10) / 10 - 0.02), 1.005)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_xlabel("figure with its interval")
    if many > 1:
        _legend(figure, axes, series)
    return _svg(figure, "intervals" + name)


def learning_curves(network: str, trials: Sequence[TrialSnapshot], monitor: str, part: str) -> str:
    """Draw the losses and the figure that chose the epoch, a line a fold; a dot marks the epoch that was kept.

    `part` is what chose it: "validation", or in the published protocol "test".
    """
    figure, (left, right) = _figures(6.8, 2.4, 2)
    for number, trial in enumerate(trials):
        colour = SERIES[number % len(SERIES)]
        epochs = [record.epoch for record in trial.epochs]
        left.plot(epochs, [record.train_loss for record in trial.epochs], ":", color=colour)
        left.plot(epochs, [record.validation_loss for record in trial.epochs], color=colour)
        right.plot(epochs, [record.monitor for record in trial.epochs], color=colour)
        best = [record for record in trial.epochs if record.epoch == trial.best_epoch]
        right.plot([r.epoch for r in best], [r.monitor for r in best], "o", color=colour, markersize=4.5)
        left.plot([r.epoch for r in best], [r.validation_loss for r in best], "o", color=colour, markersize=4.5)
    left.set_title(f"loss: training dotted, {part} solid", loc="left", fontsize=9)
    right.set_title(f"{part} {monitor}", loc="left", fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(axis="y", color=FAINT, linewidth=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.set_ylim(bottom=0)
    if monitor == "loss":
        right.set_ylim(bottom=0)
    else:
        right.set_ylim(top=1.02)
    _legend(figure, left, [f"fold {trial.key.fold}" + _seed(trial, trials) for trial in trials])
    return _svg(figure, "learning" + network)


def reliability(name: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> str:
    """Draw how often images of a stated probability are right, before and after calibration; area: images."""
    figure, axes = _figure(3.3, 3.1)
    axes.plot([0, 1], [0, 1], "--", color=FAINT, linewidth=0.8)
    for bins, colour in ((before, SERIES[0]), (after, SERIES[1])):
        there = [row for row in bins if row["images"]]
        most = max((row["images"] for row in there), default=1)
        xs, ys = [row["confidence"] for row in there], [row["accuracy"] for row in there]
        axes.plot(xs, ys, color=colour, linewidth=0.9)
        axes.scatter(xs, ys, [8 + 60 * row["images"] / most for row in there], color=colour, linewidths=0)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("probability of the predicted class")
    axes.set_ylabel("share that is correct")
    _legend(figure, axes, ["as trained", "calibrated"])
    return _svg(figure, "reliability" + name)


def risk_coverage(name: str, coverage: Sequence[float], risk: Sequence[float]) -> str:
    """Draw the share of errors among the surest images against how many are answered."""
    figure, axes = _figure(3.3, 3.1)
    axes.step([0, *coverage], [0, *risk], where="post", color=SERIES[0])
    axes.set_xlim(0, 1.01)
    axes.set_ylim(bottom=0)
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_xlabel("share of images answered, surest first")
    axes.set_ylabel("share of these that is wrong")
    return _svg(figure, "risk" + name)


def themed(svg: str) -> str:
    """Let a drawing take the colours of the page that it stands in."""
    return re.sub("|".join(_THEME), lambda match: _THEME[match[0]], svg)


def _seed(trial: TrialSnapshot, trials: Sequence[TrialSnapshot]) -> str:
    return f", seed {trial.key.seed}" if len({other.key.seed for other in trials}) > 1 else ""


def _short(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _SHORT else shown[: _SHORT - 1] + "…"


def _figures(width: float, height: float, columns: int) -> tuple[Figure, Any]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(1, columns)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    return _figures(width, height, 1)


def _legend(figure: Figure, axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=SERIES[number % len(SERIES)], linewidth=2) for number in range(len(names))]
    figure.legend(
        lines,
        [_short(name) for name in names],
        loc="outside upper left",
        ncols=min(len(names), 5 if figure.get_figwidth() > 4 else 2),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.2,
    )


def _svg(figure: Figure, salt: str) -> str:
    """Write a figure as an <svg> element without a declaration, metadata, or names that a second one would repeat."""
    from matplotlib import rc_context

    text = io.StringIO()
    style: Any = {**_STYLE, "svg.hashsalt": salt}
    with rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the fonts here lack is the reader's font's matter
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = re.sub(r"(font: [0-9.]+px )[^;\"]+", lambda match: match[1] + _FONT, svg)
    return re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)

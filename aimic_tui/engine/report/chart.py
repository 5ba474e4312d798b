"""What the drawings of a report are made with: figures of matplotlib, as SVG for a page and as PDF for print.

They are drawn in the few colours below. A page replaces those by its own (`themed`), so that one drawing is readable on
white, on black and on paper; as a file of its own a drawing keeps them.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

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
    "pdf.fonttype": 42,  # letters as letters, which printers and editors expect
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

# The same figure gives the same bytes, whenever it is drawn.
_UNDATED = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True, eq=False)
class Chart:
    """A drawing.

    Attributes:
        name: unique in a document.
    """

    figure: Figure
    name: str

    @cached_property
    def svg(self) -> str:
        """An <svg> element without a declaration, metadata, or names that a second one would repeat.

        Drawn once: drawing settles the layout anew each time.
        """
        text = io.StringIO()
        self._save(text, "svg")
        svg = text.getvalue()
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
        svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
        svg = re.sub(r"(font: [0-9.]+px )[^;\"]+", lambda match: match[1] + _FONT, svg)
        return re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)

    def pdf(self) -> bytes:
        """Return a PDF of one page, its letters embedded."""
        stream = io.BytesIO()
        self._save(stream, "pdf")
        return stream.getvalue()

    def _save(self, stream: io.StringIO | io.BytesIO, kind: str) -> None:
        from matplotlib import rc_context

        with rc_context({**_style(), "svg.hashsalt": self.name}), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a letter that the fonts here lack is the reader's font's matter
            self.figure.savefig(stream, format=kind, metadata=_UNDATED[kind])


def _style() -> dict[Any, Any]:
    """Return every setting of a drawing: no matplotlibrc of a user or of the current folder has a say."""
    from matplotlib import rcParamsDefault

    return {**{name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}, **_STYLE}


def themed(svg: str) -> str:
    """Let a drawing take the colours of the page that it stands in."""
    return re.sub("|".join(_THEME), lambda match: _THEME[match[0]], svg)


def short(name: str) -> str:
    """Return a name as it stands beside an axis."""
    shown = printable(name)
    return shown if len(shown) <= _SHORT else shown[: _SHORT - 1] + "…"


def new_figures(width: float, height: float, columns: int) -> tuple[Figure, Any]:
    """Return an empty figure, inches wide and high, and its axes side by side."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_style()):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(1, columns)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure, inches wide and high, with one pair of axes."""
    return new_figures(width, height, 1)


def legend(figure: Figure, names: Sequence[str], colours: Sequence[str] = SERIES) -> None:
    """Name the series above a figure, in the order of their colours."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colours[number % len(colours)], linewidth=2) for number in range(len(names))]
    figure.legend(
        lines,
        [short(name) for name in names],
        loc="outside upper left",
        ncols=min(len(names), 5 if figure.get_figwidth() > 4 else 2),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handlelength=1.2,
    )

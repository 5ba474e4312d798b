"""The grid of a run's trials: networks down, folds across, each with its sign and figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from aimic_tui.engine.runs.folder import TrialKey
from aimic_tui.engine.runs.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import printable
from aimic_tui.widgets.interval_bar import axis, bar, common_scale
from aimic_tui.widgets.table_column import cut
from aimic_tui.wording import SIGNS

METRIC = "macro_f1"
_CELL = 9
_POOLED = 14  # ".930 [.91 .94]"
_STYLES = {"failed": "$error", "stopped": "$warning", "queued": "$text-disabled", "running": "$primary"}


@dataclass(frozen=True)
class Pooled:
    """A network's figure over all of its tested images, with its interval."""

    value: float
    low: float | None = None
    high: float | None = None


def pooled_figure(results: Mapping[str, Any] | None, network: str, metric: str = METRIC) -> Pooled | None:
    """Read a network's pooled figure from a run's results; None where there is none."""
    try:
        found = (results or {})["networks"][network]["pooled"][metric]
        return Pooled(float(found["value"]), found["low"], found["high"])
    except (KeyError, TypeError, ValueError):
        return None


def short(value: float | None, digits: int = 3) -> str:
    """Write a share without its leading zero: `.934`."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


class TrialGrid(Widget, can_focus=True):
    """Networks times folds; one trial is chosen."""

    DEFAULT_CSS = """
    TrialGrid { height: auto; max-height: 9; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "move(0, -1)", "Before", show=False, id="run.left", tooltip="The trial before"),
        Binding("right,tab", "move(0, 1)", "Trial", key_display="←→", id="run.right", tooltip="The next trial"),
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="run.up", tooltip="The same fold of the network above"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="run.down", tooltip="The same fold of the one below"),
        Binding("escape", "follow", "Follow", show=False, id="run.follow", tooltip="Follow the trial that is running"),
    ]

    @dataclass
    class Chosen(Message):
        """A trial was chosen, or (None) the running one is to be followed."""

        key: TrialKey | None

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: RunSnapshot | None = None
        self._chosen: TrialKey | None = None
        self._rows: list[tuple[tuple[str, int], dict[int, TrialSnapshot]]] = []
        self._folds: list[int] = []

    def show(self, snapshot: RunSnapshot, chosen: TrialKey | None) -> None:
        """Show a run; `chosen` is the trial that is marked."""
        before = len(self._rows)
        self._snapshot, self._chosen = snapshot, chosen
        rows: dict[tuple[str, int], dict[int, TrialSnapshot]] = {}
        for trial in snapshot.trials:
            rows.setdefault((trial.key.network, trial.key.seed), {})[trial.key.fold] = trial
        self._rows = list(rows.items())
        self._folds = sorted({trial.key.fold for trial in snapshot.trials})
        self.refresh(layout=before != len(self._rows))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line a network and one of headers."""
        return len(self._rows) + 1

    def action_move(self, down: int, right: int) -> None:
        """Choose another trial; to the right of the last fold comes the next network's first."""
        if self._snapshot is None or not self._snapshot.trials:
            return
        keys = [trial.key for _, folds in self._rows for _, trial in sorted(folds.items())]
        at = keys.index(self._chosen) if self._chosen in keys else 0
        if down:
            names = [name for name, _ in self._rows]
            current = keys[at]
            line = names.index((current.network, current.seed)) + down
            folds = self._rows[min(max(line, 0), len(names) - 1)][1]
            key = folds.get(current.fold, next(iter(folds.values()))).key
        else:
            key = keys[min(max(at + right, 0), len(keys) - 1)]
        self.post_message(self.Chosen(key))

    def action_follow(self) -> None:
        """Follow whichever trial is running."""
        self.post_message(self.Chosen(None))

    def on_click(self, event: events.Click) -> None:
        """Choose the trial that was clicked."""
        if (trial := event.style.meta.get("trial")) is not None:
            self.post_message(self.Chosen(TrialKey.from_name(trial)))

    def render(self) -> RenderResult:
        """Draw the grid."""
        if self._snapshot is None or not self._rows:
            return Content("")
        width = self.size.width
        seeds = len({seed for (_, seed), _ in self._rows}) > 1
        names = [network + (f" seed {seed}" if seeds else "") for (network, seed), _ in self._rows]
        name_width = min(max([len(printable(name)) for name in names] + [13]), 24) + 2
        room = width - name_width - _POOLED
        folds = self._folds_shown(max(1, (room - 1) // _CELL))
        bar_width = min(30, room - len(folds) * _CELL - 2)
        bar_width = bar_width if bar_width >= 12 else 0
        figures = [pooled_figure(self._snapshot.results, network) for (network, _), _ in self._rows]
        scale = common_scale(v for found in figures if found for v in (found.value, found.low, found.high))
        lines = [self._header(name_width, folds, axis(scale, bar_width) if any(figures) else "")]
        for name, (_, trials), found in zip(names, self._rows, figures, strict=True):
            parts = [Content(cut(printable(name), name_width - 1).ljust(name_width))]
            parts += [self._cell(trials.get(fold)) for fold in folds]
            if found is not None:
                interval = f" [{short(found.low, 2)} {short(found.high, 2)}]" if found.low is not None else ""
                parts.append(Content.styled(f"{short(found.value)}{interval}".ljust(_POOLED), "bold"))
                drawn = bar(found.value, found.low, found.high, scale, bar_width)
                parts += [Content("  "), Content.styled(drawn, "$secondary")]
            lines.append(Content("").join(parts))
        return Content("\n").join(self._rows_shown(lines))

    def _folds_shown(self, count: int) -> list[int]:
        if len(self._folds) <= count:
            return self._folds
        at = self._folds.index(self._chosen.fold) if self._chosen and self._chosen.fold in self._folds else 0
        start = min(max(0, at - count // 2), len(self._folds) - count)
        return self._folds[start : start + count]

    def _rows_shown(self, lines: list[Content]) -> list[Content]:
        room = self.size.height
        if len(lines) <= room or self._chosen is None:
            return lines
        names = [name for name, _ in self._rows]
        wanted = (self._chosen.network, self._chosen.seed)
        at = names.index(wanted) if wanted in names else 0
        start = min(max(0, at - room // 2), len(self._rows) - (room - 1))
        return [lines[0], *lines[1 + start : start + room]]

    def _header(self, name_width: int, folds: list[int], ticks: str) -> Content:
        head = "test macro F1".ljust(name_width)
        head += "".join(f"fold {fold}".ljust(_CELL) for fold in folds)
        return Content.styled(head + "together".ljust(_POOLED) + "  " + ticks, "$text-muted")

    def _cell(self, trial: TrialSnapshot | None) -> Content:
        if trial is None:
            return Content(" " * _CELL)
        state = trial.status.state
        text = SIGNS[state]
        if state == "finished":
            text += " " + short(trial.test.get(METRIC))
        elif trial.epochs and state in ("running", "stopped"):
            text += f" e {trial.epochs[-1].epoch + (1 if state == 'running' else 0)}"
        elif state == "running":
            text += " begins"
        text = cut(text, _CELL - 2)
        style = _STYLES.get(state, "")
        if trial.key == self._chosen:
            style = "bold reverse" if self.has_focus else "bold underline"
            text = f"{text} "
        cell = Content.assemble((text, style), " " * (_CELL - len(text)))
        return cell.stylize(Style.from_meta({"trial": trial.key.name}))

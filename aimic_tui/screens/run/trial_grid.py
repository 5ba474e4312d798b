"""The grid of a run's trials: networks down (and seeds, and inner folds), folds across, each with sign and figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import short_share
from aimic_tui.engine.run_folder import TrialKey
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import printable
from aimic_tui.widgets.interval_bar import axis, bar, common_scale
from aimic_tui.widgets.table_column import cut
from aimic_tui.wording.signs import SIGNS

METRIC = "macro_f1"
_CELL = 9
_POOLED = 14  # ".930 [.91 .94]"
_STYLES = {"failed": "$error", "stopped": "$warning", "queued": "$text-disabled", "running": "$primary"}


@dataclass(frozen=True)
class GridRow:
    """What a row of the grid is about: a network with one seed, or an inner fold (from 1) of each fold."""

    network: str
    seed: int
    inner: int = 0

    @classmethod
    def of(cls, key: TrialKey) -> GridRow:
        """Return the row that a trial is in."""
        return cls(key.network, key.seed, key.inner)


class TrialGrid(Widget, can_focus=True):
    """Networks times folds; one trial is selected."""

    DEFAULT_CSS = """
    TrialGrid { height: auto; max-height: 9; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "move(0, -1)", "Previous", show=False, id="run.left", tooltip="The previous trial"),
        Binding("right,tab", "move(0, 1)", "Trial", key_display="←→", id="run.right", tooltip="The next trial"),
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="run.up", tooltip="The same fold of the network above"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="run.down", tooltip="The same fold of the one below"),
        Binding("escape", "follow", "Follow", show=False, id="run.follow", tooltip="Follow the running trial"),
    ]

    @dataclass
    class Selected(Message):
        """A trial was selected, or (None) the running one is to be followed."""

        key: TrialKey | None

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: RunSnapshot | None = None
        self._selected: TrialKey | None = None
        self._rows: list[tuple[GridRow, dict[int, TrialSnapshot]]] = []
        self._folds: list[int] = []

    def show(self, snapshot: RunSnapshot, selected: TrialKey | None) -> None:
        """Show a run; `selected` is the trial that is marked."""
        before = len(self._rows)
        self._snapshot, self._selected = snapshot, selected
        rows: dict[GridRow, dict[int, TrialSnapshot]] = {}
        for trial in snapshot.trials:
            rows.setdefault(GridRow.of(trial.key), {})[trial.key.fold] = trial
        # What belongs to a network is together, whatever the order in which it is trained.
        order = list(dict.fromkeys(row.network for row in rows))
        rank = {row: (order.index(row.network), row.inner, number) for number, row in enumerate(rows)}
        self._rows = sorted(rows.items(), key=lambda item: rank[item[0]])
        self._folds = sorted({trial.key.fold for trial in snapshot.trials})
        self.refresh(layout=before != len(self._rows))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line a network and one of headers."""
        return len(self._rows) + 1

    def action_move(self, down: int, right: int) -> None:
        """Select another trial; after the last fold comes the first one of the next network."""
        if self._snapshot is None or not self._snapshot.trials:
            return
        keys = [trial.key for _, folds in self._rows for _, trial in sorted(folds.items())]
        at = keys.index(self._selected) if self._selected in keys else 0
        if down:
            names = [name for name, _ in self._rows]
            current = keys[at]
            line = names.index(GridRow.of(current)) + down
            folds = self._rows[min(max(line, 0), len(names) - 1)][1]
            key = folds.get(current.fold, next(iter(folds.values()))).key
        else:
            key = keys[min(max(at + right, 0), len(keys) - 1)]
        self.post_message(self.Selected(key))

    def action_follow(self) -> None:
        """Follow whichever trial is running."""
        self.post_message(self.Selected(None))

    def on_click(self, event: events.Click) -> None:
        """Select the trial that was clicked."""
        if (trial := event.style.meta.get("trial")) is not None:
            self.post_message(self.Selected(TrialKey.from_name(trial)))

    def render(self) -> RenderResult:
        """Draw the grid."""
        if self._snapshot is None or not self._rows:
            return Content("")
        width = self.size.width
        seeds = len({row.seed for row, _ in self._rows}) > 1
        names = [_row_name(row, seeds=seeds) for row, _ in self._rows]
        name_width = min(max([len(printable(name)) for name in names] + [13]), 24) + 2
        room = width - name_width - _POOLED
        folds = self._folds_shown(max(1, (room - 1) // _CELL))
        bar_width = min(30, room - len(folds) * _CELL - 2)
        bar_width = bar_width if bar_width >= 12 else 0
        figures = self._figures()
        scale = common_scale(v for found in figures if found for v in (found.value, found.low, found.high))
        lines = [self._header(name_width, folds, axis(scale, bar_width) if any(figures) else "")]
        for name, (_, trials), found in zip(names, self._rows, figures, strict=True):
            parts = [Content(cut(printable(name), name_width - 1).ljust(name_width))]
            parts += [self._cell(trials.get(fold)) for fold in folds]
            if found is not None:
                ends = f" [{short_share(found.low, 2)} {short_share(found.high, 2)}]" if found.low is not None else ""
                parts.append(Content.styled(f"{short_share(found.value)}{ends}".ljust(_POOLED), "bold"))
                drawn = bar(found.value, found.low, found.high, scale, bar_width)
                parts += [Content("  "), Content.styled(drawn, "$secondary")]
            lines.append(Content("").join(parts))
        return Content("\n").join(self._rows_shown(lines))

    def _figures(self) -> list[Interval | None]:
        """Return what each row ends with: a network's pooled macro F1, once for all its seeds and inner folds."""
        figures = self._snapshot.macro_f1 if self._snapshot is not None else {}
        found: list[Interval | None] = []
        written: set[str] = set()
        for row, _ in self._rows:
            found.append(None if row.network in written else figures.get(row.network))
            written.add(row.network)
        return found

    def _folds_shown(self, count: int) -> list[int]:
        if len(self._folds) <= count:
            return self._folds
        at = self._folds.index(self._selected.fold) if self._selected and self._selected.fold in self._folds else 0
        start = min(max(0, at - count // 2), len(self._folds) - count)
        return self._folds[start : start + count]

    def _rows_shown(self, lines: list[Content]) -> list[Content]:
        room = self.size.height
        if len(lines) <= room or self._selected is None:
            return lines
        names = [name for name, _ in self._rows]
        row = GridRow.of(self._selected)
        at = names.index(row) if row in names else 0
        start = min(max(0, at - room // 2), len(self._rows) - (room - 1))
        return [lines[0], *lines[1 + start : start + room]]

    def _header(self, name_width: int, folds: list[int], ticks: str) -> Content:
        head = "test macro F1".ljust(name_width)
        head += "".join(f"fold {fold}".ljust(_CELL) for fold in folds)
        return Content.styled(head + "pooled".ljust(_POOLED) + "  " + ticks, "$text-muted")

    def _cell(self, trial: TrialSnapshot | None) -> Content:
        if trial is None:
            return Content(" " * _CELL)
        state = trial.status.state
        text = SIGNS[state]
        if state == "finished":
            text += " " + short_share(trial.test.get(METRIC))
        elif trial.epochs and state in ("running", "stopped"):
            last = trial.epochs[-1]
            text += f" e {min(last.epoch + 1, last.epochs) if state == 'running' else last.epoch}"
        elif state == "running":
            text += " e 1"
        text = cut(text, _CELL - 2)
        style = _STYLES.get(state, "")
        if trial.key == self._selected:
            style = "bold reverse" if self.has_focus else "bold underline"
            text = f"{text} "
        cell = Content.assemble((text, style), " " * (_CELL - len(text)))
        return cell.stylize(Style.from_meta({"trial": trial.key.name}))


def _row_name(row: GridRow, *, seeds: bool) -> str:
    if row.inner:
        return f"  inner fold {row.inner}"
    return row.network + (f" seed {row.seed}" if seeds else "")

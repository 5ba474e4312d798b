"""How Home writes a run and a data set on one line, in columns that depend on the width alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from aimic_tui.engine.formatting.numbers import count_text, interval_text, number
from aimic_tui.engine.formatting.times import ago, duration
from aimic_tui.engine.runs.status import RunStatus
from aimic_tui.engine.text import NOTHING, one_line, plural, printable
from aimic_tui.engine.workspace_folder import KnownDataSet
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording.paths import short_path
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.runs_overview import Figure, KnownStudy, RunRow

_COUNT = 7  # "11/15", "128/500"
_FIGURE = 18  # "0.934 [.921 .946]"
_WHEN = 15  # "1 h 12 min left", "yesterday 17:40"
_STYLES = {"failed": "$error", "interrupted": "$warning"}


@dataclass(frozen=True)
class RunColumns:
    """Widths of a run's line."""

    name: int
    grid: int
    bar: int

    @classmethod
    def within(cls, width: int) -> RunColumns:
        """Share out a line: the name first, then the networks, then the bar."""
        free = width - 2 - _COUNT - _FIGURE - _WHEN - 4 * 2
        if width < 90:  # no room for the bar; the count beside it says the same
            return cls(free - free * 9 // 20, free * 9 // 20, 0)
        grid = min(30, free * 2 // 5)
        name = min(40, free * 2 // 5)
        return cls(name, grid, min(24, free - name - grid))


def run_heading(width: int) -> Content:
    """Write the headings above the runs."""
    columns = RunColumns.within(width)
    left = "Runs".ljust(2 + columns.name + 2 + columns.grid + 2)
    trials = ("trials done" if columns.bar else "trials").ljust(columns.bar + _COUNT + 2)
    return Content.assemble(
        (left, "bold"), (f"{trials}{'macro F1'.ljust(_FIGURE + 2)}{'when'.rjust(_WHEN)}", "$text-muted")
    )


def run_line(row: RunRow, width: int) -> Content:
    """Write one run."""
    columns, status = RunColumns.within(width), row.status
    style = _STYLES.get(status.state, "")
    begin = [
        _cell(SIGNS[status.state], 2, style),
        _cell(printable(row.folder.title), columns.name),
        Content("  "),
        _cell(grid_text(status), columns.grid, "$text-muted"),
        Content("  "),
    ]
    when = _when(row)
    middle = columns.bar + _COUNT + 2 + _FIGURE
    said = _said(row)
    if said is not None:
        cells = [_cell(said, middle, style)]
    else:
        done, total = status.trials_done, len(status.trials)
        progress = progress_bar(row.fraction or 0.0, columns.bar) if status.alive else Content(" " * columns.bar)
        cells = [progress, _cell(f"{done}/{total}".rjust(_COUNT - 1), _COUNT), Content("  "), _figure(row.figure)]
    return Content("").join([*begin, *cells, Content("  "), _right(when, _WHEN, "$text-muted")])


def grid_text(status: RunStatus) -> str:
    """Write what a run is a grid of: `mobilenet_v2 × 5`, `3 networks × 5`, `resnet50 × 5 × 3 seeds`."""
    seeds = len({trial.seed for trial in status.trials})
    many = f" × {seeds} seeds" if seeds > 1 else ""
    if not status.networks:
        return NOTHING
    if len(status.networks) == 1:
        return f"{printable(status.networks[0])} × {status.folds}{many}"
    return f"{len(status.networks)} networks × {status.folds}{many}"


def _said(row: RunRow) -> str | None:
    """Return what is to be said of a run in place of its figures: why it does not go on, and what helps."""
    status = row.status
    done = f"{status.trials_done}/{len(status.trials)}"
    if status.state == "interrupted":
        return f"interrupted at {done} · r resumes it"
    if status.state == "stopped":
        return f"stopped at {done} · r resumes it"
    if status.state == "failed":
        reasons = [trial.reason for trial in status.trials if trial.state == "failed" and trial.reason]
        return one_line(reasons[0] if reasons else status.reason or "no reason recorded")
    if status.state == "queued":
        return "not started · r starts it"
    return None


def _when(row: RunRow) -> str:
    status = row.status
    if status.state == "stopping":
        return "stopping"
    if status.alive:
        return f"{duration(row.seconds_left)} left" if row.seconds_left is not None else "just begun"
    return ago(status.ended or status.started or status.created)


def _figure(figure: Figure | None) -> Content:
    if figure is None:
        return Content(" " * _FIGURE)
    if figure.networks > 1:
        text = f"{number(figure.lowest)} to {number(figure.value)}"
    elif figure.low is not None:
        text = interval_text(figure.value, figure.low, figure.high)
    else:
        text = number(figure.value) + (f" ±{number(figure.spread)}" if figure.spread is not None else "")
    if figure.optimistic:
        return _cell(f"{number(figure.value)} optimistic", _FIGURE, "$warning")
    return _cell(text, _FIGURE)


def data_heading(width: int) -> Content:
    """Write the headings above the data sets."""
    name, path = _data_columns(width)
    left = "Data sets".ljust(2 + name + 2 + path)
    return Content.assemble((left, "bold"), ("  images classes  groups  findings", "$text-muted"))


def data_line(known: KnownDataSet, width: int) -> Content:
    """Write one data set; its findings are what its last audit found."""
    name, path = _data_columns(width)
    where = Path(known.path)
    found, style = "not audited", "$text-muted"
    if known.problems is not None:
        found, style = (f"! {plural(known.problems, 'finding')}", "$warning") if known.problems else ("✓", "")
    groups = count_text(known.groups)
    return Content.assemble(
        _cell("", 2),
        _cell(printable(where.name), name),
        "  ",
        _cell(short_path(where.parent), path, "$text-muted"),
        count_text(known.images).rjust(8),
        count_text(known.classes).rjust(8),
        groups.rjust(8),
        "  ",
        (found, style),
    )


def _data_columns(width: int) -> tuple[int, int]:
    free = width - 2 - 2 - 24 - 2 - 14
    name = max(10, min(30, free // 2))
    return name, max(6, min(40, free - name))


def studies_line(studies: Sequence[KnownStudy]) -> Content:
    """Name the studies, those going on first, on one line."""
    names = [
        Content.assemble((f"{SIGNS['running']} ", "$primary") if study.alive else "", printable(study.path.name))
        for study in sorted(studies, key=lambda study: not study.alive)
    ]
    hint = Content.styled("   6 has their cells and tables", "$text-muted")
    return Content.assemble(("  Studies        ", "bold"), Content(" · ").join(names), hint)


def _cell(text: str, width: int, style: str = "") -> Content:
    """Write a text in exactly `width` columns, cut with an ellipsis where it is longer."""
    return Content.styled(text, style).truncate(width, ellipsis=True, pad=True)


def _right(text: str, width: int, style: str = "") -> Content:
    content = Content.styled(text, style).truncate(width, ellipsis=True)
    return content.pad_left(width - content.cell_length)

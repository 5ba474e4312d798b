"""Views of a run for choosing: which networks differ, what they cost, which groups they fail on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.evaluation.pareto import Cost, front
from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, GroupFigures, group_figures
from aimic_tui.engine.inference.timings import read_timings
from aimic_tui.engine.report.cost_sections import network_costs
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.results.result_view import ResultView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.widgets.table_rows import RowSelected
from aimic_tui.wording.numbers import interval_text, p_value, three_figures
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.network_opinions import tested_run
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.run_results import stamp_of_run

_OTHER_RUNS = 5  # of the same split, that a run of one network is compared with


class ComparisonView(ResultView):
    """Which networks differ: of the run, or where it has one only, of it and other runs on the same split."""

    def compose(self) -> ComposeResult:
        """Yield what choosing is worth, and the pairs."""
        yield from super().compose()
        yield BigTable(id="pairs", empty="")

    def key(self) -> object:
        """Return what the pairs depend on."""
        return self.metric

    async def figures(self) -> Mapping[str, Any] | None:
        """Have `aimic compare` test every pair: that takes seconds of a processor."""
        assert self.results is not None
        workspace = cast("Shell", self.app).workspace
        runs = [self.results.folder.path]
        if len(self.results.networks) < 2:
            runs += await asyncio.to_thread(same_split, workspace, runs[0])
            if len(runs) < 2:
                return None
        names = [str(run) for run in runs]
        line = command_line(workspace.root, "compare", "--json", "--metric", self.metric, "--", *names)
        outcome = await run_command(line)
        if outcome.code != 0:
            raise InputProblem(outcome.sentence)
        found: Mapping[str, Any] = json.loads(outcome.stdout)
        return found

    def draw(self, found: Mapping[str, Any] | None) -> None:
        """Write what choosing is worth and the pairs."""
        assert self.results is not None
        if found is None:
            run = printable(self.results.folder.name)
            self.tell(
                f"Nothing to compare it with. Train another network on the same split: --set split.from={run}, or "
                "several in one run."
            )
            self.query_one("#pairs", BigTable).show([], 0)
            return
        self.tell(Content("\n").join(chosen_lines(self.results.figures, self.metric)))
        pairs = found["pairs"]
        columns = [
            Column("pair", "pair", [f"{pair['a']} − {pair['b']}" for pair in pairs], printable),
            Column(
                "difference",
                "difference",
                [{**pair, "value": pair["difference"]} for pair in pairs],
                interval_cell,
                width=21,
            ),
            Column("p", "p adjusted", [pair["p_adjusted"] for pair in pairs], p_value, "right", 10),
            Column("mcnemar", "McNemar", [pair["mcnemar"]["p_adjusted"] for pair in pairs], p_value, "right", 9),
            Column("t", "over folds", [pair["corrected_t"]["p_adjusted"] for pair in pairs], p_value, "right", 10),
            Column("verdict", "verdict", [pair["verdict"] for pair in pairs], printable),
        ]
        self.query_one("#pairs", BigTable).show(columns, len(pairs))


def same_split(workspace: Workspace, run: Path) -> list[Path]:
    """Return the newest other runs of a workspace whose images are split in the very same way, some at most."""
    try:
        split = (run / "split.csv").read_bytes()
    except OSError:
        return []
    found = []
    for folder in workspace.runs():
        try:
            same = folder.path != run and folder.split_file.read_bytes() == split
        except OSError:
            continue
        if same and any(folder.trials_folder.glob("*/*/predictions.csv")):
            found.append(folder.path)
    return found[:_OTHER_RUNS]


def chosen_lines(figures: Mapping[str, Any], metric: str) -> list[Content]:
    """Say what the best network's figure is worth: how it is flattered, and what choosing by other images gives."""
    lines: list[Content] = []
    for chosen in figures.get("chosen") or ():
        times = ", ".join(f"{printable(name)} {count}" for name, count in chosen["times"].items() if count)
        figure = chosen["pooled"][metric]
        lines.append(
            Content.assemble(
                ("Chosen in each fold ", "bold"),
                f"by its {chosen['by']}: {TITLES[metric]} ",
                (interval_text(figure["value"], figure["low"], figure["high"]), "bold"),
                f" · folds that took: {times}",
            )
        )
    lines.append(
        Content.styled(
            f"{TITLES[metric]} of the first less the second, on the same images; p adjusted for all pairs (Holm).",
            "$text-muted",
        )
    )
    lines.append(Content.styled(printable(figures["note"]), "$text-muted"))
    return lines


class GroupsView(ResultView):
    """Which patient, slide or smear a network fails on."""

    @dataclass
    class Opened(Message):
        """The images of a group are asked for."""

        group: str

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._groups: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Yield a sentence and the groups."""
        yield from super().compose()
        yield BigTable(id="groups", empty="")

    async def figures(self) -> tuple[list[GroupFigures], Sequence[str]]:
        """Judge each group by itself."""
        assert self.results is not None
        folder = self.results.folder
        network = await self.tested()
        confidence = float(self.results.figures["confidence"])
        found = await asyncio.to_thread(group_figures, network, confidence=confidence)
        return found, tested_run(folder.path, stamp_of_run(folder)).data.group_names

    def draw(self, found: tuple[list[GroupFigures], Sequence[str]]) -> None:
        """List the groups, the worst first."""
        assert self.results is not None
        rows, names = found
        level = 1 - float(self.results.figures["confidence"])
        worse = sum(row.p is not None and row.p <= level for row in rows)
        said = (
            f"{worse} of {plural(len(rows), 'group')} shown to be worse" if worse else "No group is shown to be worse"
        )
        self.tell(
            Content.assemble(
                (f"{SIGNS['attention']} " if worse else f"{SIGNS['finished']} ", "$warning" if worse else "$success"),
                (f"{said} than the others.", "bold"),
                (
                    "  Some group is always the worst: Fisher's exact test of each against all others, adjusted "
                    f"(Holm); none below {FEWEST_IMAGES} images. enter: its images.",
                    "$text-muted",
                ),
            )
            if rows
            else "Every image is a group by itself: there is none to fail as a whole."
        )
        self._groups = [names[row.group] for row in rows]

        def sign(row: GroupFigures) -> Cell:
            return (("!", "attention"),) if row.p is not None and row.p <= level else " "

        columns = [
            Column("worse", " ", rows, sign, width=1),
            Column("group", "group", self._groups, printable, keep_end=True),
            Column("images", "images", [row.images for row in rows], "{:,}".format, "right", 7, descending=True),
            Column("wrong", "wrong", [row.wrong for row in rows], "{:g}".format, "right", 7, descending=True),
            Column(
                "accuracy",
                "accuracy (Wilson)",
                [vars(row.accuracy) for row in rows],
                interval_cell,
                width=20,
                sort_by=[f"{row.accuracy.value or 0:.6f}" for row in rows],
            ),
            Column("p", "p adjusted", [row.p for row in rows], p_value, "right", 10),
        ]
        self.query_one("#groups", BigTable).show(columns, len(rows))

    @on(RowSelected, "#groups")
    def _selected(self, event: RowSelected) -> None:
        event.stop()
        self.post_message(self.Opened(self._groups[event.row]))


class CostView(ResultView):
    """Which network when resources are short: merit against cost, and the networks that none beats in both."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._at = 0
        self._costs: list[Cost] = []

    def compose(self) -> ComposeResult:
        """Yield a sentence, a chart of one cost, and all of them in a table."""
        yield from super().compose()
        with Horizontal():
            yield BigTable(id="costs", empty="")
            yield Chart(ChartData("merit"), id="front")

    def key(self) -> object:
        """Return what the costs depend on: the run alone."""
        return ""

    async def figures(self) -> list[Cost]:
        """Read what the networks cost."""
        assert self.results is not None
        return await asyncio.to_thread(_costs_of, self.results.folder.path)

    def again(self) -> None:
        """Draw the next cost."""
        if self._costs:
            self._at = (self._at + 1) % len(self._costs)
            self.draw(self._costs)

    def draw(self, found: list[Cost]) -> None:
        """Draw merit against one cost, and write all."""
        assert self.results is not None
        self._costs, names = found, self.results.networks
        if not found:
            self.tell("There is one network only, or nothing is known of what two of them cost.")
            self.query_one("#costs", BigTable).show([], 0)
            self.query_one("#front", Chart).show(ChartData("", empty=""))
            return
        lower = self.metric in LOWER_IS_BETTER
        merits = {name: self.results.interval(name, self.metric)[0] for name in names}
        fronts = [front(merits, cost, lower_is_better=lower) for cost in found]
        cost, kept = found[self._at % len(found)], fronts[self._at % len(found)]
        self.tell(
            Content.assemble(
                ("◆ ", "$primary"),
                f"no other is as good in {TITLES[self.metric]} and as cheap, and better in one of the two. By ",
                (cost.title, "bold"),
                f": {', '.join(map(printable, kept))}. ",
                (f"{cost.source[:1].upper()}{cost.source[1:]}. i: the next cost.", "$text-muted"),
            )
        )
        figures = [
            dict(zip(("value", "low", "high"), self.results.interval(name, self.metric), strict=True)) for name in names
        ]
        columns = [
            Column("network", "network", names, printable, width=22),
            Column("merit", TITLES[self.metric], figures, interval_cell, width=20),
        ]
        first = self._at % len(found)
        for index in [*range(first, len(found)), *range(first)]:  # the one that is drawn stands first
            one, of = found[index], fronts[index]
            cells = [(one.values.get(name), name in of) for name in names]
            columns.append(Column(f"cost-{index}", one.title, cells, _cost, "right", max(10, min(len(one.title), 22))))
        self.query_one("#costs", BigTable).show(columns, len(names))
        known = {
            name: (cost.values[name], merit)
            for name, merit in merits.items()
            if merit is not None and name in cost.values
        }
        line = sorted(known[name] for name in kept)
        points = [Series(name, (x,), (y,), "first" if name in kept else "second") for name, (x, y) in known.items()]
        spread = [Series("front", [x for x, _ in line], [y for _, y in line], "faint")] if len(line) > 1 else []
        self.query_one("#front", Chart).show(
            ChartData(f"{TITLES[self.metric]} over {cost.title}", (*spread, *points), log_x=True)
        )


def _cost(cell: tuple[float | None, bool]) -> Cell:
    value, kept = cell
    return ((three_figures(value), "strong" if kept else ""), (" ◆" if kept else "  ", "primary"))


def _costs_of(run: Path) -> list[Cost]:
    from aimic_tui.engine.run_folder import RunFolder

    folder = RunFolder(run)
    timings = read_timings(run.absolute().parent.parent)
    tested = tested_run(run, stamp_of_run(folder))
    # What a report reads beside this (comparisons, sizes) takes long and has no say in costs.
    record = RunRecord(folder, tested, read_results(run), None, RunFollower(folder).snapshot(), {}, timings, None)
    return network_costs(record)

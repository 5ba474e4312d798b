"""How robust a network is: the losses that `aimic robustness` found, and that command started from the app."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.content import Content

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.formatting.numbers import interval_text
from aimic_tui.engine.holm import holm
from aimic_tui.engine.inference.loss import two_sided_p
from aimic_tui.engine.inference.robustness_file import DisturbedFigures, NetworkRobustness, read_network_robustness
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.progress import phase_words, progress_figures
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.followed_command import follow_command
from aimic_tui.workspace.results_session import ResultsSession

CONFIDENCE = 0.95  # of the intervals in robustness.json

# Disturbances as one sees them, and the order they are listed in; those with two sides by whether they are above 1.
_ONE_SIDE = {"blur": "blur", "noise": "noise", "contrast": "less contrast", "jpeg": "JPEG"}
_TWO_SIDES = {"brightness": ("darker", "brighter"), "stain": ("redder stain", "bluer stain")}
_KINDS = (*_ONE_SIDE.values(), *(side for sides in _TWO_SIDES.values() for side in sides))


class RobustnessView(ComputedView["NetworkRobustness | None"]):
    """What a network's figures lose when its test images are disturbed."""

    NAME: ClassVar[str] = "robustness"
    KEY: ClassVar[str] = "z"
    TITLE: ClassVar[str] = "Robust"
    TOOLTIP: ClassVar[str] = "What blur, noise, light and stain cost; again: test it"
    FOCUS: ClassVar[str] = "#losses"

    def compose(self) -> ComposeResult:
        """Yield a sentence and the losses."""
        yield from super().compose()
        yield BigTable(id="losses", empty="")

    async def compute(self, session: ResultsSession) -> NetworkRobustness | None:
        """Read what `aimic robustness` stored."""
        return await asyncio.to_thread(read_network_robustness, session.folder.path, self.network)

    def draw(self, found: NetworkRobustness | None) -> None:
        """List the losses, or say how to have them measured."""
        table = self.query_one("#losses", BigTable)
        self.set_class(found is None, "-only-words")
        if found is None:
            self.show_words(self._how_to_test())
            table.show([], 0)
            return
        order = {kind: index for index, kind in enumerate(_KINDS)}
        rows = sorted(found.rows, key=lambda row: order.get(name_of(row), len(order)))
        differences = [row.differences[self.metric] for row in rows]
        shown = losses_shown(differences, self.metric, found.groups)
        self.show_words(Content("\n").join(_summary(found, rows, shown, self.metric)))
        columns = [
            Column("kind", "disturbance", [name_of(row) for row in rows], printable, width=13, stays=True),
            Column("strength", "step", [row.strength for row in rows], str, "right", 4, stays=True),
            Column(
                "loss",
                "change",
                list(zip(differences, shown, strict=True)),
                _change_cell,
                width=20,
                sort_by=[f"{1 + (difference.value or 0):.6f}" for difference in differences],
            ),
            Column("figure", TITLES[self.metric], [row.figures[self.metric] for row in rows], interval_cell, width=18),
            Column("amount", "what was done", [row.amount for row in rows], printable, width=45),
        ]
        table.show(columns, len(rows))

    def _how_to_test(self) -> Content:
        assert self.session is not None
        command = run_command("robustness", self.session.folder, options=["--network", self.network])
        return Content.assemble(
            "Not tested yet. ",
            ("z", "bold $primary"),
            " starts ",
            (command, "bold"),
            ": each fold's model classifies its test images blurred, noisy, darker, brighter, stained differently and "
            "compressed. It takes about as long as a dozen predictions of all images.",
        )

    def show_next(self) -> None:
        """Have the network tested where it was not yet, in a process that ends with the app."""
        if self.session is None or self.found is not None or not cast("Place", self.screen).may_change("start a test"):
            return
        if problem := folder_problem(self.session.folder.path, locks=False):
            command = run_command("robustness", self.session.folder, options=["--output", "FILE"])
            self.show_words(
                Content(f"The figures can't be kept with the run: {problem} {command} keeps them elsewhere.")
            )
            return
        if not any(worker.group == "test" and worker.is_running for worker in self.workers if worker.node is self):
            self._test(self.session.folder.path, self.network)

    @work(group="test", exit_on_error=False)
    async def _test(self, run: Path, network: str) -> None:
        shell = cast("Shell", self.app)

        def show_progress(progress: Progress) -> None:
            if network == self.network:
                words = f"{SIGNS['running']} {phase_words(progress.phase)} {progress_figures(progress)}"
                self.show_words(Content(words.rstrip()))

        self.show_words(Content(f"{SIGNS['running']} starting"))
        arguments = f"--network={network}", "--", str(run)
        try:
            answer = await follow_command(shell.workspace.root, "robustness", *arguments, report=show_progress)
        except OSError as problem:
            shell.tell(f"The test can't be started: {problem}.", "error")
        else:
            if answer.error is not None:
                shell.tell(answer.error.sentence, "error")
        self.refresh_network()


def name_of(row: DisturbedFigures) -> str:
    """Return what a disturbance does to an image, in a word or two."""
    if row.kind in _TWO_SIDES:
        return _TWO_SIDES[row.kind][row.value > 1]
    return _ONE_SIDE.get(row.kind, row.kind)


def losses_shown(differences: Sequence[Interval], metric: str, groups: int) -> list[bool]:
    """Tell which changes of a figure are shown to be for the worse, adjusted for being so many (Holm)."""
    p = holm([two_sided_p(each, groups - 1, CONFIDENCE) for each in differences])
    worse = [each.value is not None and (each.value > 0) == (metric in LOWER_IS_BETTER) for each in differences]
    return [bad and value is not None and value <= 1 - CONFIDENCE for bad, value in zip(worse, p, strict=True)]


def _change_cell(change: tuple[Interval, bool]) -> Cell:
    figure, shown = change
    words = interval_text(figure.value, figure.low, figure.high)
    words = f"+{words}" if words[:1].isdigit() else words
    return ((words, "attention" if shown else ""),)


def _summary(
    found: NetworkRobustness, rows: Sequence[DisturbedFigures], shown: Sequence[bool], metric: str
) -> Iterator[Content]:
    """Say from which step on each disturbance is shown to cost something."""
    yield Content.styled(_costs(rows, shown, metric), "bold")
    clean = found.clean[metric]
    unreadable = f" {plural(found.unreadable, 'image')} could not be read." if found.unreadable else ""
    yield Content.styled(
        f"Change: disturbed minus undisturbed. Undisturbed {interval_text(clean.value, clean.low, clean.high)}, on "
        f"{plural(found.images, 'test image')} of {plural(found.groups, 'group')}.{unreadable} Shown: p below 0.05, "
        f"adjusted for {plural(len(rows), 'disturbance')} (Holm).",
        "$text-muted",
    )


def _costs(rows: Sequence[DisturbedFigures], shown: Sequence[bool], metric: str) -> str:
    title = TITLES[metric]
    if all(row.differences[metric].low is None for row in rows):
        return f"Changes in {title} have no interval: whether any of them is a loss can't be told."
    from_step = _first_costly_steps(rows, shown)
    harmless = from_step.pop(0, [])
    if not from_step:
        return f"No disturbance is shown to cost {title}."
    costly = "; ".join(f"{', '.join(names)} from step {step}" for step, names in sorted(from_step.items()))
    return f"Shown to cost {title}: {costly}." + (f" Not shown: {', '.join(harmless)}." if harmless else "")


def _first_costly_steps(rows: Sequence[DisturbedFigures], shown: Sequence[bool]) -> dict[int, list[str]]:
    """Return step -> the disturbances that are shown to cost something from it on; step 0: those that never are."""
    steps: dict[int, list[str]] = {}
    for name in dict.fromkeys(map(name_of, rows)):
        costly = [row.strength for row, costs in zip(rows, shown, strict=True) if costs and name_of(row) == name]
        steps.setdefault(min(costly, default=0), []).append(name)
    return steps

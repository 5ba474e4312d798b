"""What disturbs a network: the losses that `aimic robustness` found, and that command started from the app."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from textual import work
from textual.app import ComposeResult
from textual.content import Content

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.inference.robustness_file import read_robustness
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.screens.results.result_view import ResultView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.numbers import interval_text
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.processes import Outcome, command_line, start_command

# Disturbances as one sees them, and the order they are listed in; those with two sides by whether they are above 1.
_ONE_SIDE = {"blur": "blur", "noise": "noise", "contrast": "less contrast", "jpeg": "JPEG"}
_TWO_SIDES = {"brightness": ("darker", "brighter"), "stain": ("redder stain", "bluer stain")}
_KINDS = (*_ONE_SIDE.values(), *(side for sides in _TWO_SIDES.values() for side in sides))


class RobustnessView(ResultView):
    """What a network's figures lose when its test images are disturbed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._measured = False

    def compose(self) -> ComposeResult:
        """Yield a sentence and the losses."""
        yield from super().compose()
        yield BigTable(id="losses", empty="")

    async def figures(self) -> Mapping[str, Any]:
        """Read what `aimic robustness` kept."""
        assert self.results is not None
        found: Mapping[str, Any] = await asyncio.to_thread(read_robustness, self.results.folder.path)
        return found.get(self.network) or {}

    def draw(self, found: Mapping[str, Any]) -> None:
        """List the losses, or say how to have them made."""
        assert self.results is not None
        table = self.query_one("#losses", BigTable)
        self._measured = bool(found)
        self.set_class(not found, "-only-words")
        if not found:
            run = printable(self.results.folder.name)
            self.tell(
                Content.assemble(
                    "Nobody has disturbed this network's images yet. ",
                    (f"aimic robustness {run} --network {printable(self.network)}", "bold"),
                    " does: every fold's model sees its test images blurred, noisy, lighter, stained otherwise and "
                    "compressed. It takes as long as some dozen predictions of all images. ",
                    ("z", "bold $primary"),
                    " starts it from here.",
                )
            )
            table.show([], 0)
            return
        order = {kind: place for place, kind in enumerate(_KINDS)}
        rows = sorted(found["rows"], key=lambda row: order.get(name_of(row), len(order)))
        self.tell(Content("\n").join(_summary(found, rows, self.metric)))
        columns = [
            Column("kind", "disturbance", [name_of(row) for row in rows], printable, width=13, stays=True),
            Column("strength", "step", [row["strength"] for row in rows], str, "right", 4, stays=True),
            Column(
                "loss",
                "change",
                [row["differences"][self.metric] for row in rows],
                self._change,
                width=20,
                sort_by=[f"{1 + (row['differences'][self.metric]['value'] or 0):.6f}" for row in rows],
            ),
            Column(
                "figure", TITLES[self.metric], [row["figures"][self.metric] for row in rows], interval_cell, width=18
            ),
            Column("amount", "what was done", [row["amount"] for row in rows], printable, width=45),
        ]
        table.show(columns, len(rows))

    def _change(self, figure: Mapping[str, float | None]) -> Cell:
        words = interval_text(figure["value"], figure["low"], figure["high"])
        words = f"+{words}" if words[:1].isdigit() else words
        return ((words, "attention" if is_loss(figure, self.metric) else ""),)

    def again(self) -> None:
        """Have the test images disturbed where they never were, in a process that ends with the app."""
        shell = cast("Shell", self.app)
        if self.results is None or self._measured:
            return
        if shell.read_only:
            shell.tell("This is a read-only look: nothing can be started here. Open aimic without --read-only.")
        elif not any(worker.group == "disturb" and worker.is_running for worker in self.workers if worker.node is self):
            self._disturb(self.results.folder.path, self.network)

    @work(group="disturb", exit_on_error=False)
    async def _disturb(self, run: Path, network: str) -> None:
        shell = cast("Shell", self.app)
        with tempfile.TemporaryDirectory(prefix="aimic-robustness-") as folder:
            said = Path(folder) / "said"
            line = command_line(shell.workspace.root, "robustness", "--network", network, "--", str(run))
            try:
                process = start_command(line, said, said)
            except OSError as problem:
                shell.tell(f"It can't be started: {problem}.", "error")
                return
            try:
                while process.poll() is None:
                    await asyncio.sleep(0.5)
                    words = (await asyncio.to_thread(said.read_text, "utf-8", "replace")).splitlines()
                    if network == self.network:
                        self.tell(Content(f"{SIGNS['running']} {one_line(words[-1], 100) if words else 'starting'}"))
            finally:
                if process.poll() is None:
                    process.terminate()
            words_at_end = await asyncio.to_thread(said.read_text, "utf-8", "replace")
        if process.returncode != 0:
            shell.tell(Outcome(process.returncode, "", words_at_end).sentence, "error")
        self.forget()
        if self.results is not None:
            self.show_network(self.results, self.network, self.metric)


def name_of(row: Mapping[str, Any]) -> str:
    """Return what a disturbance does to a picture, in a word or two; `row` is one of robustness.json."""
    kind, value = str(row["kind"]), float(row["value"])
    if kind in _TWO_SIDES:
        return _TWO_SIDES[kind][value > 1]
    return _ONE_SIDE.get(kind, kind)


def is_loss(figure: Mapping[str, float | None], metric: str) -> bool:
    """Tell whether a change {value, low, high} of a figure is shown to be one for the worse."""
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        return False
    return low > 0 if metric in LOWER_IS_BETTER else high < 0


def _summary(found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], metric: str) -> Iterator[Content]:
    """Say from which step on each disturbance is shown to cost something."""
    from_step: dict[int, list[str]] = {}
    for name in dict.fromkeys(name_of(row) for row in rows):
        costs = [
            row["strength"] for row in rows if name_of(row) == name and is_loss(row["differences"][metric], metric)
        ]
        from_step.setdefault(min(costs, default=0), []).append(name)
    harmless = from_step.pop(0, [])
    said = [f"from step {step} {', '.join(names)}" for step, names in sorted(from_step.items())]
    if all(row["differences"][metric]["low"] is None for row in rows):
        shown = f"No change in {TITLES[metric]} can be given an interval: none is shown."
    elif said:
        shown = f"Shown to cost {TITLES[metric]}: {'; '.join(said)}." + (
            f" Not shown for {', '.join(harmless)}." if harmless else ""
        )
    else:
        shown = f"Nothing is shown to cost {TITLES[metric]}."
    yield Content.styled(shown, "bold")
    clean = found["clean"][metric]
    images = f"{plural(found['images'], 'test image')} of {plural(found['groups'], 'group')}"
    unreadable = f" {plural(found['unreadable'], 'image')} could not be read." if found.get("unreadable") else ""
    yield Content.styled(
        "Change: disturbed less undisturbed, paired; bootstrap over groups, BCa. Undisturbed "
        f"{interval_text(clean['value'], clean['low'], clean['high'])}, {images}.{unreadable}",
        "$text-muted",
    )

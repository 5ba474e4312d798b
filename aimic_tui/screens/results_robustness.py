"""What disturbs a network: the losses that `aimic robustness` found, and that command started from the app."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from textual import work
from textual.app import ComposeResult
from textual.content import Content

from aimic_tui.context import Shell
from aimic_tui.engine.evaluation.titles import TITLES
from aimic_tui.engine.inference.kept_robustness import read_robustness
from aimic_tui.engine.text import one_line, printable
from aimic_tui.process import Outcome, command_line, start_command
from aimic_tui.screens.results_view import ResultView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording import SIGNS, interval_text, number, plural


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
        clean, rows = found["clean"], found["rows"]
        self.tell(
            Content.styled(
                f"{plural(found['images'], 'test image')} of {plural(found['groups'], 'group')}, disturbed. "
                f"Undisturbed: {TITLES[self.metric]} {number(clean[self.metric]['value'])}.",
                "$text-muted",
            )
        )
        columns = [
            Column("kind", "disturbance", [row["kind"] for row in rows], printable, width=14),
            Column("strength", "strength", [row["strength"] for row in rows], str, "right", 8),
            Column("amount", "amount", [row["amount"] for row in rows], printable, width=22),
            Column(
                "figure",
                TITLES[self.metric],
                [row["figures"][self.metric] for row in rows],
                interval_cell,
                width=20,
                sort_by=[f"{row['figures'][self.metric]['value'] or 0:.6f}" for row in rows],
            ),
            Column("loss", "change", [row["differences"][self.metric] for row in rows], _loss, width=23),
        ]
        table.show(columns, len(rows))

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


def _loss(figure: Mapping[str, float | None]) -> Cell:
    shown = figure["low"] is not None and figure["high"] is not None and (figure["low"] > 0 or figure["high"] < 0)
    words = interval_text(figure["value"], figure["low"], figure["high"])
    return ((words, "attention" if shown else ""),)

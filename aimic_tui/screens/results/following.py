"""What the Results place reads of a run, beside the event loop: its figures as they grow, and every image's answers."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from textual import work
from textual.message import Message

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.screens.results.error_review import ReviewPlace
from aimic_tui.workspace.network_opinions import Opinions, read_opinions
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.run_results import (
    Judged,
    RunResults,
    has_predictions,
    read_judged,
    read_results,
    results_from,
    stamp_of_run,
)

_PAUSE = 2.0  # seconds between two looks at a run that is going on


class FollowingPlace(ReviewPlace):
    """A place that follows a run; a subclass shows what was read."""

    class Read(Message):
        """Figures were read (None: no trial is finished), or a sentence says why they could not be."""

        def __init__(self, folder: RunFolder, results: RunResults | None, problem: str = "") -> None:
            super().__init__()
            self.folder = folder
            self.results = results
            self.problem = problem

    class JudgedRead(Message):
        """What a network said about each image was read."""

        def __init__(self, network: str, judged: Judged | None, problem: str = "") -> None:
            super().__init__()
            self.network = network
            self.judged = judged
            self.problem = problem

    class OpinionsRead(Message):
        """What all networks say together was read."""

        def __init__(self, folder: RunFolder, opinions: Opinions) -> None:
            super().__init__()
            self.folder = folder
            self.opinions = opinions

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self, folder: RunFolder) -> None:
        seen: object = None
        while True:
            mark = stamp_of_run(folder)
            if mark != seen:
                first, seen = seen is None, mark
                try:
                    results = await asyncio.to_thread(read_results, folder)
                    if results is None and await asyncio.to_thread(has_predictions, folder):
                        if first:
                            self.post_message(self.Read(folder, None, "Making the figures from the predictions ..."))
                        results = await self._made_anew(folder)
                    self.post_message(self.Read(folder, results))
                except AimicError as problem:
                    self.post_message(self.Read(folder, None, problem.sentence))
            await asyncio.sleep(_PAUSE)

    async def _made_anew(self, folder: RunFolder) -> RunResults | None:
        """Have the figures made from the predictions: the run's own file of them is missing or damaged."""
        outcome = await run_command(
            command_line(self.shell.workspace.root, "results", str(folder.path), "--json"),
        )
        if outcome.code != 0:
            raise InputProblem(outcome.sentence)
        return results_from(folder, read_status(folder), json.loads(outcome.stdout))

    @work(group="opinions", exclusive=True, exit_on_error=False)
    async def _read_opinions(self, folder: RunFolder) -> None:
        with suppress(AimicError):  # what is wrong was said when the figures were read
            opinions = await asyncio.to_thread(read_opinions, folder.path, stamp_of_run(folder))
            self.post_message(self.OpinionsRead(folder, opinions))

    @work(group="judged", exclusive=True, exit_on_error=False)
    async def _read_judged(self, folder: RunFolder, network: str) -> None:
        try:
            self.post_message(self.JudgedRead(network, await asyncio.to_thread(read_judged, folder, network)))
        except AimicError as problem:
            self.post_message(self.JudgedRead(network, None, problem.sentence))

"""A run's results as one person looks through them: its figures as they grow, its answers about images, its views.

Nothing here draws. Whatever takes long runs in a thread or, where it would take a processor for seconds, as a command
of its own; what was computed once is remembered until the run goes on.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from aimic_tui.engine.bounded_files import TABLE_LIMIT, DamagedFile, read_bounded
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.evaluation.class_calibration import ClassCalibrationCurves, class_curves_of
from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups
from aimic_tui.engine.evaluation.curves import ClassCurves, class_curves
from aimic_tui.engine.evaluation.decision import Decision, decision_of
from aimic_tui.engine.evaluation.opinions import Opinions, opinions_of
from aimic_tui.engine.evaluation.pareto import Cost
from aimic_tui.engine.evaluation.results_file import results_from_json
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.evaluation.run_results import NetworkResults, RunResults
from aimic_tui.engine.evaluation.run_subgroups import read_run_columns, subgroup_columns
from aimic_tui.engine.evaluation.stored_results import read_stored_results
from aimic_tui.engine.evaluation.subgroups import GroupFigures, group_figures
from aimic_tui.engine.files import Stamp, stamp_of
from aimic_tui.engine.inference.timings import read_timings
from aimic_tui.engine.report.network_costs import network_costs
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.status import RunStatus, read_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.image_answers import ImageAnswers, answers_of
from aimic_tui.workspace.paired_comparison import PairedComparison, comparison_from_json
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.run_subgroups import subgroups_from_json

_PAUSE = 2.0  # seconds between two looks at a run that is going on
_MOST_REMEMBERED = 32
_OTHER_RUNS = 5  # on the same split, that a run of one network is compared with

Result = TypeVar("Result")


@dataclass(frozen=True)
class ResultsUpdate:
    """A change of a run's figures or of its state.

    Attributes:
        results: None where no trial is finished, or where they can't be read.
        message: why there are none, in a sentence; empty where the run has not come so far.
    """

    results: RunResults | None
    message: str = ""


class ResultsSession:
    """One run's results.

    Attributes:
        results: the figures as they were read last, None before.
        status: the run's state at that time.
        read_stamp: changes whenever they were read anew.
    """

    def __init__(self, folder: RunFolder, workspace: Workspace, pause: float = _PAUSE) -> None:
        """Make a session that has read nothing yet.

        Args:
            folder: the run's.
            workspace: whose other runs it may be compared with, and which commands are run in.
            pause: seconds between two looks at the run.
        """
        self.folder, self.workspace = folder, workspace
        self.results: RunResults | None = None
        self.status: RunStatus | None = None
        self.read_stamp: object = None
        self._pause = pause
        self._tasks: OrderedDict[Hashable, asyncio.Future[object]] = OrderedDict()

    @property
    def stamp(self) -> tuple[Stamp, Stamp]:
        """What changes when the run's figures or its state do."""
        return stamp_of(self.folder.results_file), stamp_of(self.folder.status_file)

    @property
    def figures(self) -> RunResults:
        """The figures, for who is shown only where there are some."""
        assert self.results is not None
        return self.results

    def network(self, name: str) -> NetworkResults:
        """Return a network's figures."""
        return self.figures.networks[name]

    # -- following the run

    async def follow(self) -> AsyncIterator[ResultsUpdate]:
        """Yield the figures as they are now, and again whenever they or the run's state change; never ends."""
        seen: object = None
        while True:
            stamp = self.stamp
            if stamp != seen:
                first, seen = seen is None, stamp
                try:
                    self.status = await asyncio.to_thread(read_status, self.folder)
                    results = await asyncio.to_thread(read_stored_results, self.folder)
                    if results is None and stamp == self.read_stamp:
                        results = self.results  # computed before, and nothing has changed since
                    if results is None and await asyncio.to_thread(self.folder.has_predictions):
                        if first:
                            yield ResultsUpdate(None, "Computing the figures from the predictions ...")
                        results = await self._compute_results()
                    self.results = results if results is not None and results.networks else None
                    self.read_stamp = stamp
                    yield ResultsUpdate(self.results)
                except AimicError as problem:
                    yield ResultsUpdate(None, problem.sentence)
            await asyncio.sleep(self._pause)

    async def _compute_results(self) -> RunResults:
        """Have the figures computed: the run's own file of them is missing, damaged or of an earlier version."""
        line = command_line(self.workspace.root, "results", str(self.folder.path), "--json")
        return results_from_json(await _json_of(line))

    # -- what the networks answered

    async def tested(self) -> RunPredictions:
        """Read the predictions for the test images.

        Raises:
            InputProblem: a file is missing or damaged.
        """
        return await self._once(("tested",), lambda: asyncio.to_thread(read_run_predictions, self.folder.path))

    async def answers(self, network: str) -> ImageAnswers:
        """Return what a network answered about each test image; raises as `tested`."""
        tested = await self.tested()
        return await self._once(("answers", network), lambda: asyncio.to_thread(answers_of, tested, network))

    async def opinions(self) -> Opinions:
        """Return what all networks say together about each test image; raises as `tested`."""
        tested = await self.tested()
        return await self._once(("opinions",), lambda: asyncio.to_thread(opinions_of, tested))

    # -- what the views show

    async def curves(self, network: str) -> tuple[list[ClassCurves | None], ClassCurves | None]:
        """Return a network's ROC and precision-recall curves of each class, and of their mean; raises as `tested`."""
        found, confidence = await self._tested_network(network), self.figures.confidence
        return await self._once(
            ("curves", network), lambda: asyncio.to_thread(class_curves, found, confidence=confidence)
        )

    async def decision(self, network: str, positive: int) -> Decision:
        """Return the decision curve of a class (its code) against the rest; raises as `tested`."""
        tested, found = await self.tested(), await self._tested_network(network)
        path, confidence = self.folder.path, self.figures.confidence
        return await self._once(
            ("decision", network, positive),
            lambda: asyncio.to_thread(decision_of, path, tested, found, positive=positive, confidence=confidence),
        )

    async def class_calibration(self, network: str, positive: int) -> ClassCalibrationCurves:
        """Return the calibration curves of a class (its code) against the rest; raises as `tested`."""
        tested, found = await self.tested(), await self._tested_network(network)
        path, confidence = self.folder.path, self.figures.confidence
        return await self._once(
            ("class calibration", network, positive),
            lambda: asyncio.to_thread(class_curves_of, path, tested, found, positive=positive, confidence=confidence),
        )

    async def groups(self, network: str) -> Mapping[str, GroupFigures]:
        """Return a network's figures in each group of images, the worst group first; raises as `tested`."""
        tested, found = await self.tested(), await self._tested_network(network)
        confidence = self.figures.confidence
        rows = await self._once(
            ("groups", network), lambda: asyncio.to_thread(group_figures, found, confidence=confidence)
        )
        return {tested.data.group_names[row.group]: row for row in rows}

    async def columns(self) -> list[str]:
        """Return the further columns of the run's manifest that make subgroups; none where there is no manifest."""
        tested = await self.tested()
        return await self._once(("columns",), lambda: asyncio.to_thread(_columns_of, tested))

    async def subgroups(self, network: str, column: str) -> ColumnSubgroups:
        """Return a network's figures in subgroups by a column of the run's manifest.

        Raises:
            InputProblem: the manifest is missing or damaged.
        """
        line = command_line(
            self.workspace.root, "results", "--by", column, "--network", network, "--json", str(self.folder.path)
        )

        async def evaluate() -> ColumnSubgroups:
            return subgroups_from_json(await _json_of(line), network)

        return await self._once(("subgroups", network, column), evaluate)

    async def comparison(self, metric: str) -> PairedComparison | None:
        """Test the difference of every two networks of the run or, where it has one, of it and runs on the same split.

        Returns:
            None where there is nothing to compare with.

        Raises:
            InputProblem: a file is missing or damaged.
        """
        runs = [self.folder.path]
        if len(self.figures.networks) < 2:
            runs += await asyncio.to_thread(runs_on_same_split, self.workspace, self.folder)
            if len(runs) < 2:
                return None
        names = [str(run) for run in runs]
        line = command_line(self.workspace.root, "compare", "--json", "--metric", metric, "--", *names)

        async def compare() -> PairedComparison:
            return comparison_from_json(await _json_of(line))

        return await self._once(("comparison", metric), compare)

    async def costs(self) -> list[Cost]:
        """Return what the networks cost, each kind of cost that is known of two of them or more; raises as `tested`."""
        return await self._once(("costs",), lambda: asyncio.to_thread(_costs_of, self.folder, self.figures))

    # -- remembering

    async def _tested_network(self, name: str) -> NetworkPredictions:
        return next(network for network in (await self.tested()).networks if network.name == name)

    async def _once(self, key: tuple[Hashable, ...], compute: Callable[[], Awaitable[Result]]) -> Result:
        """Compute something, or return what was computed since the run changed last.

        A computation that nobody waits for any longer goes on, so that coming back to a view does not begin it anew.
        """
        whole = (self.stamp, *key)
        task = self._tasks.get(whole)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._tasks[whole] = asyncio.ensure_future(cast("Awaitable[object]", compute()))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it
            while len(self._tasks) > _MOST_REMEMBERED:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(whole)
        return cast("Result", await asyncio.shield(task))


def _columns_of(run: RunPredictions) -> list[str]:
    try:
        found = subgroup_columns(read_run_columns(run), run)
    except InputProblem:
        return []
    return [column for column in found if column != "group"]  # which asks the command for the run's own groups


async def _json_of(line: list[str]) -> object:
    """Run a command, and return what it printed.

    Raises:
        InputProblem: it failed, or printed something else.
    """
    outcome = await run_command(line)
    if outcome.code != 0:
        raise InputProblem(outcome.error.sentence)
    found: object = json.loads(outcome.stdout)
    return found


def runs_on_same_split(workspace: Workspace, folder: RunFolder) -> list[Path]:
    """Return the newest other runs of a workspace whose images are split in the very same way, some at most."""
    try:
        split = read_bounded(folder.split_file, TABLE_LIMIT)
    except (OSError, DamagedFile):
        return []
    found: list[Path] = []
    for other in workspace.runs():
        try:
            same = (
                other.path != folder.path
                and other.split_file.stat().st_size == len(split)
                and read_bounded(other.split_file, TABLE_LIMIT) == split
            )
        except (OSError, DamagedFile):
            continue
        if same and other.has_predictions():
            found.append(other.path)
    return found[:_OTHER_RUNS]


def _costs_of(folder: RunFolder, results: RunResults) -> list[Cost]:
    workspace = Workspace.of_run(folder).root
    return network_costs(folder, RunFollower(folder).snapshot(), list(results.networks), read_timings(workspace))

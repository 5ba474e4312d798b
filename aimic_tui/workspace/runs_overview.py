"""All runs of a workspace at a glance: what Home lists. Reads again only what changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.results_file import read_pooled_figure
from aimic_tui.engine.files import Stamp, is_locked, stamp_of
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, UnreadableStatus, confirmed, read_recorded
from aimic_tui.engine.workspace_folder import Workspace

if TYPE_CHECKING:
    from aimic_tui.engine.runs.follow.snapshot import RunFollower


@dataclass(frozen=True)
class Figure:
    """The macro F1 of a run, on its test parts.

    Attributes:
        value: of its one network; the best network's where there are several, which `networks` then says.
        low, high: the interval, None where there is none yet.
        lowest: the weakest network's value; equal to `value` for one network.
        spread: standard deviation over the finished folds, None with fewer than two or where there is an interval.
        networks: how many the figure is taken from.
        optimistic: the run's protocol chose by the test part.
    """

    value: float
    low: float | None = None
    high: float | None = None
    lowest: float = math.nan
    spread: float | None = None
    networks: int = 1
    optimistic: bool = False


@dataclass(frozen=True)
class RunRow:
    """One run as Home lists it; `fraction` (0 to 1) and `seconds_left` only while it is going on."""

    folder: RunFolder
    status: RunStatus
    fraction: float | None = None
    seconds_left: float | None = None
    figure: Figure | None = None

    @property
    def resumable(self) -> bool:
        """Whether it can be gone on with."""
        return self.status.state in ("interrupted", "stopped", "failed")


@dataclass(frozen=True)
class KnownStudy:
    """A study of the workspace, as Home names it; `alive`: a process is at work on it."""

    path: Path
    alive: bool


def known_studies(workspace: Workspace) -> tuple[KnownStudy, ...]:
    """Return the studies by name; only their folders and locks are looked at."""
    try:
        folders = sorted(path.parent for path in (workspace.root / "studies").glob("*/study.toml"))
        return tuple(KnownStudy(folder, is_locked(folder / "lock")) for folder in folders)
    except OSError:
        return ()


class Overview:
    """Reads all runs again and again. Not to be used from two threads at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._recorded: dict[Path, tuple[Stamp, RunStatus]] = {}
        self._figures: dict[Path, tuple[Stamp, Figure | None]] = {}
        self._followers: dict[Path, RunFollower] = {}
        self._rows: dict[Path, RunRow] = {}

    def read(self, *, figures: bool = True) -> tuple[RunRow, ...]:
        """Return the runs, newest first, those going on before the others.

        A row that did not change is the same object as before.

        Args:
            figures: also open the results, which takes longer the first time.
        """
        rows = []
        for folder in self._workspace.runs():
            row = self._row(folder, figures)
            before = self._rows.get(folder.path)
            rows.append(before if before == row and before is not None else row)
        self._rows = {row.folder.path: row for row in rows}
        return tuple(sorted(rows, key=lambda row: not row.status.alive))

    def _row(self, folder: RunFolder, figures: bool) -> RunRow:
        status = self._status(folder)
        if status.alive:
            from aimic_tui.engine.runs.follow.snapshot import RunFollower  # not on the way to Home where no run is on

            follower = self._followers.setdefault(folder.path, RunFollower(folder))
            snapshot = follower.snapshot()
            figure = _from_results(snapshot.macro_f1, snapshot.status) or _from_trials(snapshot)
            return RunRow(folder, snapshot.status, snapshot.fraction, snapshot.seconds_left, figure)
        self._followers.pop(folder.path, None)
        return RunRow(folder, status, figure=self._figure(folder, status, figures))

    def _status(self, folder: RunFolder) -> RunStatus:
        mark = stamp_of(folder.status_file)
        known = self._recorded.get(folder.path)
        if known is None or known[0] != mark:
            try:
                known = (mark, read_recorded(folder))
            except UnreadableStatus as problem:
                known = (mark, problem.status)
            self._recorded[folder.path] = known
        return confirmed(folder, known[1])

    def _figure(self, folder: RunFolder, status: RunStatus, look: bool) -> Figure | None:
        known = self._figures.get(folder.path)
        if not look:
            return known[1] if known else None
        mark = stamp_of(folder.results_file)
        if known is None or known[0] != mark:
            known = (mark, _from_results(read_pooled_figure(folder.results_file, "macro_f1") or {}, status))
            self._figures[folder.path] = known
        return known[1]


def _from_results(macro_f1: Mapping[str, Interval], status: RunStatus) -> Figure | None:
    """Take the figure from results.json: network -> macro F1 of all its test images; None where there is none."""
    found = [(figure.value, figure) for figure in macro_f1.values() if figure.value is not None]
    if not found:
        return None
    value, best = max(found, key=lambda one: one[0])
    return Figure(
        value=value,
        low=best.low,
        high=best.high,
        lowest=min(value for value, _ in found),
        networks=len(found),
        optimistic=status.protocol != "honest",
    )


def _from_trials(snapshot: Any) -> Figure | None:
    """Take the figure from the finished trials, while there are no results yet."""
    import statistics  # as above

    values: dict[str, list[float]] = {}
    for trial in snapshot.trials:
        if trial.key.inner:
            continue  # it tests what its fold trains on
        value = trial.test.get("macro_f1", math.nan)
        if math.isfinite(value):
            values.setdefault(trial.key.network, []).append(value)
    if not values:
        return None
    means = {network: statistics.fmean(figures) for network, figures in values.items()}
    best = max(means, key=lambda network: means[network])
    spread = statistics.stdev(values[best]) if len(values[best]) > 1 else None
    return Figure(
        value=means[best],
        lowest=min(means.values()),
        spread=spread,
        networks=len(means),
        optimistic=snapshot.status.protocol != "honest",
    )

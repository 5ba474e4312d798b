"""The studies of a workspace with their cells: what the Studies place shows. Reads again only what changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import Stamp, stamp_of
from aimic_tui.engine.runs.status import TrialStatus
from aimic_tui.engine.study.study_events import StudyEventReader
from aimic_tui.engine.study.study_file import Study, read_study
from aimic_tui.engine.study.study_folder import CellRuns, StudyFolder, runs_of_cell
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.runs_overview import Overview, RunRow, known_studies


@dataclass(frozen=True)
class CellRow:
    """A data set under a protocol, as far as it has come.

    Attributes:
        state: as a run's; "finished" where every network is tested on every fold.
        runs: those that count, oldest first.
        outdated: names of runs that were made with other settings.
        done: trials that are finished; `trials` is None where nobody can tell before the run is made.
        fraction: 0 to 1, of the work.
        checking: whether its images are being checked, before a run is created.
        problem: the sentence about why it could not be run, "" otherwise.
    """

    data: str
    protocol: str
    state: str
    runs: tuple[RunRow, ...] = ()
    outdated: tuple[str, ...] = ()
    done: int = 0
    trials: int | None = None
    fraction: float = 0.0
    checking: bool = False
    problem: str = ""

    @property
    def run(self) -> RunRow | None:
        """The run to look at: the one that is not finished, else the newest."""
        return next((run for run in self.runs if run.status.state != "finished"), self.runs[-1] if self.runs else None)

    @property
    def seconds_left(self) -> float | None:
        """Of the run that is going on, None where none is or nothing is known."""
        return next((run.seconds_left for run in self.runs if run.status.alive), None)


@dataclass(frozen=True)
class StudyRow:
    """One study.

    Attributes:
        state: as a run's.
        study: what it is asked to do, None where its file can't be read; `problem` then says why.
        cells: data sets in their order, the protocols of each together.
        when: of the last thing it told.
        sentence: why it failed, "" otherwise.
        tested: when figures of a run of it changed last, in nanoseconds; 0 where nothing is tested.
    """

    folder: StudyFolder
    state: str
    study: Study | None = field(default=None, repr=False)
    problem: str = ""
    cells: tuple[CellRow, ...] = ()
    when: datetime | None = None
    sentence: str = ""
    tested: int = 0

    @property
    def alive(self) -> bool:
        """Whether a process is at work on it."""
        return self.state in ("running", "stopping")

    @property
    def done(self) -> int:
        """Trials that are finished."""
        return sum(cell.done for cell in self.cells)

    @property
    def trials(self) -> int | None:
        """How many there are in all, None where a cell's can't be known yet."""
        counts = [cell.trials for cell in self.cells]
        known = [count for count in counts if count is not None]
        return sum(known) if counts and len(known) == len(counts) else None

    @property
    def fraction(self) -> float:
        """How much of the work is done, 0 to 1."""
        weights = [cell.trials or 1 for cell in self.cells]
        return sum(cell.fraction * weight for cell, weight in zip(self.cells, weights, strict=True)) / max(
            1, sum(weights)
        )

    @property
    def current(self) -> CellRow | None:
        """The cell that is at work."""
        return next((cell for cell in self.cells if cell.state in ("running", "stopping")), None)


class StudyOverview:
    """Reads all studies again and again. Not to be used from two threads at once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._runs = Overview(workspace)
        self._studies: dict[Path, _Followed] = {}

    def read(self) -> tuple[StudyRow, ...]:
        """Return the studies, those going on first, then the one that told something last."""
        runs = {row.folder.name: row for row in self._runs.read()}
        found = {}
        for known in known_studies(self._workspace):
            folder = StudyFolder(known.path)
            found[known.path] = self._studies.get(known.path) or _Followed(folder, self._workspace)
        self._studies = found
        rows = [study.read(runs) for study in found.values()]
        return tuple(sorted(rows, key=lambda row: (not row.alive, -(row.when.timestamp() if row.when else 0))))


class _Followed:
    """What was read of one study so far."""

    def __init__(self, folder: StudyFolder, workspace: Workspace) -> None:
        self._folder, self._workspace = folder, workspace
        self._reported = _Reported(folder)
        self._mark: tuple[Stamp, ...] = ()
        self._study: Study | None = None
        self._planned: tuple[CellRuns, ...] = ()
        self._problem = ""
        self._row: StudyRow | None = None

    def read(self, runs: dict[str, RunRow]) -> StudyRow:
        alive = self._folder.alive  # asked first, so that no last word is missed
        self._reported.read()
        self._plan()
        cells = tuple(self._cell(planned, runs, alive=alive) for planned in self._planned)
        state = self._reported.state
        if alive:
            state = "stopping" if self._folder.stop_file.exists() else "running"
        elif cells and all(cell.state == "finished" for cell in cells):
            state = "finished"
        elif self._problem:
            state = "failed"
        tested = [stamp_of(run.folder.results_file)[1] for cell in cells for run in cell.runs]
        row = StudyRow(
            self._folder,
            state,
            self._study,
            self._problem,
            cells,
            self._reported.when,
            self._reported.sentence if state == "failed" else "",
            max(tested, default=0),
        )
        if row != self._row:  # the very same row where nothing changed: a list then draws nothing
            self._row = row
        assert self._row is not None
        return self._row

    def _plan(self) -> None:
        """Find out what belongs to which cell, where a file that says so changed, or a run came or went."""
        files = (self._folder.study_file, self._folder.runs_file, self._workspace.runs_folder)
        mark = tuple(stamp_of(path) for path in files)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._study = read_study(self._folder.study_file)
            known = self._folder.runs()
        except AimicError as problem:
            self._study, self._planned, self._problem = None, (), problem.sentence
            return
        self._planned = tuple(runs_of_cell(self._workspace, known, cell) for cell in self._study.cells)
        self._problem = ""

    def _cell(self, planned: CellRuns, runs: dict[str, RunRow], *, alive: bool) -> CellRow:
        rows, trials = [], []
        fraction = 0.0
        for folder, networks in planned.runs:
            row = runs.get(folder.name)
            if row is not None:
                rows.append(row)
                own = [trial for trial in row.status.trials if trial.network in networks]
                trials += own
                share = row.fraction if row.fraction is not None else _share_done(own)
                fraction += share * len(own)
        experiment = planned.cell.experiment
        foreseen = trials_foreseen(experiment, len(planned.missing)) if planned.missing else 0
        total = None if foreseen is None else len(trials) + foreseen
        done = sum(trial.state == "finished" for trial in trials)
        key = planned.cell.data.name, planned.cell.protocol
        problem = self._reported.problems.get(key, "")
        checking = alive and self._reported.checking == key
        state = _state([row.status.state for row in rows], bool(planned.missing), checking, bool(problem))
        return CellRow(
            *key,
            state,
            tuple(rows),
            planned.outdated,
            done,
            total,
            fraction / max(1, total or len(trials)),
            checking,
            problem if state == "failed" else "",
        )


class _Reported:
    """What a study reported, as far as a list of studies shows it."""

    def __init__(self, folder: StudyFolder) -> None:
        self._reader = StudyEventReader(folder.events_file)
        self._begin("queued")
        self.when: datetime | None = None

    def _begin(self, state: str) -> None:
        self.state = state
        self.sentence = ""
        self.checking: tuple[str, str] | None = None  # the cell whose images are being checked
        self.problems: dict[tuple[str, str], str] = {}

    def read(self) -> None:
        """Read what is new."""
        events = self._reader.new()
        if self._reader.restarted:
            self._begin("queued")
        for event in events:
            self.when = event.time or self.when
            if event.kind == "study-started":
                self._begin("interrupted")  # until it reports its end; while it lives its lock says so
            elif event.kind == "trouble":
                self.problems[event.cell] = event.sentence
            elif event.kind in ("study-stopped", "study-failed", "study-finished"):
                self.state = event.kind.removeprefix("study-")
                self.sentence = event.sentence
            self.checking = event.cell if event.kind == "looking-at-images" else None


def trials_foreseen(experiment: Experiment, networks: int) -> int | None:
    """Return how many trials so many networks have by the settings; None where a given split decides."""
    split = experiment.split
    if split.from_:
        return None
    folds = split.folds * split.repeats if split.method == "k-fold" else 1
    return networks * folds * (experiment.seeds + split.inner_folds)


def _state(states: list[str], missing: bool, checking: bool, problem: bool) -> str:
    """Return the state of a cell whose runs are in these states."""
    for state in ("running", "stopping"):
        if state in states or (checking and state == "running"):
            return state
    if problem:
        return "failed"
    for state in ("failed", "interrupted", "stopped", "queued"):
        if state in states:
            return state
    return "queued" if missing or not states else "finished"


def _share_done(trials: list[TrialStatus]) -> float:
    return sum(trial.state == "finished" for trial in trials) / max(1, len(trials))

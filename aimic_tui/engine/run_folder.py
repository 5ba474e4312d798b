"""Where everything of a run lies: the names of its files and of its trials' files.

The folder is the truth about a run. The scheduler and the workers write it; screens, commands and reports read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

_TIME = re.compile(r"\A\d{8}-\d{6}-(?=.)")  # in front of a run's name, so that names sort by it
RESERVED_NAMES = ("latest",)  # mean a run by something else than its name
_LONGEST_SLUG = 60
RUNS = "runs"  # the folder of a workspace with a folder a run
_TRIALS = "trials"
# Parts of letters, digits, `.`, `_`, `-`, `@` and `:`, with a `/` between them and none that is `..`.
_NETWORK = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.@:+-]+(?:/[\w.@:+-]+)*", re.ASCII)
_LONGEST_NETWORK = 200
_LARGEST_NUMBER = 2**63 - 1
_FOLD = re.compile(r"fold-(\d+)(?:-inner-(\d+))?(?:-seed-(\d+))?\Z")


def slug(name: str, fallback: str) -> str:
    """Return a name as files and folders may have it: ASCII letters, digits, `.`, `_` and `-`, 60 at most.

    Args:
        fallback: what to return where nothing is left of the name.
    """
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-._")[:_LONGEST_SLUG] or fallback


def run_title(name: str) -> str:
    """Return the name of a run without the time in front of it; the whole name where the folder was renamed."""
    return _TIME.sub("", name)


@dataclass(frozen=True, order=True)
class TrialKey:
    """One network trained on one fold (counted from 1) with one seed.

    `inner` counts, from 1, the inner folds that a fold's other images are divided into; 0 is the fold itself.
    """

    network: str
    fold: int
    seed: int = 0
    inner: int = 0

    def __post_init__(self) -> None:
        """Refuse a name that would lead out of the run's folder: a key may come from a file that others wrote.

        Raises:
            ValueError: the network's name is no path below a folder, or a number is none or below its least.
        """
        if not _NETWORK.fullmatch(self.network) or len(self.network) > _LONGEST_NETWORK:
            raise ValueError(f"{self.network[:80]!r} is not the name of a network")
        for number, least in ((self.fold, 1), (self.seed, 0), (self.inner, 0)):
            if not isinstance(number, Integral) or not least <= number <= _LARGEST_NUMBER:
                raise ValueError(f"{str(number)[:80]!r} is not the number of a fold, a seed or an inner fold")

    @property
    def name(self) -> str:
        """The trial's name and its folder below `trials`: `mobilenet_v2/fold-1`, `vgg11/fold-1-inner-2-seed-3`."""
        inner = f"-inner-{self.inner}" if self.inner else ""
        return f"{self.network}/fold-{self.fold}{inner}" + (f"-seed-{self.seed}" if self.seed else "")

    @classmethod
    def from_name(cls, name: str) -> TrialKey:
        """Read a trial's name back.

        Raises:
            ValueError: it is no trial's name.
        """
        network, _, rest = name.rpartition("/")
        match = _FOLD.match(rest)
        if not network or match is None:
            raise ValueError(f"{name!r} is not the name of a trial")
        return cls(network, int(match[1]), int(match[3] or 0), int(match[2] or 0))


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial."""

    path: Path

    @classmethod
    def of(cls, path: Path) -> TrialFolder | None:
        """Return the trial whose folder, or whose model's folder, `path` is; None where it is in no run's `trials`."""
        for folder in (path, path.parent):
            if _place_in_run(folder) is not None:
                return cls(folder)
        return None

    @property
    def key(self) -> TrialKey:
        """Which trial of its run it is.

        Raises:
            ValueError: it is in no run's `trials`.
        """
        return self._place[1]

    @property
    def run(self) -> RunFolder:
        """The run that it is part of.

        Raises:
            ValueError: it is in no run's `trials`.
        """
        return RunFolder(self._place[0])

    @property
    def _place(self) -> tuple[Path, TrialKey]:
        if (found := _place_in_run(self.path)) is None:
            raise ValueError(f"{self.path} is not the folder of a trial")
        return found

    def plan_file(self, kind: str) -> Path:
        """What a kind of device ("cpu", "cuda") decided for the network; beside its trials, which share it."""
        return self.path.parent / f"plan-{kind}.json"

    @property
    def events_file(self) -> Path:
        """Its story: epochs, progress, warnings, errors, a JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def metrics_file(self) -> Path:
        """A row an epoch."""
        return self.path / "metrics.csv"

    @property
    def checkpoint_file(self) -> Path:
        """Everything needed to go on as if never stopped."""
        return self.path / "checkpoint.pt"

    @property
    def model_folder(self) -> Path:
        """The best epoch's model, for use."""
        return self.path / "model"

    @property
    def predictions_file(self) -> Path:
        """Every test image with its probabilities."""
        return self.path / "predictions.csv"

    @property
    def validation_file(self) -> Path:
        """Every validation image with its probabilities, for calibration."""
        return self.path / "validation.csv"

    @property
    def lock_file(self) -> Path:
        """Held by the worker that writes here, so that an orphan and a new worker never write together."""
        return self.path / "trial.lock"


def _place_in_run(trial: Path) -> tuple[Path, TrialKey] | None:
    """Return the run and the key of a trial's folder: RUN/trials/NETWORK/fold-K, where NETWORK may have a `/` in it."""
    if _FOLD.match(trial.name) is None:
        return None
    for folder in trial.parents:
        if folder.name == _TRIALS and folder != trial.parent:
            try:
                return folder.parent, TrialKey.from_name(trial.relative_to(folder).as_posix())
            except ValueError:  # a folder of someone's own
                return None
    return None


@dataclass(frozen=True)
class WorkFolder:
    """The files of work that a process of its own does in a folder of its own: a run, a study."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, by which commands know the work."""
        return self.path.name

    @property
    def events_file(self) -> Path:
        """Its story, a JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def lock_file(self) -> Path:
        """Held by the process that does the work, as long as it lives."""
        return self.path / "lock"

    @property
    def stop_file(self) -> Path:
        """Its presence asks the process to stop."""
        return self.path / "stop"


@dataclass(frozen=True)
class RunFolder(WorkFolder):
    """The files of one run; its name is sortable by its beginning and unique in its workspace."""

    @property
    def title(self) -> str:
        """The run's name without the time in front of it, which lists show in a column of its own."""
        return run_title(self.name)

    @property
    def experiment_file(self) -> Path:
        """The resolved experiment, every default written out."""
        return self.path / "experiment.toml"

    @property
    def environment_file(self) -> Path:
        """Versions, devices, host, command line."""
        return self.path / "environment.json"

    @property
    def manifest_file(self) -> Path:
        """Every image with label, group, size and digest."""
        return self.path / "manifest.csv"

    @property
    def split_file(self) -> Path:
        """Which images train, validate and test in each fold; inner folds are in inner_split.csv beside it."""
        return self.path / "split.csv"

    @property
    def audit_file(self) -> Path:
        """What an audit of the images had found before the run; only where they were audited."""
        return self.path / "audit.json"

    @property
    def marks_file(self) -> Path:
        """The marks on the images as they were when the run was made; only where there were any."""
        return self.path / "marks.csv"

    @property
    def status_file(self) -> Path:
        """The run's state and each trial's, replaced whole."""
        return self.path / "status.json"

    @property
    def results_file(self) -> Path:
        """Metrics with intervals, written after each finished trial."""
        return self.path / "results.json"

    @property
    def report_file(self) -> Path:
        """The report, one self-contained page."""
        return self.path / "report.html"

    @property
    def baseline_record(self) -> Path:
        """Which baselines were made, and why not the others; written after their tables."""
        return self.path / "baselines" / "record.json"

    def baseline_table(self, name: str, fold: int) -> Path:
        """What a baseline predicts for the test images of a fold (from 1)."""
        return self.path / "baselines" / name / f"fold-{fold}.csv"

    @property
    def scheduler_log(self) -> Path:
        """What the scheduler's process said outside its events."""
        return self.path / "scheduler.log"

    def worker_log(self, number: int) -> Path:
        """What the worker process `number` (from 1) said outside its trials' events."""
        return self.path / f"worker-{number}.log"

    @property
    def trials_folder(self) -> Path:
        """The folder with a folder a network in it."""
        return self.path / _TRIALS

    @classmethod
    def containing(cls, path: Path) -> RunFolder | None:
        """Return the run that a path leads into (a model's folder, a trial's), known by its manifest and its split."""
        for folder in path.absolute().parents:
            run = cls(folder)
            if run.split_file.is_file() and run.manifest_file.is_file():
                return run
        return None

    def trial(self, key: TrialKey) -> TrialFolder:
        """Return the files of one trial."""
        return TrialFolder(self.trials_folder / key.name)

    def trials(self) -> list[TrialFolder]:
        """Return the trials that have a folder, sorted by their keys."""
        return sorted(map(TrialFolder, _fold_folders(self.trials_folder)), key=lambda trial: trial.key)

    def has_predictions(self) -> bool:
        """Tell whether any trial has tested its images."""
        return any(TrialFolder(folder).predictions_file.is_file() for folder in _fold_folders(self.trials_folder))


def _fold_folders(folder: Path) -> Iterator[Path]:
    try:
        children = [child for child in folder.iterdir() if child.is_dir()]
    except OSError:  # none was begun, or the disk is gone
        return
    for child in children:
        if _FOLD.match(child.name) is None:
            yield from _fold_folders(child)
        elif child.parent.name != _TRIALS and _place_in_run(child) is not None:
            yield child

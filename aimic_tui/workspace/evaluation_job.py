"""A model evaluated on another labelled data set: what was requested, its process, its files, and its results.

Each is a job with a folder in the workspace's `evaluations`, and in it what `aimic evaluate --output` writes:
evaluation.json and predictions.csv.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import now
from aimic_tui.engine.files import refuse_outward_links
from aimic_tui.engine.inference.class_map import same_names
from aimic_tui.engine.inference.evaluation_file import FILE, MARGIN, EvaluationResults, read_evaluation
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import MALFORMED, file_path, flag, items, mapping, number, reason_in_words, text
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.audit_process import data_overrides
from aimic_tui.workspace.command_events import Ending
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.model_job import ModelJob, State, identity_of, read_request, unreadable_requests
from aimic_tui.workspace.prediction_job import stamped
from aimic_tui.workspace.processes import command_line, start_command


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """A labelled data set to evaluate a model on.

    Attributes:
        path: a folder, a manifest or a MedMNIST file.
        settings: of the table `data` beside path and group.
        counts: its classes -> images.
        matches: its classes -> the model's class of the same name; None where there is none.
        images: names, to preview what a pattern makes of them.
        rule: which groups it has: a pattern, a manifest's column or "none".
        groups: how many.
        unlabelled: images without a class, which are left out.
        notes: sentences on how the data were read.
    """

    path: str
    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    matches: Mapping[str, str | None]
    images: Sequence[str]
    rule: str
    groups: int
    unlabelled: int
    notes: tuple[str, ...] = ()


def inspect_data(path: str, settings: Mapping[str, Any], classes: Sequence[str]) -> LabelledImages:
    """Find the images of a data set without opening one, and match its classes with a model's.

    Args:
        settings: of the table `data`, beside the path.
        classes: the model's.

    Raises:
        AimicError: there is no data set, or nothing says its classes.
    """
    choice = DataSource.from_table(path, settings)
    found = scan_data_set(choice)
    data_set = find_data_set(choice) if found.conflicts else found.data_set  # which says what is wrong with it
    counts = data_set.counts()
    return LabelledImages(
        path=path,
        settings={name: value for name, value in settings.items() if name != "group"},
        counts=counts,
        matches=same_names(counts, classes),
        images=data_set.images,
        rule=data_set.group_rule,
        groups=len(data_set.group_names),
        unlabelled=len(found.unlabelled),
        notes=found.before_evaluation(),
    )


@dataclass(frozen=True)
class EvaluationChoices:
    """What is decided about a data set before a model is evaluated on it.

    Attributes:
        classes: the data's classes -> the model's class; None where it is left out.
        group: a pattern, a manifest's column, or "none".
        without_trained: whether images that the model was trained on are left out.
        margin: the largest loss that is of no importance, between 0 and 1.
    """

    classes: Mapping[str, str | None]
    group: str
    without_trained: bool
    margin: float = MARGIN


@dataclass(frozen=True, kw_only=True)
class EvaluationJob(ModelJob):
    """One evaluation.

    Attributes:
        data: the data set's path.
        settings: of the table `data`, beside path and group.
        group: as its option.
        pairs: "model_class=data_class", as the option `--map` has them.
        left_out: classes of the data that are left out.
        without_trained: whether images that the model was trained on are left out.
        margin: the largest loss that is of no importance.
    """

    data: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    group: str = "auto"
    pairs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    without_trained: bool = False
    margin: float = MARGIN

    @property
    def predictions_file(self) -> Path:
        """The prediction of each image."""
        return self.folder / "predictions.csv"

    @property
    def state_by_files(self) -> Ending:
        """Finished with its figures; stopped where it had begun with the images, else it could not begin."""
        if (self.folder / FILE).is_file():
            return "finished"
        return "stopped" if self.events_file.exists() else "failed"

    def arguments(self) -> list[str]:
        """Return the command behind `aimic`."""
        return [
            "evaluate",
            f"--output={self.folder}",
            f"--events={self.events_file}",
            *([f"--network={self.network}"] if self.network else []),
            *data_overrides(self.settings),
            f"--group={self.group}",
            *(f"--map={pair}" for pair in self.pairs),
            *(f"--leave-out={name}" for name in self.left_out),
            *(["--leave-out-trained"] if self.without_trained else []),
            *([f"--margin={self.margin:g}"] if self.margin != MARGIN else []),
            "--",
            str(self.model),
            self.data,
        ]

    def again(self, workspace: Workspace, **changes: Any) -> EvaluationJob:
        """Describe the same, with changes, in a folder of its own."""
        return replace(self, folder=_folder(workspace, self.data), created=_created(), process=None, **changes)


def new_evaluation(
    workspace: Workspace,
    choice: ModelChoice,
    data: LabelledImages,
    options: EvaluationChoices,
) -> EvaluationJob:
    """Describe an evaluation of which nothing was written yet."""
    chosen = options.classes.items()
    pairs = {name: other for name, other in chosen if other is not None and other != data.matches[name]}
    return EvaluationJob(
        folder=_folder(workspace, data.path),
        label=choice.label,
        model=choice.target,
        network=choice.network_option,
        data=data.path,
        created=_created(),
        settings=data.settings,
        group=options.group,
        pairs=tuple(f"{other}={name}" for name, other in pairs.items()),
        left_out=tuple(name for name, other in chosen if other is None),
        without_trained=options.without_trained,
        margin=options.margin,
    )


def _folder(workspace: Workspace, data: str) -> Path:
    first = workspace.root / "evaluations" / stamped(Path(data))
    free, number = first, 2
    while free.exists():
        free, number = first.with_name(f"{first.name}-{number}"), number + 1
    return free


def _created() -> str:
    return now().isoformat(timespec="seconds")


def start_evaluation(workspace: Workspace, job: EvaluationJob) -> tuple[EvaluationJob, subprocess.Popen[bytes]]:
    """Start an evaluation in a process that outlives the app.

    Raises:
        InputProblem: a link in its folder leads elsewhere.
        OSError: its folder can't be written or the process can't be started.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    job.events_file.unlink(missing_ok=True)
    refuse_outward_links(job.folder)
    process = start_command(command_line(workspace.root, *job.arguments()), job.log_file, job.log_file)
    started = replace(job, process=identity_of(process))
    started.write_request()
    return started, process


def read_evaluation_job(folder: Path) -> EvaluationJob:
    """Read an evaluation's request back.

    Raises:
        InputProblem: there is none, or it can't be read.
    """
    try:
        record, common = read_request(folder)
        return EvaluationJob(
            **common,
            data=str(file_path(record["data"])),
            settings=mapping(record["settings"], lambda value: value),
            group=text(record["group"]),
            pairs=items(record["pairs"], text),
            left_out=items(record["left_out"], text),
            without_trained=flag(record["without_trained"]),
            margin=number(record.get("margin", MARGIN)),
        )
    except (OSError, *MALFORMED) as error:
        why = reason_in_words(error)
        raise InputProblem(f"{printable(str(folder))} holds no evaluation that can be read: {why}.") from None


@dataclass(frozen=True)
class EvaluationRow:
    """An evaluation in a list: how it stands, and its results where there are some."""

    job: EvaluationJob
    state: State
    results: EvaluationResults | None


def list_evaluations(workspace: Workspace, model: Path | None = None, network: str = "") -> tuple[EvaluationRow, ...]:
    """Return the evaluations of a workspace, newest first; with `model` only those of that model."""
    try:
        folders = list((workspace.root / "evaluations").iterdir())
    except OSError:
        return ()
    found = []
    for folder in folders:
        with suppress(InputProblem):
            job = read_evaluation_job(folder)
            if model is not None and (job.model != model or job.network != network):
                continue
            state = job.state
            results = None
            with suppress(InputProblem):
                results = read_evaluation(job.folder) if state == "finished" else None
            found.append(EvaluationRow(job, state, results))
    return tuple(sorted(found, key=lambda row: row.job.age, reverse=True))


def unreadable_evaluations(workspace: Workspace) -> tuple[str, ...]:
    """Return a sentence on each evaluation whose request can't be read."""
    return unreadable_requests(workspace.root / "evaluations", read_evaluation_job)

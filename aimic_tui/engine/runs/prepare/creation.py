"""Making a run's folder: every check first, then all of its files, then its name."""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.marks import marks_file
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.splitting.split import write_split
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.event_log import now
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import FileLock, write_atomically, write_json
from aimic_tui.engine.litter import remove_dead
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.run_events import DataDecided, RunCreated, RunWarning, append_to_run, run_events
from aimic_tui.engine.run_folder import RunFolder, slug
from aimic_tui.engine.runs.own_files import digest_of_table, digests_of_own_files
from aimic_tui.engine.runs.prepare.environment import describe_environment
from aimic_tui.engine.runs.prepare.images_and_split import PreparedImages, prepare_images
from aimic_tui.engine.runs.prepare.pretraining import PRETRAINING, pretraining_warnings
from aimic_tui.engine.runs.prepare.resolve import resolve_experiment
from aimic_tui.engine.runs.prepare.run_audit import audit_again, write_run_audit
from aimic_tui.engine.runs.prepare.trial_grid import grid
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, write_status
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import Workspace

DRAFT_PREFIX = ".new-"  # of the name of a run's folder until it is complete


def create_run(
    experiment: Experiment,
    workspace: Workspace,
    command_line: Sequence[str],
    report: ReportProgress = no_report,
) -> RunFolder:
    """Make a run's folder, ready to be started.

    Args:
        experiment: what to do; a relative `data.path` is relative to the current folder.
        workspace: where the run is kept.
        command_line: what the person typed, for the record.
        report: hears how many of all images are read.

    Raises:
        UsageProblem: a setting makes no sense (an unknown network, a size that a network can't take, a device).
        InputProblem: the data or the weights can't be used, or no run can be kept in the workspace.
        OSError: the workspace can't be written. In every case nothing is left behind.
    """
    if problem := workspace.problem():  # before minutes are spent on reading images
        raise InputProblem(problem, code="storage")
    experiment = resolve_experiment(experiment, workspace)
    prepared = prepare_images(experiment, workspace, experiment.model.networks, report)
    audit = audit_again(experiment.data, workspace, report)
    marks = _marks(experiment)
    experiment, split = prepared.experiment, prepared.split
    created = now()
    status = RunStatus(
        run="",
        state="queued",
        created=created,
        host=socket.gethostname(),
        trials=tuple(TrialStatus.queued(key) for key in grid(experiment, split)),
        protocol=experiment.split.protocol,
        networks=tuple(experiment.model.networks),
        folds=split.folds,
        epochs=experiment.training.epochs,
        data=experiment.data.path,
        monitor=experiment.training.monitor,
    )
    workspace.runs_folder.mkdir(parents=True, exist_ok=True)
    draft = RunFolder(workspace.runs_folder / f"{DRAFT_PREFIX}{secrets.token_hex(8)}")
    with suppress(OSError):
        remove_dead(workspace.runs_folder, DRAFT_PREFIX)
    draft.path.mkdir()  # not by tempfile: the umask decides who may write, and a shared folder hands its group on
    lock = FileLock(draft.lock_file)
    try:
        lock.acquire()  # while it is held, nobody takes the draft for what a killed command left
        write_manifest(draft.manifest_file, prepared.data_set, prepared.checks)
        write_split(draft.split_file, prepared.data_set, split)
        write_atomically(draft.experiment_file, experiment.to_toml())
        write_json(draft.environment_file, describe_environment(command_line))
        if audit is not None:
            write_run_audit(draft, audit)
        if marks:
            write_atomically(draft.marks_file, marks)
        draft.trials_folder.mkdir()
        append_to_run(draft, RunCreated(digests_of_own_files(draft), digest_of_table(Path(experiment.data.path))))
        _tell_of_images(draft, prepared)
        return _settle(draft, workspace, f"{created.astimezone():%Y%m%d-%H%M%S}-{slug(experiment.name, 'run')}", status)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise
    finally:
        lock.release()
        _remember(workspace, prepared.data_set, experiment)


def _marks(experiment: Experiment) -> bytes:
    """Return the content of the file with the marks on the images: it may change after the run."""
    file = marks_file(experiment.data.path, experiment.data.marks)
    return file.read_bytes() if file is not None and file.is_file() else b""


def _tell_of_images(folder: RunFolder, prepared: PreparedImages) -> None:
    """Begin a run's story with what was decided about its images, and what they can't give."""
    split = prepared.split
    for sentence in prepared.data_set.decisions:
        append_to_run(folder, DataDecided(sentence))
    for note in prepared.data_set.notes:
        append_to_run(folder, RunWarning(note.sentence))
    if prepared.given is not None:
        sentence = f"The split of {prepared.given.name} is used again, with its groups: {plural(split.folds, 'fold')}."
        append_to_run(folder, DataDecided(sentence))
    if prepared.near:
        pairs = f"{plural(len(prepared.near), 'pair')} of images {'is' if len(prepared.near) == 1 else 'are'}"
        sentence = f"{pairs} nearly the same picture. Each pair is one group, so that no split separates it."
        append_to_run(folder, RunWarning(sentence))
    for sentence in split.warnings:
        append_to_run(folder, RunWarning(sentence))
    for sentence in pretraining_warnings(prepared.experiment, split, prepared.checks.digests):
        append_to_run(folder, RunWarning(sentence, PRETRAINING))


def creation_warnings(folder: RunFolder) -> list[str]:
    """Return what was warned of when a run was made: classes that a part lacks, pictures that are there twice."""
    return [event.sentence for event in run_events(folder).new() if isinstance(event, RunWarning)]


def _settle(draft: RunFolder, workspace: Workspace, name: str, status: RunStatus) -> RunFolder:
    """Give the finished draft its name; another run of the same second and name makes it -2, -3..."""
    for number in range(1, 1000):
        folder = RunFolder(workspace.runs_folder / (name if number == 1 else f"{name}-{number}"))
        if folder.path.exists():
            continue
        write_status(draft, replace(status, run=folder.name))
        try:
            draft.path.rename(folder.path)
        except OSError:
            if folder.path.exists():
                continue
            raise
        return folder
    raise AimicError(f"{printable(name)} is taken a thousand times over. Give the run another name.")


def _remember(workspace: Workspace, data_set: DataSet, experiment: Experiment) -> None:
    with suppress(OSError):  # a list for Home, not worth failing for
        workspace.remember_data_set(
            Path(experiment.data.path),
            images=len(data_set),
            classes=len(data_set.classes),
            groups=len(data_set.group_names) if data_set.grouped else None,
        )

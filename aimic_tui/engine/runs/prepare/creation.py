"""Making a run's folder: every check first, then all of its files, then its name."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.audit.image_check import check_images, group_duplicates, near_duplicates
from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.reading.exposure import settled
from aimic_tui.engine.data.reading.input_rule import rule_of
from aimic_tui.engine.data.splitting.make_split import make_split, unfit_settings
from aimic_tui.engine.data.splitting.split import Split, write_split
from aimic_tui.engine.errors import AimicError, UsageProblem
from aimic_tui.engine.event_log import EventReader, append_event, now
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import write_atomically, write_json
from aimic_tui.engine.machine.devices import find_slots
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.run_folder import RunFolder, TrialKey, slug
from aimic_tui.engine.runs.prepare.environment import describe_environment
from aimic_tui.engine.runs.prepare.given_split import find_given_split
from aimic_tui.engine.runs.prepare.pretraining import PRETRAINING, named_weights, pretraining_warnings
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, write_status
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.workspace_folder import Workspace


def create_run(
    experiment: Experiment,
    workspace: Workspace,
    command_line: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
) -> RunFolder:
    """Make a run's folder, ready to be started.

    Args:
        experiment: what to do; a relative `data.path` is relative to the current folder.
        workspace: where the run is kept.
        command_line: what the person typed, for the record.
        progress: called with the number of images looked at and of all images.

    Raises:
        UsageProblem: a setting makes no sense (an unknown network, a size that a network can't take, a device).
        InputProblem: the data or the weights can't be used.
        OSError: the workspace can't be written. In every case nothing is left behind.
    """
    experiment = _resolved(experiment, workspace)
    given = find_given_split(experiment.split.from_, workspace) if experiment.split.from_ else None
    data_set = find_data_set(experiment.data)
    if given is not None:
        data_set = given.grouped(data_set, experiment.data.group)
    check_weights(experiment.model.weights, experiment.model.networks)
    rule, percentiles = rule_of(experiment.data), experiment.data.percentiles
    shown = settled(rule, percentiles, data_set.paths())  # to look at all of them; what trains is known later
    checks = check_images(data_set, progress, rule=shown)
    checks.require_readable()
    if given is not None:
        given.require_same_contents(data_set, checks.digests)
    # The groups of a run's split hold the copies already.
    near = [] if given is not None and given.settings else near_duplicates(data_set, checks, rule=shown)
    data_set = group_duplicates(data_set, checks.digests, near)
    experiment = experiment.with_values({"data.group": data_set.group_rule})
    if given is not None:
        experiment, split = given.applied(experiment, data_set)
    else:
        split = make_split(data_set, experiment.split, experiment.data.balance, experiment.seed)
    train = np.flatnonzero((split.parts == Part.TRAIN).any(axis=0))
    rule = settled(rule, percentiles, [data_set.path(index) for index in train.tolist()])
    experiment = experiment.with_values({"data.window": list(rule.window)})
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
    draft = RunFolder(Path(tempfile.mkdtemp(prefix=".new-", dir=workspace.runs_folder)))
    try:
        write_manifest(draft.manifest_file, data_set, checks)
        write_split(draft.split_file, data_set, split)
        write_atomically(draft.experiment_file, experiment.to_toml())
        write_json(draft.environment_file, describe_environment(command_line))
        draft.trials_folder.mkdir()
        append_event(draft.events_file, "run-created")
        for sentence in data_set.decisions:
            append_event(draft.events_file, "data-decided", sentence=sentence)
        if given is not None:
            sentence = f"The split of {given.name} is used again, its groups with it: {split.folds} fold(s)."
            append_event(draft.events_file, "data-decided", sentence=sentence)
        if near:
            sentence = f"{len(near)} pair(s) of images show nearly one picture. Each shares a group: no split parts it."
            append_event(draft.events_file, "warning", sentence=sentence)
        for sentence in split.warnings:
            append_event(draft.events_file, "warning", sentence=sentence)
        for sentence in pretraining_warnings(experiment, split, checks.digests):
            append_event(draft.events_file, "warning", sentence=sentence, about=PRETRAINING)
        draft.path.chmod(0o777 & ~_umask())
        return _settle(draft, workspace, f"{created.astimezone():%Y%m%d-%H%M%S}-{slug(experiment.name, 'run')}", status)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise
    finally:
        _remember(workspace, data_set, experiment)


def creation_warnings(folder: RunFolder) -> list[str]:
    """Return what was warned of when a run was made: classes that a part lacks, pictures that are there twice."""
    return [str(event["sentence"]) for event in EventReader(folder.events_file).new() if event["event"] == "warning"]


def _resolved(experiment: Experiment, workspace: Workspace) -> Experiment:
    """Check what can be checked without the images, and write out what depends on where we are."""
    if not experiment.data.path:
        raise UsageProblem("data.path is empty. Name a folder with one sub-folder a class, or a manifest (.csv).")
    unfit = unfit_settings(experiment.split)
    if unfit is not None:
        raise UsageProblem(unfit[1])
    infos = {info.name: info for info in map(find_network, experiment.model.networks)}
    networks = list(infos)
    if experiment.model.image_size != "auto":
        for info in infos.values():
            info.check_size(experiment.model.image_size)
    rule_of(experiment.data)
    compute = experiment.compute
    find_slots(compute.devices, compute.workers, compute.threads, compute.ranks)
    data = Path(experiment.data.path).expanduser().absolute()
    marks = experiment.data.marks
    if marks not in ("auto", "none", ""):
        marks = str(Path(marks).expanduser().absolute())
    return experiment.with_values(
        {
            "name": experiment.name or one_line(data.stem if data.is_file() else data.resolve().name, 80),
            "data.path": str(data),
            "data.marks": marks,
            "model.networks": networks,
            "model.weights": named_weights(experiment.model.weights, workspace),
        }
    )


def grid(experiment: Experiment, split: Split) -> list[TrialKey]:
    """Return a run's trials in the order in which they are taken.

    A network's folds are together, so that its figures are complete early and its images stay in the cache; every
    network is through with one seed before another begins with the next. Inner folds, which only choose, come last,
    and one seed is enough for them.
    """
    networks, folds = experiment.model.networks, range(1, split.folds + 1)
    seeds = [(experiment.seed + number) % 2**31 for number in range(experiment.training.seeds)]
    tested = [TrialKey(network, fold, seed) for seed in seeds for network in networks for fold in folds]
    choosing = [
        TrialKey(network, fold, experiment.seed, inner)
        for network in networks
        for fold in folds
        for inner in range(1, split.inner_folds + 1)
    ]
    return [*tested, *choosing]


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


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _remember(workspace: Workspace, data_set: DataSet, experiment: Experiment) -> None:
    with suppress(OSError):  # a list for Home, not worth failing for
        workspace.remember_data_set(
            Path(experiment.data.path),
            images=len(data_set),
            classes=len(data_set.classes),
            groups=len(data_set.group_names) if data_set.grouped else None,
        )

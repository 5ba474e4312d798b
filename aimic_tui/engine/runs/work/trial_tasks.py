"""From a run's files to what a trial needs to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import digest_of_bytes, digest_of_file
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.own_files import digest_of_experiment
from aimic_tui.engine.workspace_folder import Workspace

if TYPE_CHECKING:
    from aimic_tui.engine.training.task import TrialTask


def task_loader(run: RunFolder, device: str) -> Callable[[TrialKey], TrialTask]:
    """Read the run's files once; return what makes a trial's task."""
    from aimic_tui.engine.data.manifest import read_digests, read_manifest
    from aimic_tui.engine.data.splitting.split import inner_file, read_split
    from aimic_tui.engine.training.task import TrialTask

    experiment = Experiment.of_run(run.experiment_file)
    data_set = read_manifest(run.manifest_file)
    digests = read_digests(run.manifest_file)
    split = read_split(run.split_file, data_set.images)
    experiment_digest = digest_of_experiment(run.experiment_file)
    split_digest = digest_of_file(run.split_file)
    inner = inner_file(run.split_file)
    inner_digest = digest_of_file(inner) if inner.exists() else ""
    cache = Workspace.of_run(run).cache_folder

    def load(key: TrialKey) -> TrialTask:
        return TrialTask(
            network=key.network,
            fold=key.fold,
            seed=key.seed,
            experiment=experiment,
            data_set=data_set,
            split=split,
            folder=run.trial(key).path,
            cache_folder=cache,
            device=device,
            experiment_digest=experiment_digest,
            split_digest=digest_of_bytes(f"{inner_digest} {key.inner}".encode()) if key.inner else split_digest,
            run=run.name,
            digests=digests,
            inner=key.inner,
        )

    return load

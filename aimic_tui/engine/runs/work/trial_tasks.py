"""From a run's files to what a trial needs to know."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.experiment import Experiment, read_toml
from aimic_tui.engine.files import digest_of_bytes, digest_of_file
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.workspace_folder import Workspace

if TYPE_CHECKING:
    from aimic_tui.engine.training.task import TrialTask


def task_loader(run: RunFolder, device: str) -> Callable[[TrialKey], TrialTask]:
    """Read the run's files once; return what makes a trial's task."""
    from aimic_tui.engine.data.manifest import read_manifest
    from aimic_tui.engine.data.splitting.split import inner_file, read_split
    from aimic_tui.engine.training.task import TrialTask

    experiment = Experiment.from_file(run.experiment_file)
    data_set = read_manifest(run.manifest_file)
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
            inner=key.inner,
        )

    return load


def digest_of_experiment(file: Path) -> str:
    """Return the digest of a run's settings; what was trained under another one is not resumed.

    Only the settings that the file names count: a run of an earlier version names none of those that came later, whose
    defaults are what that version did. Not counted: the name, the devices, what is evaluated, and which networks and
    seeds there are, which a resumed run may change.

    Args:
        file: the run's `experiment.toml`, in which every default of its time is written out.
    """
    written = read_toml(file)
    deciding = {
        section: {key: value for key, value in values.items() if key in written.get(section, {})}
        if isinstance(values, dict)
        else values
        for section, values in Experiment.from_file(file).to_mapping().items()
        if section in written and section not in ("name", "compute", "evaluation")
    }
    deciding["model"].pop("networks", None)
    deciding["training"].pop("seeds", None)
    return digest_of_bytes(json.dumps(deciding, sort_keys=True).encode())

"""A run whose two folds were really trained, on images that a tiny network learns within a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.splitting.split import write_split
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, write_status
from aimic_tui.engine.training.task import TrialTask
from aimic_tui.engine.training.trial import train_trial
from tests.engine.training.small import NETWORK, Story, draw_images, make_task


def train_run(workspace: Path, name: str = "20261122-190512-discs", *, epochs: int = 3) -> TrialTask:
    """Train folds 1 and 2 of three in a run's folder; return the first one's task."""
    run = RunFolder(workspace / "runs" / name)
    run.path.mkdir(parents=True)
    draw_images(run.path / "images", each=60)  # thirty slides, so that there is something to compare with
    first = make_task(run.path, training__epochs=epochs)
    run.experiment_file.write_text(first.experiment.to_toml())
    write_manifest(run.manifest_file, first.data_set, check_images(first.data_set))
    write_split(run.split_file, first.data_set, first.split)
    trials = []
    for fold in (1, 2):
        folder = first.folder.with_name(f"fold-{fold}")
        folder.mkdir(exist_ok=True)
        train_trial(replace(first, fold=fold, folder=folder), emit=Story().emit, should_stop=lambda: False)
        trials.append(TrialStatus(NETWORK, fold, 0, "finished"))
    trials.append(TrialStatus(NETWORK, 3, 0, "stopped"))
    status = RunStatus(run=name, state="stopped", trials=tuple(trials), networks=(NETWORK,), folds=3, epochs=epochs)
    write_status(run, status)
    return first

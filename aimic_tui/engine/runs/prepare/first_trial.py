"""A run's first trial before there is a run, for what is tried or looked at in Set-up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import UsageProblem, about
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.run_folder import TrialKey
from aimic_tui.engine.runs.prepare.images_and_split import prepare_images
from aimic_tui.engine.runs.prepare.resolve import resolve_experiment
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace

if TYPE_CHECKING:
    from aimic_tui.engine.training.task import TrialTask


def first_trial(
    experiment: Experiment,
    network: str | None,
    workspace: Workspace,
    folder: Path,
    device: str,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] | None = None,
) -> TrialTask:
    """Return the trial of fold 1 as a run of this experiment would have it.

    Args:
        experiment: what a run would do.
        network: one of the experiment's; None for its first.
        workspace: whose runs `model.weights` and `split.from` may name.
        folder: an empty one, in which the trial gets a folder as in a run's `trials`.
        device: "cpu", "cuda:0"...
        report: hears how many of all images are read.
        should_stop: asked now and then.

    Raises:
        UsageProblem: a setting makes no sense.
        InputProblem: the data or the weights can't be used.
        Interrupted: `should_stop` returned True.
    """
    from aimic_tui.engine.training.task import TrialTask

    experiment = resolve_experiment(experiment, workspace)
    with about("model.networks"):
        info = find_network(network or experiment.model.networks[0])
    if info.name not in experiment.model.networks:
        names = ", ".join(printable(name) for name in experiment.model.networks)
        raise UsageProblem(f"{info.name} is not one of the experiment's networks ({names}).")
    prepared = prepare_images(experiment, workspace, [info.name], report, should_stop)
    trial_folder = folder / TrialKey(info.name, 1).name  # the plan for a network lies beside its folds
    trial_folder.mkdir(parents=True)
    return TrialTask(
        network=info.name,
        fold=1,
        seed=experiment.seed,
        experiment=prepared.experiment,
        data_set=prepared.data_set,
        split=prepared.split,
        folder=trial_folder,
        cache_folder=folder,
        device=device,
        experiment_digest="",
        split_digest="",
    )

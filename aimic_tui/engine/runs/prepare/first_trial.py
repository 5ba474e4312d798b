"""A run's first trial before there is a run, for what is tried or looked at in Set-up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.data.audit.image_check import check_images, group_duplicates, near_duplicates
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.reading.exposure import settled
from aimic_tui.engine.data.reading.input_rule import rule_of
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.given_split import read_given_split
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from aimic_tui.engine.training.task import TrialTask


def first_trial(
    experiment: Experiment,
    network: str | None,
    folder: Path,
    device: str,
    *,
    every_image: bool,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrialTask:
    """Return the trial of fold 1 as a run of this experiment would have it.

    Args:
        experiment: what a run would do; a `split.from` is the path of a split.csv.
        network: one of the experiment's; None for its first.
        folder: an empty one, in which the trial gets a folder as in a run's `trials`.
        device: "cpu", "cuda:0"...
        every_image: whether all images are opened first, as a run does, so that duplicates share a group and the split
            is the run's. Otherwise it is made by names alone, at once.
        progress: called with the number of images looked at and of all images.
        should_stop: asked now and then.

    Raises:
        UsageProblem: a setting makes no sense.
        InputProblem: the data or the weights can't be used.
        Interrupted: `should_stop` said so.
    """
    from aimic_tui.engine.training.task import TrialTask

    info = find_network(network or experiment.model.networks[0])
    if info not in [find_network(name) for name in experiment.model.networks]:
        names = ", ".join(printable(name) for name in experiment.model.networks)
        raise UsageProblem(f"{info.name} is not one of the experiment's networks ({names}).")
    if experiment.model.image_size != "auto":
        info.check_size(experiment.model.image_size)
    if not experiment.data.path:
        raise UsageProblem("data.path is empty. Name a folder with one sub-folder a class, or a manifest (.csv).")
    data_set = find_data_set(experiment.data)
    given = read_given_split(Path(experiment.split.from_)) if experiment.split.from_ else None
    if given is not None:
        data_set = given.grouped(data_set, experiment.data.group)
    check_weights(experiment.model.weights, [info.name])
    rule = settled(rule_of(experiment.data), experiment.data.percentiles, data_set.paths(), should_stop=should_stop)
    experiment = experiment.with_values({"data.window": list(rule.window)})
    if every_image:
        checks = check_images(data_set, progress, should_stop, rule=rule)
        checks.require_readable()
        near = near_duplicates(data_set, checks, should_stop=should_stop, rule=rule)
        data_set = group_duplicates(data_set, checks.digests, near)
    if given is not None:
        experiment, split = given.applied(experiment, data_set)
    else:
        split = make_split(data_set, experiment.split, experiment.data.balance, experiment.seed)
    place = folder / info.name / "fold-1"  # the plan for a network lies beside its folds
    place.mkdir(parents=True)
    return TrialTask(
        network=info.name,
        fold=1,
        seed=experiment.seed,
        experiment=experiment,
        data_set=data_set,
        split=split,
        folder=place,
        cache_folder=folder,
        device=device,
        experiment_digest="",
        split_digest="",
    )

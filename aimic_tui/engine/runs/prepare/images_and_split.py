"""The images of a run and their split, prepared once for all who need them: a run that is made, a range test, samples.

Whoever prepares them otherwise sees other folds: copies of a picture share a group, a given split brings its groups
along, and the exposure is that of images that train.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aimic_tui.engine.data.audit.image_check import ImageChecks, check_images, group_duplicates, near_duplicates
from aimic_tui.engine.data.audit.near_duplicates import NearPair
from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.reading.exposure import resolve_exposure
from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.errors import about
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.runs.prepare.given_split import GivenSplit, find_given_split
from aimic_tui.engine.workspace_folder import Workspace


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """What a run trains and tests on.

    Attributes:
        experiment: with what was found out written in: the group rule, the exposure, and of a given split its settings.
        data_set: n images, copies of one picture in one group.
        checks: what was seen of them.
        near: the pairs that show nearly one picture; none are looked for where a run's split is used again, whose
            groups hold them already.
        split: over the n images.
        given: the earlier split that it is, None where it was made anew.
    """

    experiment: Experiment
    data_set: DataSet
    checks: ImageChecks
    near: tuple[NearPair, ...]
    split: Split
    given: GivenSplit | None


def prepare_images(
    experiment: Experiment,
    workspace: Workspace,
    networks: Sequence[str],
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] | None = None,
) -> PreparedImages:
    """Find the images, open each of them once, put copies into one group, split them and measure their exposure.

    Args:
        experiment: resolved, see `resolve_experiment`.
        workspace: whose runs `split.from` may name.
        networks: whose first weights must be there before the images are opened, which takes long.
        report: hears how many of all images are read.
        should_stop: asked now and then.

    Raises:
        UsageProblem: settings that don't go together.
        InputProblem: the images, the given split or the weights can't be used.
        Interrupted: `should_stop` returned True.
    """
    data_set, given = list_for_split(experiment, find_data_set(experiment.data), workspace)
    with about("model.weights"):
        check_weights(experiment.model.weights, networks)
    rule, percentiles = rule_from_settings(experiment.data), experiment.data.percentiles
    # To look at all of them; which ones train is known later.
    shown = resolve_exposure(rule, percentiles, data_set.paths(), should_stop=should_stop)
    checks = check_images(data_set, report, should_stop, rule=shown)
    checks.require_readable()
    if given is not None:
        given.require_same_contents(data_set, checks.digests)
    near: list[NearPair] = []
    if given is None or not given.settings:
        near = near_duplicates(data_set, checks, should_stop=should_stop, rule=shown)
    data_set = group_duplicates(data_set, checks.digests, near)
    experiment = experiment.with_values({"data.group": data_set.group_rule})
    experiment, split = split_images(experiment, data_set, given)
    train = np.flatnonzero((split.parts == Part.TRAIN).any(axis=0))
    paths = [data_set.path(index) for index in train.tolist()]
    rule = resolve_exposure(rule, percentiles, paths, should_stop=should_stop)
    experiment = experiment.with_values({"data.window": list(rule.window)})
    return PreparedImages(experiment, data_set, checks, tuple(near), split, given)


def list_for_split(
    experiment: Experiment, data_set: DataSet, workspace: Workspace
) -> tuple[DataSet, GivenSplit | None]:
    """Return the images with the groups that `split.from` brings along, and the split that it means, where it is set.

    Raises:
        InputProblem: there is no such split, or it is not of these images.
    """
    if not experiment.split.from_:
        return data_set, None
    given = find_given_split(experiment.split.from_, workspace)
    return given.grouped(data_set, experiment.data.group), given


def split_images(experiment: Experiment, data_set: DataSet, given: GivenSplit | None) -> tuple[Experiment, Split]:
    """Return the split that an experiment asks for, and the experiment with the settings that a given one brings along.

    Args:
        data_set, given: as `list_for_split` returned them, perhaps with more images in one group.

    Raises:
        UsageProblem: settings that don't go together.
        InputProblem: the images can't be divided so.
    """
    if given is not None:
        return given.applied(experiment, data_set)
    return experiment, make_split(data_set, experiment.split, experiment.data.balance, experiment.seed)

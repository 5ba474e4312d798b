"""Which trials a run consists of, and in which order they are taken."""

from __future__ import annotations

from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import TrialKey


def grid(experiment: Experiment, split: Split) -> list[TrialKey]:
    """Return a run's trials in the order in which they are taken.

    A network's folds are together, so that its figures are complete early and its images stay in the cache; every
    network is through with one seed before another begins with the next. Inner folds, which only choose, come last,
    and one seed is enough for them.
    """
    networks, folds = experiment.model.networks, range(1, split.folds + 1)
    seeds = [(experiment.seed + number) % 2**31 for number in range(experiment.seeds)]
    tested = [TrialKey(network, fold, seed) for seed in seeds for network in networks for fold in folds]
    choosing = [
        TrialKey(network, fold, experiment.seed, inner)
        for network in networks
        for fold in folds
        for inner in range(1, split.inner_folds + 1)
    ]
    return [*tested, *choosing]

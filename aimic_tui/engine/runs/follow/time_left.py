"""How much of a run is done, and how long the rest takes, judged by the epochs that are finished.

Nobody knows when a trial will stop early. Trials of a network that finished tell how many epochs it takes; before one
has, the most epochs that the experiment allows is what is counted with, so the first estimates are upper bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal


@dataclass(frozen=True)
class TrialTiming:
    """What the estimate needs to know of one trial.

    Attributes:
        state: "over" covers finished and failed ones: nothing is left to do.
        finished: whether it ran to its end, so that its epochs tell about its network.
        epochs: finished ones.
        within: how much of the epoch under way is done, 0 to 1.
        seconds_an_epoch: NaN where unknown.
    """

    network: str
    state: Literal["queued", "running", "over"]
    finished: bool
    epochs: int
    within: float
    seconds_an_epoch: float


def _expected_epochs(trials: Sequence[TrialTiming], most: int) -> dict[str, float]:
    taken: dict[str, list[int]] = {}
    for trial in trials:
        if trial.finished and trial.epochs:
            taken.setdefault(trial.network, []).append(trial.epochs)
    return {
        trial.network: fmean(taken[trial.network]) if trial.network in taken else float(max(most, 1))
        for trial in trials
    }


def _epochs_left(trial: TrialTiming, expected: float) -> float:
    if trial.state == "over":
        return 0.0
    done = trial.epochs + trial.within
    # A trial that takes longer than the others did has at least its current epoch left.
    return max(expected - done, 1.0 - trial.within if trial.state == "running" else 0.0)


def fraction_done(trials: Sequence[TrialTiming], most_epochs: int) -> float:
    """Return how much of all trials' work is done, 0 to 1; nothing is left to do on a failed one."""
    if not trials:
        return 0.0
    expected = _expected_epochs(trials, most_epochs)
    shares = []
    for trial in trials:
        left = _epochs_left(trial, expected[trial.network])
        done = trial.epochs + trial.within
        # The test at the end is not an epoch: a trial is whole only when it is over.
        shares.append(1.0 if trial.state == "over" else min(done / (done + left), 0.99) if done > 0 else 0.0)
    return fmean(shares)


def seconds_left(trials: Sequence[TrialTiming], most_epochs: int) -> float | None:
    """Return the seconds until the last trial ends, None where no trial's speed is known yet.

    Trials that run side by side now are taken to do so until the end; the longest one under way is a lower bound.
    """
    known = [trial.seconds_an_epoch for trial in trials if math.isfinite(trial.seconds_an_epoch)]
    if not known:
        return None
    by_network: dict[str, list[float]] = {}
    for trial in trials:
        if math.isfinite(trial.seconds_an_epoch):
            by_network.setdefault(trial.network, []).append(trial.seconds_an_epoch)
    expected = _expected_epochs(trials, most_epochs)
    seconds = []
    for trial in trials:
        pace = trial.seconds_an_epoch
        if not math.isfinite(pace):
            pace = fmean(by_network.get(trial.network, known))
        seconds.append(_epochs_left(trial, expected[trial.network]) * pace)
    running = [time for time, trial in zip(seconds, trials, strict=True) if trial.state == "running"]
    return max(sum(seconds) / max(len(running), 1), max(running, default=0.0))

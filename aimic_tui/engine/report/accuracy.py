"""Accuracy as a report quotes it: never without what naming the majority class for every image gives."""

from __future__ import annotations

from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.report.printed import interval, number


def majority_accuracy(results: RunResults, network: str) -> float | None:
    """Return the accuracy of naming the majority class for every image: the baseline's, which the training part names.

    Before there are baselines it is the share of the most frequent class among the network's test images; None where
    nothing is tested.
    """
    for baseline in results.baselines:
        if baseline.name == "majority_class":
            return baseline.pooled["accuracy"].value
    supports = [found.support for found in results.networks[network].classes.values()]
    return max(supports) / sum(supports) if sum(supports) else None


def accuracy_text(results: RunResults, network: str) -> str:
    """Write a network's accuracy with what it must be compared with."""
    return (
        f"accuracy {interval(results.networks[network].pooled['accuracy'])} (majority class for every image: "
        f"{number(majority_accuracy(results, network))})"
    )

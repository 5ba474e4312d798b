"""What a run's baselines say, in words: for the report, the app and `aimic results`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aimic_tui.engine.evaluation.baseline import BASELINE_TITLES, JUDGED_BY, BaselineName
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.text import listed, printable

Written = Callable[[Interval], str]
"""Writes a figure with its interval, in the style of a terminal or of print."""

_WHAT: dict[BaselineName, str] = {
    "majority_class": "naming the majority class for every image",
    "border_colour": "the colour of the images' border alone",
    "image_colour": "the colour and contrast of the whole image alone",
    "frozen_features": "a linear classifier on frozen features of {detail}",
}
_THEREFORE: dict[BaselineName, str] = {
    "majority_class": "It may have learned nothing.",
    "border_colour": "It may have learned the background.",
    "image_colour": "Colour may be all that it uses.",
    "frozen_features": "Training all layers may not have helped.",
}
METHOD = (
    "Baselines are trained on each fold's training part and tested on its test part, as the networks are. Majority "
    "class: the most frequent one of the training part. Border and image colour: logistic regression on the mean red, "
    "green and blue of the outermost pixels, and of the whole image with its contrast (squares and products too). "
    "Frozen features: logistic regression on what the pre-trained network gives before it is fine-tuned. The "
    "validation part chooses the penalty."
)


def against_baselines(results: RunResults, written: Written) -> str:
    """Say what the baselines reach, as the second half of a sentence on a network's figures; "" without any.

    Accuracy is never quoted without the majority class's.
    """
    parts = []
    for baseline in results.baselines:
        figure = written(baseline.pooled[JUDGED_BY])
        if baseline.name == "majority_class":
            figure += f" and accuracy {written(baseline.pooled['accuracy'])}"
            parts.append(f"the majority class alone gives {TITLES[JUDGED_BY]} {figure}")
        else:
            parts.append(f"{printable(baseline.title)} {figure}")
    return ", ".join(parts)


def not_beaten(results: RunResults, written: Written, *, of: str | None = None) -> Iterator[str]:
    """Yield a warning for each network and baseline where the network is not shown to be better.

    Args:
        of: a network, whose warnings alone are wanted; they don't name it.
    """
    for network in results.networks if of is None else (of,):
        for baseline in results.baselines:
            difference = baseline.differences.get(network, {}).get(JUDGED_BY)
            beaten = baseline.beaten_by(network)
            if beaten or difference is None or difference.value is None:
                continue
            what = _WHAT[baseline.name].format(detail=printable(baseline.detail))
            shown = f"difference in {TITLES[JUDGED_BY]} {written(difference)}"
            if beaten is None:
                shown += ", without an interval"
            who = f"{printable(network)} is not" if of is None else "Not"
            yield f"{who} shown to be better than {what} ({shown}). {_THEREFORE[baseline.name]}"


def absences(results: RunResults) -> Iterator[str]:
    """Yield why there is no baseline of a kind; several kinds with one cause together."""
    by_cause: dict[str, list[str]] = {}
    for absent in results.absent_baselines:
        by_cause.setdefault(absent.sentence, []).append(BASELINE_TITLES[absent.name])
    for sentence, titles in by_cause.items():
        yield f"No baseline of {listed(titles)}: {printable(sentence)}"

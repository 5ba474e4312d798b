"""Why a class has no predictive value: the words that follow its table, wherever that is shown."""

from __future__ import annotations

from collections.abc import Mapping

from aimic_tui.engine.evaluation.run_results import ClassFigures
from aimic_tui.engine.text import listed, printable


def undefined_predictive_values(classes: Mapping[str, ClassFigures]) -> list[str]:
    """Name the tested classes that were never predicted, and those that were predicted for every image.

    A predictive value is a share of the images with one prediction; without any there is none to share. Several
    trainings are averaged, and one of them without such a prediction leaves the average undefined.
    """
    never = [name for name, found in classes.items() if found.support and found.figures["precision"].value is None]
    always = [
        name
        for name, found in classes.items()
        if found.support and found.figures["negative_predictive_value"].value is None
    ]
    sentences = []
    if never:
        was = "was" if len(never) == 1 else "were"
        sentences.append(
            f"PPV not defined for {_names(never)}, which {was} never predicted; in the macro precision it counts as 0."
        )
    if always:
        was = "was" if len(always) == 1 else "were"
        sentences.append(f"NPV not defined for {_names(always)}, which {was} predicted for every image.")
    return sentences


def _names(classes: list[str]) -> str:
    return listed([printable(name) for name in classes])

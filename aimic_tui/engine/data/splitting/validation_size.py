"""Whether the images that choose an epoch are enough to tell epochs apart, for a trial's story and for a forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.text import one_line

_FEW_OF_A_CLASS, _FEW = 5, 20


def too_few_to_choose_by(
    labels: npt.NDArray[np.int32], classes: Sequence[str], experiment: Experiment, *, validation: bool
) -> str | None:
    """Return the warning that the images that choose the epoch are too few to tell epochs apart, or None.

    Args:
        labels: of these images.
        validation: whether they are a validation part, whose share is a setting.
    """
    counts = np.bincount(labels, minlength=len(classes))
    smallest = int(counts.argmin())
    few = int(counts[smallest])
    by_loss = experiment.training.monitor == "loss"
    if len(labels) >= _FEW and (by_loss or few >= _FEW_OF_A_CLASS):
        return None
    name = one_line(classes[smallest], 60)
    of_it = f"{few} of the class {name}" if few else f"none of the class {name}"
    weighs = ""
    if few and not by_loss:
        step = 1 / len(labels) if experiment.training.monitor == "accuracy" else 1 / (few * len(classes))
        monitor = experiment.training.monitor.replace("_", " ").replace(" f1", " F1")
        weighs = f": one more of these right moves {monitor} by about {step:.2g}"
    ways = []
    if validation:
        ways.append(f"raise split.validation (it is {experiment.split.validation:g})")
    if not by_loss:
        ways.append("set training.monitor=loss, which moves less by single images")
    advice = ", or ".join([*ways, "add images"])
    return f"Few images choose the epoch: {len(labels)}, {of_it}{weighs}. {advice[0].upper()}{advice[1:]}."

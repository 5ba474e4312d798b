"""Whether there are enough images to choose the best epoch by: a warning for a trial's events and for a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.text import one_line, plural

_FEW_OF_A_CLASS, _FEW = 5, 20


def validation_size_warning(
    labels: npt.NDArray[np.int32], classes: Sequence[str], experiment: Experiment, *, validation: bool
) -> str | None:
    """Return a warning that too few images choose the best epoch, or None where they are enough.

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
    smallest_class = f"{few} of class {name}" if few else f"none of class {name}"
    effect = ""
    if few and not by_loss:
        step = 1 / len(labels) if experiment.training.monitor == "accuracy" else 1 / (few * len(classes))
        monitor = experiment.training.monitor.replace("_", " ").replace(" f1", " F1")
        effect = f" (one more correct answer moves {monitor} by about {step:.2g})"
    remedies = []
    if validation:
        remedies.append(f"raise split.validation (it is {experiment.split.validation:g})")
    if not by_loss:
        remedies.append("set training.monitor=loss, which depends less on single images")
    advice = ", or ".join([*remedies, "add images"])
    images = plural(len(labels), "validation image" if validation else "image")
    return f"Only {images}, {smallest_class}. The best epoch is a guess{effect}. {advice[0].upper()}{advice[1:]}."

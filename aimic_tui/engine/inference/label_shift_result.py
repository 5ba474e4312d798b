"""What an evaluation says of class shares that differ from those of the model's data: its types and their JSON.

Needs no torch and no numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aimic_tui.engine.evaluation.interval import Interval, interval_from_json, intervals_from_json
from aimic_tui.engine.inference.robustness_file import intervals_to_json
from aimic_tui.engine.text import listed, printable
from aimic_tui.engine.typed_values import items, number, text

METHOD = (
    "Corrected: probabilities are calibrated by the model's own validation images and adapted to the class shares that "
    "are estimated from these images without their labels (Saerens et al. 2002). It holds only where nothing but the "
    "class shares differs (label shift): images of a class look like those of the model's data, and no other classes "
    "are among them. Intervals of corrected figures take the estimated shares as given."
)


@dataclass(frozen=True)
class EvaluatedShare:
    """The share of a class among the evaluated images.

    Attributes:
        true: by their labels.
        predicted: of the images that the model predicts to be of it.
        estimated: from the model's probabilities without the labels, with limits.
    """

    name: str
    true: float
    predicted: float
    estimated: Interval


@dataclass(frozen=True)
class LabelShiftResult:
    """Figures with probabilities for the estimated class shares of the evaluated images.

    Attributes:
        shares: of each class.
        figures: accuracy, macro F1, log loss, Brier score and calibration error, by the names of `metrics.ALL_METRICS`.
    """

    shares: tuple[EvaluatedShare, ...]
    figures: Mapping[str, Interval]

    @property
    def caution(self) -> str:
        """Say that the labels contradict the estimate, so that more than class shares differs; "" where they don't."""
        off = [printable(share.name) for share in self.shares if _is_off(share)]
        if not off:
            return ""
        return (
            f"The true share of {listed(off)} lies outside the limits of the estimate: more than the class shares "
            "seems to differ, so don't rely on the corrected figures."
        )


def _is_off(share: EvaluatedShare) -> bool:
    low, high = share.estimated.low, share.estimated.high
    return low is not None and high is not None and not low <= share.true <= high


def label_shift_to_json(found: LabelShiftResult) -> dict[str, Any]:
    """Return it as plain values, with a sentence on what it is."""
    return {
        "method": METHOD,
        "caution": found.caution,
        "shares": [asdict(share) for share in found.shares],
        "figures": intervals_to_json(found.figures),
    }


def label_shift_from_json(record: Mapping[str, Any]) -> LabelShiftResult:
    """Undo `label_shift_to_json`.

    Raises:
        MALFORMED: it is no such object.
    """
    return LabelShiftResult(items(record["shares"], _share), intervals_from_json(record["figures"]))


def _share(value: Mapping[str, Any]) -> EvaluatedShare:
    estimated = interval_from_json(value["estimated"])
    return EvaluatedShare(text(value["name"]), number(value["true"]), number(value["predicted"]), estimated)

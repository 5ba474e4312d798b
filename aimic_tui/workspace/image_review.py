"""The error review: a network's test images, sorted by what is worth a look next, filtered, and marked.

Nothing here draws. Marks are those of the data set, which a `DataSession` holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.audit.look_alikes import Appearances
from aimic_tui.engine.data.listing.marks import Mark
from aimic_tui.engine.evaluation.opinions import Opinions
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.image_answers import ImageAnswers

_DECISIVE = frozenset({"reviewed", "label", "label-error", "exclude"})  # marks that settle a wrong answer


@dataclass(frozen=True)
class Order:
    """A way to sort the images: by the column `key`, which is headed `label`; `words` say it in the app."""

    key: str
    label: str
    words: str


CONFIDENCE = Order("confidence", "confidence", "most confident errors first")
ORDERS = (
    CONFIDENCE,
    Order("loss", "loss", "largest loss first"),
    Order("disagreement", "differ", "largest disagreement first"),
    Order("suspect", "doubt", "likeliest label errors first"),
    Order("fold", "fold", "as they were tested"),
)
FILTERS = {
    "wrong": "errors",
    "open": "errors without a decision",
    "suspect": "possible label errors",
    "marked": "marked",
    "all": "",
}


class ImageReview:
    """What is reviewed and how it is listed.

    Attributes:
        answers: of the network that is reviewed.
        network: its name.
        opinions: of all networks, None until they are read.
        appearances: what an audit measured of the images, None where none did.
        order, filter: how they are listed; `filter` is one of `FILTERS`.
        selection: the images of a cell or a group, which the list is limited to, with its title; None for all.
    """

    def __init__(self, answers: ImageAnswers, network: str, marking: DataSession) -> None:
        """Make a review of one network.

        Args:
            answers: the network's.
            network: its name.
            marking: the session with the marks of the images.
        """
        self.answers, self.network = answers, network
        self._marking = marking
        self.opinions: Opinions | None = None
        self.appearances: Appearances | None = None
        self.order = CONFIDENCE
        self.filter = "wrong"
        self.selection: tuple[str, NDArray[np.bool_]] | None = None

    # -- the list

    def next_order(self) -> Order:
        """Sort the images by the next thing."""
        several = self.opinions is not None and self.opinions.most_answers > 1
        orders = [order for order in ORDERS if several or order.key != "disagreement"]
        index = orders.index(self.order) + 1 if self.order in orders else 0
        self.order = orders[index % len(orders)]
        return self.order

    def next_filter(self) -> None:
        """List other images; those of a cell or a group give way to all."""
        names = list(FILTERS)
        if self.selection is not None and self.filter == "all":
            self.selection = None
        self.filter = names[(names.index(self.filter) + 1) % len(names)]

    def limit_to(self, title: str, rows: Sequence[int]) -> None:
        """List the images of a cell or a group only."""
        inside = np.zeros(len(self.answers.images), bool)
        inside[list(rows)] = True
        self.selection, self.filter = (title, inside), "all"

    def list_like(self, other: ImageReview) -> None:
        """Sort and filter as in the review of another network."""
        self.order, self.filter = other.order, other.filter

    @property
    def title(self) -> str:
        """What is listed, in words; empty where it is everything."""
        title = self.selection[0] if self.selection is not None else ""
        return ", ".join(filter(None, (FILTERS[self.filter], title)))

    @property
    def listed(self) -> NDArray[np.bool_]:
        """bool [n]: the images that are listed."""
        kept = self._filtered()
        return kept if self.selection is None else kept & self.selection[1]

    def _filtered(self) -> NDArray[np.bool_]:
        images, wrong = self.answers.images, self.answers.wrong
        if self.filter == "wrong":
            return wrong
        if self.filter == "open":
            decided = [any(mark.kind in _DECISIVE for mark in self.marks_on(image)) for image in images]
            return np.asarray(wrong & ~np.array(decided, bool))
        if self.filter == "suspect":
            suspects = self.opinions.suspects if self.opinions is not None else {}
            return np.array([image in suspects for image in images], bool)
        if self.filter == "marked":
            return np.array([bool(self.marks_on(image)) for image in images], bool)
        return np.ones(len(images), bool)

    def sort_values(self, key: str) -> NDArray[np.float64]:
        """Return float64 [n]: what images are sorted by under the key of an `Order`, the largest first, NaN last."""
        answers, opinions = self.answers, self.opinions
        if key == "loss":
            return answers.loss
        if key == "disagreement" and opinions is not None:
            return np.array([opinions.disagreement.get(image, np.nan) for image in answers.images])
        if key == "suspect" and opinions is not None:
            suspects = (opinions.suspects.get(image) for image in answers.images)
            return np.array([np.nan if one is None else one.of_opinion - one.of_label for one in suspects], np.float64)
        if key == "fold":
            return -np.arange(len(answers.images), dtype=np.float64)
        return np.where(answers.wrong, answers.confidence, np.nan)

    # -- an image's marks

    def marks_on(self, image: str) -> Sequence[Mark]:
        """Return the marks of an image; none where its data set is not open."""
        data = self._marking.data
        return data.marks.get(image, ()) if data is not None else ()

    def is_excluded(self, image: str) -> bool:
        """Tell whether an image is marked as excluded."""
        return any(mark.kind == "exclude" for mark in self.marks_on(image))

    def is_selected(self, image: str) -> bool:
        """Tell whether an image is selected for the next decision."""
        return image in self._marking.selected

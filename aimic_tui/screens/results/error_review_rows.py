"""What the error review lists of each image, and what it says beside a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.text import printable
from aimic_tui.screens.data.contents import signs_of, words_on_mark
from aimic_tui.screens.run.trial_grid import short
from aimic_tui.widgets.table_column import Cell, Column, Role, cut
from aimic_tui.widgets.thumbnails import Thumbnail
from aimic_tui.wording.numbers import number, percent
from aimic_tui.wording.signs import bar_text
from aimic_tui.workspace.network_opinions import Opinions
from aimic_tui.workspace.open_data import OpenData
from aimic_tui.workspace.run_results import Judged

_LOOKED_AT = frozenset({"reviewed", "label", "label-error", "exclude"})
_MOST_CLASSES = 8  # whose probabilities stand beside an image


@dataclass(frozen=True)
class Order:
    """A way to sort the images: by `key`, in words `words`."""

    key: str
    label: str
    words: str


ORDERS = (
    Order("sure", "sure", "surest wrong answers first"),
    Order("loss", "loss", "largest loss first"),
    Order("apart", "apart", "where answers disagree most first"),
    Order("suspect", "doubt", "likeliest label errors first"),
    Order("fold", "fold", "as they were tested"),
)
FILTERS = {
    "wrong": "wrong answers",
    "open": "wrong answers nobody has decided about",
    "suspect": "likely label errors",
    "marked": "marked ones",
    "all": "",
}


def figures_of(judged: Judged, opinions: Opinions | None, key: str) -> NDArray[np.float64]:
    """Return what images are sorted by, the largest first; NaN comes last."""
    if key == "loss":
        return judged.loss
    if key == "apart" and opinions is not None:
        return np.array([opinions.apart.get(image, np.nan) for image in judged.images])
    if key == "suspect" and opinions is not None:
        suspects = (opinions.suspects.get(image) for image in judged.images)
        return np.array([np.nan if one is None else one.of_opinion - one.of_label for one in suspects], np.float64)
    if key == "fold":
        return -np.arange(len(judged.images), dtype=np.float64)
    return np.where(judged.wrong, judged.confidence, np.nan)


def kept_by(name: str, judged: Judged, opinions: Opinions | None, data: OpenData | None) -> NDArray[np.bool_]:
    """Return bool [n]: the images that one of `FILTERS` keeps."""
    if name == "wrong":
        return judged.wrong
    marks = data.marks if data is not None else {}
    if name == "open":
        decided = [any(mark.kind in _LOOKED_AT for mark in marks.get(image, ())) for image in judged.images]
        return np.asarray(judged.wrong & ~np.array(decided, bool))
    if name == "suspect":
        suspects = opinions.suspects if opinions is not None else {}
        return np.array([image in suspects for image in judged.images], bool)
    if name == "marked":
        return np.array([image in marks for image in judged.images], bool)
    return np.ones(len(judged.images), bool)


def sign_of(image: str, data: OpenData | None, chosen: frozenset[str]) -> str:
    """Return the signs of an image: whether it is chosen, and its marks."""
    marks = data.marks.get(image, ()) if data is not None else ()
    return ("●" if image in chosen else "") + signs_of(marks)


def review_columns(
    judged: Judged, opinions: Opinions | None, data: OpenData | None, chosen: frozenset[str], order: Order
) -> list[Column]:
    """Return the list of images; the last column is what it is sorted by."""
    wrong = judged.said != judged.labels
    rows = np.arange(len(judged.images))

    def sign(row: int) -> Cell:
        return ((sign_of(judged.images[row], data, chosen), "primary"),)

    def said(row: int) -> Cell:
        code = int(judged.said[row])
        name = judged.classes[code] if code >= 0 else "–"
        return (("! " if wrong[row] else "  ", "attention"), (name, ""))

    names = judged.classes
    width = min(14, max(6, *(len(printable(name)) for name in names)))
    columns = [
        Column("marks", " ", rows, sign, width=3, searched=False),
        Column("image", "image", judged.images, printable, keep_end=True),
        Column("truth", "truth", judged.labels, lambda code: names[code], width=width),
        Column("said", "  said", rows, said, width=width + 2, sort_by=judged.said),
        Column(
            "sure",
            "sure",
            judged.confidence,
            lambda share: percent(float(share), 1),
            "right",
            7,
            descending=True,
            sort_by=figures_of(judged, opinions, "sure") if order.key == "sure" else None,
        ),
    ]
    if order.key == "fold":
        columns.append(Column("fold", "fold", judged.folds, str, "right", 6))
    elif order.key != "sure":
        figures = figures_of(judged, opinions, order.key)
        columns.append(Column(order.key, order.label, figures, number, "right", 6, descending=True))
    return columns


def thumbnails_of(
    judged: Judged, rows: Sequence[int], data: OpenData | None, chosen: frozenset[str], *, classes: bool = False
) -> list[Thumbnail]:
    """Return images with how sure the answer was; wrong answers without a mark carry the sign that wants attention.

    Their captions are their names or, with `classes`, their classes.
    """
    found = []
    for row, sure in zip(rows, judged.confidence[list(rows)].tolist(), strict=True):
        image = judged.images[row]
        signs = sign_of(image, data, chosen)
        out = data is not None and data.mark(image, "exclude") is not None
        caption = judged.classes[judged.labels[row]] if classes else f"{image.rpartition('/')[2]} {short(sure)}"
        sign = signs or ("!" if judged.said[row] != judged.labels[row] else "")
        found.append(Thumbnail(judged.paths[row], caption, sign, "primary" if signs else "attention", out))
    return found


def words_on(judged: Judged, row: int, opinions: Opinions | None, data: OpenData | None, network: str) -> list[Cell]:
    """Say about an image what was asked and answered: truth, group, fold, marks, what others think of it."""
    image, truth = judged.images[row], judged.classes[judged.labels[row]]
    right = judged.said[row] == judged.labels[row]
    lines: list[Cell] = [
        ((f"truth {truth}", ""), ("  ✓ right" if right else "  ! wrong", "" if right else "attention")),
        ((f"group {judged.groups[row]}, fold {judged.folds[row]}, {network}", "muted"),),
    ]
    for mark in data.marks.get(image, ()) if data is not None else ():
        lines.append(((words_on_mark(mark), "primary"),))
    if opinions is None:
        return lines
    if suspect := opinions.suspects.get(image):
        lines.append(((f"! {suspect.sentence}", "attention"),))
    for name, means in opinions.means.items():
        if name != network and image in means:
            shares = means[image]
            code = int(np.argmax(shares))
            lines.append(((f"{name}: {judged.classes[code]} {short(float(shares[code]))}", "muted"),))
    if image in opinions.apart:
        lines.append(((f"{opinions.answers} answers are {number(opinions.apart[image], 2)} apart", "muted"),))
    return lines


def probability_bars(judged: Judged, row: int) -> list[Cell]:
    """Draw the probabilities of the classes, the largest first; the true one's in the accent."""
    shares = np.nan_to_num(judged.probabilities[row])
    said, truth = int(judged.said[row]), int(judged.labels[row])
    order = [int(code) for code in np.argsort(-shares, kind="stable")]
    kept = order[:_MOST_CLASSES]
    if truth not in kept:
        kept = [*kept[:-1], truth]
    lines: list[Cell] = []
    for code in kept:
        share = float(shares[code])
        role: Role = "primary" if code == truth else "attention" if code == said else "muted"
        name = f"{cut(printable(judged.classes[code]), 16):16} "
        figure = f" {share:.3f}"
        lines.append(((name, "strong" if code == said else ""), (bar_text(share, 14), role), (figure, "")))
    return lines

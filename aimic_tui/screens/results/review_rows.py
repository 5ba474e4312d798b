"""What the error review writes of each image: its line in the list, its thumbnail, and the words beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aimic_tui.engine.formatting.numbers import number, percent, short_share
from aimic_tui.engine.text import printable
from aimic_tui.widgets.table_column import Cell, Column, Role, cut
from aimic_tui.widgets.thumbnails import Thumbnail
from aimic_tui.wording.marks import mark_signs, mark_words
from aimic_tui.wording.signs import bar_text
from aimic_tui.workspace.image_review import CONFIDENCE, ImageReview

_MOST_CLASSES = 8  # whose probabilities stand beside an image


def review_columns(review: ImageReview) -> list[Column]:
    """Return the list of images; the last column is what it is sorted by."""
    answers, order = review.answers, review.order
    rows, names = np.arange(len(answers.images)), answers.classes

    def sign(row: int) -> Cell:
        return ((_sign(review, answers.images[row]), "primary"),)

    def predicted(row: int) -> Cell:
        code = int(answers.predicted[row])
        name = names[code] if code >= 0 else "–"
        return (("! " if answers.predicted[row] != answers.labels[row] else "  ", "attention"), (name, ""))

    width = min(14, max(9, *(len(printable(name)) for name in names)))
    columns = [
        Column("marks", " ", rows, sign, width=3, searched=False),
        Column("image", "image", answers.images, printable, keep_end=True),
        Column("truth", "truth", answers.labels, lambda code: names[code], width=width),
        Column("predicted", "  predicted", rows, predicted, width=width + 2, sort_by=answers.predicted),
        Column(
            CONFIDENCE.key,
            CONFIDENCE.label,
            answers.confidence,
            lambda share: percent(float(share), 1),
            "right",
            11,
            descending=True,
            sort_by=review.sort_values(order.key) if order is CONFIDENCE else None,
        ),
    ]
    if order.key == "fold":
        columns.append(Column("fold", "fold", answers.folds, str, "right", 6))
    elif order is not CONFIDENCE:
        values = review.sort_values(order.key)
        columns.append(Column(order.key, order.label, values, number, "right", 6, descending=True))
    return columns


def review_thumbnails(review: ImageReview, rows: Sequence[int], *, classes: bool = False) -> list[Thumbnail]:
    """Return images with the answer's confidence; errors without a mark carry the sign that wants attention.

    Their captions are their names or, with `classes`, their classes.
    """
    answers, found = review.answers, []
    for row, confidence in zip(rows, answers.confidence[list(rows)].tolist(), strict=True):
        image = answers.images[row]
        signs = _sign(review, image)
        name = f"{image.rpartition('/')[2]} {short_share(confidence)}"
        caption = answers.classes[answers.labels[row]] if classes else name
        sign = signs or ("!" if answers.predicted[row] != answers.labels[row] else "")
        excluded = review.is_excluded(image)
        found.append(Thumbnail(answers.paths[row], caption, sign, "primary" if signs else "attention", excluded))
    return found


def _sign(review: ImageReview, image: str) -> str:
    return ("●" if review.is_selected(image) else "") + mark_signs(review.marks_on(image))


def image_facts(review: ImageReview, row: int) -> list[Cell]:
    """Say what is known of an image: truth, group, fold, marks, and what other networks make of it."""
    answers, image = review.answers, review.answers.images[row]
    truth, right = answers.classes[answers.labels[row]], answers.predicted[row] == answers.labels[row]
    return [
        ((f"true {truth}", ""), ("  ✓ right" if right else "  ! wrong", "" if right else "attention")),
        ((f"group {answers.groups[row]}, fold {answers.folds[row]}, {review.network}", "muted"),),
        *(((mark_words(mark), "primary"),) for mark in review.marks_on(image)),
        *_opinions_on(review, image),
    ]


def _opinions_on(review: ImageReview, image: str) -> Iterator[Cell]:
    opinions = review.opinions
    if opinions is None:
        return
    if suspect := opinions.suspects.get(image):
        yield ((f"! {suspect.sentence}", "attention"),)
    for network, means in opinions.means.items():
        if network != review.network and image in means:
            code = int(np.argmax(means[image]))
            share = short_share(float(means[image][code]))
            yield ((f"{network}: {review.answers.classes[code]} {share}", "muted"),)
    if image in opinions.disagreement:
        disagreement = number(opinions.disagreement[image], 2)
        yield ((f"disagreement of {opinions.most_answers} predictions: {disagreement} of 1", "muted"),)


def probability_bars(review: ImageReview, row: int) -> list[Cell]:
    """Draw the probabilities of the classes, the largest first; the true one's in the accent."""
    answers = review.answers
    probabilities = np.nan_to_num(answers.probabilities[row])
    predicted, truth = int(answers.predicted[row]), int(answers.labels[row])
    codes = [int(code) for code in np.argsort(-probabilities, kind="stable")][:_MOST_CLASSES]
    if truth not in codes:
        codes = [*codes[:-1], truth]
    lines: list[Cell] = []
    for code in codes:
        share = float(probabilities[code])
        role: Role = "primary" if code == truth else "attention" if code == predicted else "muted"
        name = f"{cut(printable(answers.classes[code]), 16):16} "
        figure = f" {number(share)}"
        lines.append(((name, "strong" if code == predicted else ""), (bar_text(share, 14), role), (figure, "")))
    return lines

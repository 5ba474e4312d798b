"""The images that a report shows: what the network finds typical, and where it went wrong most surely."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import read_image
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.report.document import Picture, Pictures
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.text import one_line, plural

_SIDE = 144
_WORST = 12
_MOST_CLASSES = 24


def pictures_of(data: DataSet, network: NetworkPredictions, rule: InputRule) -> list[Pictures]:
    """Return one typical image a class, and the worst errors, by the network's mean probabilities over its seeds."""
    said = network.probabilities.mean(axis=0)
    known = np.flatnonzero(~np.isnan(said).any(axis=1))
    if not len(known):
        return []
    said, labels, images = said[known], network.labels[known], network.images[known]
    predicted = said.argmax(axis=1)
    of_truth = said[np.arange(len(labels)), labels]

    def picture(place: int) -> Picture:
        index = int(images[place])
        truth, answer = data.classes[labels[place]], data.classes[predicted[place]]
        lines = [f"true: {one_line(truth, 60)}"]
        if truth != answer:
            lines.append(f"predicted: {one_line(answer, 60)}, {number(float(said[place].max()))}")
        lines += [f"p(true) {number(float(of_truth[place]))}", one_line(data.images[index], 80)]
        return Picture(_jpeg(data, index, rule), lines)

    found = []
    typical = []
    for code in range(len(data.classes)):
        right = np.flatnonzero((labels == code) & (predicted == code))
        if len(right):
            middle = np.argsort(of_truth[right], kind="stable")[len(right) // 2]
            typical.append(int(right[middle]))
    if typical:
        caption = "Typical: for each class, the correctly classified test image with the median probability."
        found.append(Pictures(caption, [picture(place) for place in typical[:_MOST_CLASSES]]))
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(of_truth[wrong], kind="stable")][:_WORST]
    if len(worst):
        caption = (
            f"Worst: the {len(worst)} of {plural(len(wrong), 'error')} with the lowest probability of the true class. "
            "Check their labels first."
        )
        found.append(Pictures(caption, [picture(int(place)) for place in worst]))
    return found


def _jpeg(data: DataSet, index: int, rule: InputRule) -> bytes | None:
    try:
        image = Image.fromarray(read_image(data.path(index), rule))
    except (InputProblem, OSError):
        return None  # the images have moved since; the figures stand without them
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=82)
    return stream.getvalue()

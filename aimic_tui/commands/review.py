"""What `aimic results --review` prints: likely label errors, and the images that a run's networks disagree on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.opinions import Opinions

_MOST_LISTED = 20  # images that networks disagree on; `--json` has all of them


def print_review(folder: RunFolder, *, as_json: bool) -> None:
    """Print the test images of a run that deserve a second look.

    Raises:
        InputProblem: a file of the run is missing or damaged.
    """
    from aimic_tui.engine.evaluation.label_errors import trials_without_say
    from aimic_tui.engine.evaluation.opinions import opinions_of
    from aimic_tui.engine.evaluation.run_predictions import read_run_predictions

    tested = read_run_predictions(folder.path)
    opinions = opinions_of(tested)
    labels = {
        image: tested.data.classes[code] for image, code in zip(tested.data.images, tested.data.labels, strict=True)
    }
    disagreement = sorted(opinions.disagreement.items(), key=lambda one: -one[1])
    if as_json:
        print_answer({"run": folder.name, **_to_json(opinions, disagreement, labels)})
        return
    for line in _lines(opinions, disagreement, labels, trials_without_say(tested)):
        click.echo(signs.as_shown(line))


def _to_json(opinions: Opinions, disagreement: list[tuple[str, float]], labels: dict[str, str]) -> dict[str, Any]:
    return {
        "label_errors": [
            {
                "image": suspect.image,
                "label": suspect.label,
                "predicted": suspect.opinion,
                "probability": suspect.of_opinion,
                "probability_of_label": suspect.of_label,
            }
            for suspect in opinions.suspects.values()
        ],
        "disagreement": [
            {"image": image, "label": labels[image], "disagreement": value} for image, value in disagreement
        ],
    }


def _lines(
    opinions: Opinions, disagreement: list[tuple[str, float]], labels: dict[str, str], silent: str
) -> Iterator[str]:
    yield f"{plural(len(opinions.suspects), 'likely label error')}, by networks not trained on the image."
    if silent:
        yield silent
    if opinions.suspects:
        rows = [["image", "label", "predicted", "probability", "of the label"]]
        for suspect in opinions.suspects.values():
            names = (printable(name) for name in (suspect.image, suspect.label, suspect.opinion))
            rows.append([*names, *(numbers.number(value) for value in (suspect.of_opinion, suspect.of_label))])
        yield from aligned(rows, indent=2)
    yield ""
    if opinions.most_answers < 2:
        yield "Every image was classified only once, so there is no disagreement to list."
        return
    count = min(len(disagreement), _MOST_LISTED)
    yield (
        f"The {plural(count, 'image')} with the largest disagreement between networks, seeds and repeats "
        "(0: all predictions are the same, 1: they differ as much as possible)."
    )
    rows = [["image", "label", "disagreement"]]
    rows += [
        [printable(image), printable(labels[image]), numbers.number(value)] for image, value in disagreement[:count]
    ]
    yield from aligned(rows, indent=2)

"""Training images as training will see them, as `aimic samples` draws them, cut up into tiles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.progress import ReportProgress
from aimic_tui.engine.runs.prepare.first_trial_answers import SamplesAnswer
from aimic_tui.workspace.trial_command import run_trial_command

IMAGES, EPOCHS = 12, 11  # rows and columns

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Samples:
    """Tiles of training images.

    Attributes:
        captions: of each image, its class and name.
        originals: of each image, uint8 [h, w, 3].
        variants: preset -> of each image, of each epoch.
    """

    captions: tuple[str, ...]
    originals: tuple[Pixels, ...]
    variants: Mapping[str, tuple[tuple[Pixels, ...], ...]]


async def draw_samples(workspace: Path, experiment: Experiment, report: ReportProgress) -> Samples:
    """Have the samples of all presets drawn.

    Args:
        workspace: the folder of the app's workspace.
        report: called while they are drawn.

    Raises:
        CommandRefused: the command gave an error.
        OSError: the process could not be started, or its pictures could not be read.
    """

    with temporary_folder("aimic-sheets-") as folder:
        options = ["--every-preset", "--images", str(IMAGES), "--epochs", str(EPOCHS)]
        options += ["--output", str(Path(folder) / "samples.png")]
        answer = await run_trial_command(workspace, experiment, "samples", *options, report=report)
        return await asyncio.to_thread(_cut_up, SamplesAnswer.model_validate_json(answer))


def _cut_up(answer: SamplesAnswer) -> Samples:
    side, lefts, tops = answer.tiles.side, answer.tiles.lefts, answer.tiles.tops

    def tiles(file: str) -> list[tuple[Pixels, ...]]:
        with Image.open(file) as image:
            sheet = np.asarray(image.convert("RGB"))
        return [tuple(sheet[top : top + side, left : left + side].copy() for left in lefts) for top in tops]

    sheets = {preset: tiles(file) for preset, file in answer.files.items()}
    first = next(iter(sheets.values()))
    return Samples(
        captions=tuple(f"{image.label}   {image.image}" for image in answer.images),
        originals=tuple(row[0] for row in first),
        variants={preset: tuple(row[1:] for row in rows) for preset, rows in sheets.items()},
    )

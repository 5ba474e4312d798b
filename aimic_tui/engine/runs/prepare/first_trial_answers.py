"""What the commands answer that try the first trial of a run: typed models with a version, for `--json` and the app."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from aimic_tui.engine.experiment import AugmentationPreset


class RangeTestAnswer(BaseModel):
    """The answer of `aimic learning-rate`.

    Attributes:
        rates, losses, smoothed: of each step; the losses as they were, and smoothed.
        steps: that were planned; fewer were made where it diverged.
        suggested: the suggested rate, null where the curve shows none; `rule` (null as well) and `sentence` say why.
        minimum, steepest: the rates where the smoothed loss is lowest, and where it falls fastest.
        images_per_second: the speed of training, null where there were too few steps to tell.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    network: str
    rates: tuple[float, ...]
    losses: tuple[float | None, ...]
    smoothed: tuple[float, ...]
    steps: int
    diverged: bool
    suggested: float | None
    rule: str | None
    minimum: float | None = None
    steepest: float | None = None
    sentence: str
    batch_size: int
    precision: str = ""
    device: str
    images_per_second: float | None


class SampleImageAnswer(BaseModel):
    """An image of the sample sheets: its name in the data set and its class."""

    model_config = ConfigDict(frozen=True)

    image: str
    label: str


class TilesAnswer(BaseModel):
    """Where the tiles of a sample sheet are, in pixels; the first column holds the originals."""

    model_config = ConfigDict(frozen=True)

    side: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]


class SamplesAnswer(BaseModel):
    """The answer of `aimic samples`.

    Attributes:
        preset: the experiment's own.
        files: the picture of each preset that was drawn.
        images: a row of tiles each.
        epochs: a column each, after the originals.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    preset: AugmentationPreset
    seed: int
    files: dict[AugmentationPreset, str]
    images: tuple[SampleImageAnswer, ...]
    epochs: tuple[int, ...]
    tiles: TilesAnswer

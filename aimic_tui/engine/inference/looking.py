"""What models say and see of image files: probabilities of all, features and colours of a sample, who they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_bytes
from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.inference.colour_statistics import COLOURS, colours_of
from aimic_tui.engine.inference.loaded_model import LoadedModel
from aimic_tui.engine.inference.reference import short_digest
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

_SAMPLE = 1000  # images whose features are kept

Answers = list[tuple[NDArray[np.float64], NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Looked:
    """What models say and see of n images.

    Attributes:
        probabilities: float64 [n, c], means over the models; NaN where an image can't be read.
        problems: why, else "".
        digests: uint64 [n], `short_digest` of each file; 0 where it can't be read.
        sample: int64 [s], places in 0..n-1, ascending: the readable images of the next two.
        features: for each model float32 [s, d].
        colours: for each model float32 [s, 7], `COLOURS` of what it is shown.
    """

    probabilities: NDArray[np.float64]
    problems: tuple[str, ...]
    digests: NDArray[np.uint64]
    sample: NDArray[np.int64]
    features: tuple[NDArray[np.float32], ...]
    colours: tuple[NDArray[np.float32], ...]

    @property
    def readable(self) -> NDArray[np.bool_]:
        """bool [n]."""
        return np.array([not problem for problem in self.problems], bool)


def look_at(
    models: Sequence[LoadedModel],
    paths: Sequence[Path],
    batch_size: int,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Looked:
    """Show images to models; what can't be read is noted, not raised.

    Args:
        models: loaded with `fused=False`, with the same classes.
        report: called after each batch.
        should_stop: asked after each batch.

    Raises:
        Interrupted: `should_stop` said so.
    """
    notes = _Notes(models, len(paths))
    decoded = in_threads(lambda path: _open(path, notes.ways), paths)
    report(Progress("predict", 0, len(paths)))
    while batch := list(islice(decoded, batch_size)):
        there = [opened for opened in batch if not opened.problem]
        notes.add(batch, answers(models, [opened.pictures for opened in there]) if there else [])
        done = len(notes.problems)
        report(Progress("predict", done, len(paths)))
        if should_stop() and done < len(paths):
            raise Interrupted(f"stopped after {done:,} of {len(paths):,} images; nothing was written.")
    return notes.looked()


class _Notes:
    """What is found, batch by batch."""

    def __init__(self, models: Sequence[LoadedModel], images: int) -> None:
        self.models = models
        self.ways = list(dict.fromkeys(model.card.preprocessing for model in models))
        self.problems: list[str] = []
        self._digests: list[int] = []
        self._said: list[NDArray[np.float64]] = []
        self._unknown = np.full(len(models[0].card.classes), np.nan)
        self._wanted = set(np.random.default_rng(0).permutation(images)[:_SAMPLE].tolist())
        self._sample: list[int] = []
        self._features: list[list[NDArray[np.float32]]] = [[] for _ in models]
        self._colours: list[list[NDArray[np.float32]]] = [[] for _ in models]

    def add(self, batch: Sequence[_Opened], found: Answers) -> None:
        """Note a batch; `found` is about its readable images."""
        mean = np.mean([said for said, _ in found], axis=0) if found else np.empty((0, 0))
        row = 0
        for opened in batch:
            if not opened.problem and len(self.problems) in self._wanted:
                self._sample.append(len(self.problems))
                for number, model in enumerate(self.models):
                    self._features[number].append(found[number][1][row])
                    self._colours[number].append(colours_of(opened.pictures[model.card.preprocessing]))
            self._said.append(self._unknown if opened.problem else mean[row])
            self._digests.append(opened.digest)
            self.problems.append(opened.problem)
            row += not opened.problem

    def looked(self) -> Looked:
        count = len(self._sample)
        return Looked(
            np.array(self._said, np.float64).reshape(len(self._said), len(self._unknown)),
            tuple(self.problems),
            np.array(self._digests, np.uint64),
            np.array(self._sample, np.int64),
            tuple(np.array(rows, np.float32).reshape(count, -1 if count else 0) for rows in self._features),
            tuple(np.array(rows, np.float32).reshape(count, len(COLOURS)) for rows in self._colours),
        )


@dataclass(frozen=True)
class _Opened:
    pictures: dict[Preprocessing, NDArray[np.uint8]]
    digest: int = 0
    problem: str = ""


def _open(path: Path, ways: Sequence[Preprocessing]) -> _Opened:
    try:
        digest = short_digest(digest_of_bytes(read_bytes(path)))
        return _Opened({way: way.load(path) for way in ways}, digest)
    except UnreadableImage as problem:
        return _Opened({}, problem=problem.detail)
    except MemoryError:
        return _Opened({}, problem="is too large for this machine's memory")


def answers(models: Sequence[LoadedModel], pictures: Sequence[dict[Preprocessing, NDArray[np.uint8]]]) -> Answers:
    """Return each model's probabilities [b, c] and features [b, d] of images, as each model takes them.

    What the device has no room for is done in halves.
    """
    try:
        found = []
        for model in models:
            stacked = np.stack([picture[model.card.preprocessing] for picture in pictures])
            found.append(model.with_features(model.prepare(stacked)))
        return found
    except torch.OutOfMemoryError:
        if len(pictures) == 1:
            raise
    torch.cuda.empty_cache()  # outside the handler, which would keep the failed batch alive
    half = len(pictures) // 2
    parts = [answers(models, pictures[:half]), answers(models, pictures[half:])]
    return [
        (np.concatenate([part[number][0] for part in parts]), np.concatenate([part[number][1] for part in parts]))
        for number in range(len(models))
    ]

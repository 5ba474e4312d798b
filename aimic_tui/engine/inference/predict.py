"""Classify any number of images with a model, or with the mean of several folds' models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.inference.combined_calibration import trust_in
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.prediction_table import Format, PredictionTable, Trust, format_of
from aimic_tui.engine.inference.reference import Recogniser, trained_images
from aimic_tui.engine.models.model_folder import read_checked_model
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

Pictures = dict[Preprocessing, NDArray[np.uint8]]
BATCH = {"cpu": 16, "cuda": 128}  # on a processor, larger ones only take more memory


@dataclass(frozen=True)
class PredictionSummary:
    """What a prediction did.

    Attributes:
        images: rows of the table; `resumed` of them come from an interrupted earlier call.
        unreadable: rows without a prediction.
        rejected: rows below the threshold, left to a person; None where no error rate was wanted.
        threshold: of the calibrated probability; None where no error rate was wanted.
        calibrated: whether the probabilities are.
        counts: images by predicted class, in the order of the classes.
        seconds: this call's, the loading of the network included.
        trained: images of this call that a model was trained on; None where that can't be known.
    """

    output: Path
    network: str
    models: int
    images: int
    resumed: int
    unreadable: int
    rejected: int | None
    threshold: float | None
    calibrated: bool
    counts: dict[str, int]
    seconds: float
    images_per_second: float | None
    trained: int | None


def predict(
    models: Sequence[Path],
    files: Sequence[tuple[str, Path]],
    output: Path,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
    batch_size: int | None = None,
    device: str = "auto",
    form: Format | None = None,
    as_trained: bool = False,
    max_error: float | None = None,
) -> PredictionSummary:
    """Classify `files` and write a table with a row for each, in their order.

    Where every model has a calibration, its probabilities are those of logits divided by its temperature. The
    probabilities of several models are averaged. An image that can't be read gets a row without prediction that
    says why. What an interrupted call with the same models and files wrote is kept and not computed again.

    Args:
        models: model folders with the same classes, at least one.
        files: (name, path), names unique.
        output: the table; while it is made, its rows are in OUTPUT.partial.
        report: called after each batch.
        should_stop: asked after each batch.
        batch_size: images at once; None for what suits the device.
        form: None for what the name of `output` says.
        as_trained: leave the probabilities as the networks give them.
        max_error: mark images as rejected that the models are too unsure about for at most this share of errors, 0 to
            1, among the others; the validation images of the models choose from which probability on.

    Raises:
        InputProblem: no models, or models that don't go together or are damaged, or `max_error` can't be promised.
        UsageProblem: no such device, or an output that can't be.
        Interrupted: `should_stop` said so; the sentence says how far it came.
    """
    began = time.monotonic()
    place = choose_device(device)
    trust = trust_in(models, as_trained=as_trained, max_error=max_error)
    network, classes, key = _identity(models, files, trust)
    names = [name for name, _ in files]
    with closing(PredictionTable(output, form or format_of(output), key, names, classes, trust=trust)) as table:
        resumed = table.done
        report(Progress("load", resumed, len(files)))
        loaded = [load_model(folder, place) for folder in models] if table.done < len(files) else []
        trained = trained_images(models)
        recogniser = None if trained is None else Recogniser(trained)
        first = time.monotonic()
        report(Progress("predict", resumed, len(files)))
        for probabilities, problems in classify_files(
            loaded, files[table.done :], batch_size or BATCH[place.type], recogniser
        ):
            table.add(probabilities, problems)
            report(Progress("predict", table.done, len(files)))
            if should_stop() and table.done < len(files):
                raise Interrupted(
                    f"stopped after {table.done:,} of {len(files):,} images; the rows are in "
                    f"{printable(str(table.partial))}. The same command goes on from there."
                )
        speed = (table.done - resumed) / max(time.monotonic() - first, 1e-6) if table.done > resumed else None
        table.finish()
    return PredictionSummary(
        output=output,
        network=network,
        models=len(models),
        images=len(files),
        resumed=resumed,
        unreadable=table.counts[""],
        rejected=None if trust.threshold is None else table.rejected,
        threshold=trust.threshold,
        calibrated=bool(trust.temperatures),
        counts={name: table.counts[name] for name in classes},
        seconds=time.monotonic() - began,
        images_per_second=speed,
        trained=None if recogniser is None else recogniser.count,
    )


def _identity(
    models: Sequence[Path], files: Sequence[tuple[str, Path]], trust: Trust
) -> tuple[str, tuple[str, ...], str]:
    """Return network and classes of the models, and a digest of everything that the table's rows depend on."""
    if not models:
        raise InputProblem("There is no model to predict with.")
    checked = [read_checked_model(folder) for folder in models]
    classes = checked[0][0].classes
    for (card, _, _), folder in zip(checked, models, strict=True):
        if card.classes != classes:
            raise InputProblem(
                f"{printable(str(folder))} knows other classes than {printable(str(models[0]))}: their predictions "
                "can't be averaged. Name models of one run."
            )
    parts = [*(f"{digest} {card.preprocessing.to_json()}" for card, _, digest in checked), *classes]
    parts.append(repr(trust))
    parts += [f"{name}\0{path.absolute()}" for name, path in files]
    return checked[0][0].network, classes, digest_of_bytes("\0\0".join(parts).encode("utf-8", "surrogateescape"))


def classify_files(
    models: Sequence[LoadedModel],
    files: Sequence[tuple[str, Path]],
    batch_size: int,
    recogniser: Recogniser | None = None,
) -> Iterator[tuple[list[NDArray[np.float64] | None], list[str]]]:
    """Decode in threads ahead of the network; yield for each batch of files the rows' probabilities and problems.

    A row's probabilities are float64 [models, classes], or None where the problem says why there are none. A
    `recogniser` sees every file.
    """
    ways = list(dict.fromkeys(model.card.preprocessing for model in models))
    decoded = in_threads(lambda file: _decode(file[1], ways, recogniser), files)
    while found := list(islice(decoded, batch_size)):
        readable = [pictures for pictures in found if not isinstance(pictures, str)]
        rows = iter(_classify(models, readable)) if readable else iter(())
        yield (
            [None if isinstance(pictures, str) else next(rows) for pictures in found],
            [pictures if isinstance(pictures, str) else "" for pictures in found],
        )


def _decode(path: Path, ways: Sequence[Preprocessing], recogniser: Recogniser | None) -> Pictures | str:
    try:
        if recogniser is not None:
            recogniser.see(path)
        return {way: way.load(path) for way in ways}
    except UnreadableImage as problem:
        return problem.detail
    except MemoryError:
        return "is too large for this machine's memory"


def _classify(models: Sequence[LoadedModel], pictures: Sequence[Pictures]) -> NDArray[np.float64]:
    """Return float64 [images, models, classes]; a batch that the device has no room for is done in halves."""
    try:
        return _classify_at_once(models, pictures)
    except torch.OutOfMemoryError:
        if len(pictures) == 1:
            raise
    torch.cuda.empty_cache()  # outside the handler, which would keep the failed batch alive
    half = len(pictures) // 2
    return np.concatenate([_classify(models, pictures[:half]), _classify(models, pictures[half:])])


def _classify_at_once(models: Sequence[LoadedModel], pictures: Sequence[Pictures]) -> NDArray[np.float64]:
    inputs: dict[Preprocessing, torch.Tensor] = {}
    for model in models:
        way = model.card.preprocessing
        if way not in inputs:
            inputs[way] = model.prepare(np.stack([picture[way] for picture in pictures]))
    return np.stack([model.probabilities(inputs[model.card.preprocessing]) for model in models], axis=1)

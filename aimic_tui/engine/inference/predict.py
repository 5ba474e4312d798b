"""Classify any number of images with a model, or with the mean of several folds' models."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.label_shift import ClassShare, class_shares
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration, combine_calibrations
from aimic_tui.engine.inference.image_batches import DecodedImage, image_batches
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.prediction_table import Format, PredictionTable, format_of
from aimic_tui.engine.inference.reference import trained_images
from aimic_tui.engine.inference.run_networks import BATCH, class_probabilities
from aimic_tui.engine.models.model_folder import read_checked_model
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable


@dataclass(frozen=True)
class PredictionSummary:
    """What a prediction did.

    Attributes:
        images: rows of the table; `resumed` of them come from an interrupted earlier call.
        unreadable: rows without a prediction.
        rejected: rows below the threshold, left for review; None where no maximum error rate was requested.
        threshold: of the calibrated probability; None where no maximum error rate was requested.
        max_error: the one that was requested, 0 to 1.
        rests_on_groups: whether the threshold assumes that errors don't come as whole groups, with few groups tested.
        calibrated: whether the probabilities are.
        counts: predicted class -> images, in the order of the classes.
        seconds: of this call, loading the network included.
        trained: images of this call that a model was trained on; None where that can't be known.
        shares: of each class, counted and estimated (`label_shift`); None of too few images, or where the models'
            calibration does not allow it.
    """

    output: Path
    network: str
    models: int
    images: int
    resumed: int
    unreadable: int
    rejected: int | None
    threshold: float | None
    max_error: float | None
    rests_on_groups: bool
    calibrated: bool
    counts: dict[str, int]
    seconds: float
    images_per_second: float | None
    trained: int | None
    shares: tuple[ClassShare, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as the event of a finished prediction has them."""
        return {**asdict(self), "output": str(self.output)}


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
        max_error: mark images as rejected that the models are too unsure about for this error rate, 0 to 1, among the
            others; the test images of the models' run choose from which probability on.

    Raises:
        InputProblem: no models, or models that don't go together or are damaged, or `max_error` can't be promised.
        UsageProblem: no such device, or an output that can't be.
        Interrupted: `should_stop` said so; the sentence says how far it came.
    """
    began = time.monotonic()
    place = choose_device(device)
    calibration = combine_calibrations(models, as_trained=as_trained, max_error=max_error)
    network, classes, key = _identity(models, files, calibration)
    names = [name for name, _ in files]
    with closing(
        PredictionTable(output, form or format_of(output), key, names, classes, calibration=calibration)
    ) as table:
        resumed = table.done
        report(Progress("load", resumed, len(files)))
        loaded = [load_model(folder, place) for folder in models] if table.done < len(files) else []
        digests = trained_images(models)
        known, trained = None if digests is None else frozenset(digests.tolist()), 0
        first = time.monotonic()
        for batch in image_batches(
            [path for _, path in files[resumed:]],
            [model.card.preprocessing for model in loaded],
            batch_size or BATCH[place.type],
            report=report,
            should_stop=should_stop,
            with_digests=known is not None,
            before=resumed,
            consequence=f"the rows are in {printable(str(table.partial))}. The same command goes on from there.",
        ):
            table.add(classified(loaded, batch), [image.problem for image in batch])
            trained += sum(image.digest in known for image in batch if image.digest) if known is not None else 0
        speed = (table.done - resumed) / max(time.monotonic() - first, 1e-6) if table.done > resumed else None
        shares = None
        if calibration.recalibration is not None:
            shares = class_shares(tuple(classes), *table.answered(), calibration.recalibration)
        table.finish()
    return PredictionSummary(
        output=output,
        network=network,
        models=len(models),
        images=len(files),
        resumed=resumed,
        unreadable=table.counts[""],
        rejected=None if calibration.threshold is None else table.rejected,
        threshold=calibration.threshold,
        max_error=max_error,
        rests_on_groups=calibration.rests_on_groups,
        calibrated=bool(calibration.temperatures),
        counts={name: table.counts[name] for name in classes},
        seconds=time.monotonic() - began,
        images_per_second=speed,
        trained=None if known is None else trained,
        shares=shares,
    )


def _identity(
    models: Sequence[Path], files: Sequence[tuple[str, Path]], calibration: CombinedCalibration
) -> tuple[str, tuple[str, ...], str]:
    """Return network and classes of the models, and a digest of everything that the table's rows depend on."""
    if not models:
        raise InputProblem("There is no model to predict with.")
    checked = [read_checked_model(folder) for folder in models]
    classes = checked[0][0].classes
    for (card, _, _), folder in zip(checked, models, strict=True):
        if card.classes != classes:
            raise InputProblem(
                f"{printable(str(folder))} has other classes than {printable(str(models[0]))}: their predictions "
                "can't be averaged. Name models of one run."
            )
    parts = [*(f"{digest} {card.preprocessing.to_json()}" for card, _, digest in checked), *classes]
    # Word for word as version 0.1 wrote it: tables that it left unfinished are gone on with.
    parts.append(f"Trust(temperatures={calibration.temperatures!r}, threshold={calibration.threshold!r})")
    if calibration.weights_undone:
        parts.append(f"priors={calibration.priors!r}")
    parts += [f"{name}\0{path.absolute()}" for name, path in files]
    return checked[0][0].network, classes, digest_of_bytes("\0\0".join(parts).encode("utf-8", "surrogateescape"))


def classified(models: Sequence[LoadedModel], batch: Sequence[DecodedImage]) -> list[NDArray[np.float64] | None]:
    """Return the probabilities of each image of a batch, float64 [models, classes]; None where it can't be read."""
    readable = [image.pixels for image in batch if not image.problem]
    rows = iter(class_probabilities(models, readable)) if readable else iter(())
    return [None if image.problem else next(rows) for image in batch]

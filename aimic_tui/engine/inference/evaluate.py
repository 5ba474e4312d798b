"""A model judged on another, labelled data set, and whether those images are of the kind that it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import class_scores, confusion
from aimic_tui.engine.evaluation.predictions import Predictions
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.inference.class_map import ClassMap
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration, combine_calibrations
from aimic_tui.engine.inference.evaluation_file import MARGIN, ClassResult, EvaluationResults, Remark, Unreadable
from aimic_tui.engine.inference.group_means import mean_interval
from aimic_tui.engine.inference.label_shift_figures import can_be_corrected, corrected_figures
from aimic_tui.engine.inference.label_shift_result import LabelShiftResult
from aimic_tui.engine.inference.loaded_model import LoadedModel, choose_device, load_model
from aimic_tui.engine.inference.loss import HomeComparison, compare_with_home
from aimic_tui.engine.inference.make_reference import reference_of
from aimic_tui.engine.inference.observations import Observations, observe
from aimic_tui.engine.inference.reference import Reference, group_codes, trained_images
from aimic_tui.engine.inference.robustness_file import NetworkRobustness
from aimic_tui.engine.inference.run_networks import BATCH
from aimic_tui.engine.inference.shift import Sample, Shift, compare_samples, mean_shift
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

_SHOWN = 3
_NOTABLE_OVERCONFIDENCE = 0.1  # mean probability minus accuracy


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is worth on a data set.

    Attributes:
        network: of the model; `models` were asked together.
        predictions: of the images that are judged, in the classes of `class_map`.
        groups: int32 [n] of these.
        judgement: their figures with intervals.
        comparison: with the figures on the test images of the model's own run, of the classes that the data has; None
            where these are not known.
        shift: None where nothing is known of the model's own images.
        trained: images of the data that the model was trained on; None where that can't be known.
        margin: the largest loss that is of no importance.
        mean_probability: of what the model says, over the judged images.
        overconfidence: that minus the accuracy.
        notes: sentences on what to keep in mind.
        label_shift: the figures for the estimated class shares of the images; None where these can't be estimated.
    """

    network: str
    models: int
    class_map: ClassMap
    predictions: Predictions
    groups: NDArray[np.int32]
    judgement: BootstrapFigures
    comparison: HomeComparison | None
    shift: Shift | None
    unreadable: tuple[Unreadable, ...]
    trained: int | None
    margin: float
    mean_probability: float
    overconfidence: Interval
    notes: tuple[str, ...] = field(default=())
    label_shift: LabelShiftResult | None = None

    @property
    def home(self) -> dict[str, Interval] | None:
        """The figures at home; None where they are not known."""
        return None if self.comparison is None else self.comparison.home.overall

    @property
    def differences(self) -> dict[str, Interval]:
        """Figure -> here minus home; empty without `home`."""
        return {} if self.comparison is None else self.comparison.differences

    @property
    def confusion(self) -> list[list[int]]:
        """Images by truth (rows) and what the model says (columns)."""
        counts = confusion(self.predictions.labels, self.predictions.predicted, len(self.class_map.classes))
        found: list[list[int]] = counts.tolist()
        return found

    def verdict(self) -> list[str]:
        """Say in plain words whether the images are of the model's kind, and what that costs."""
        return [remark.sentence for remark in self.remarks()]

    def remarks(self) -> list[Remark]:
        """Return the sentences of the verdict with what they are."""
        said = [] if self.shift is None else list(self.shift.remarks())
        if self.comparison is not None:
            said.append(self.comparison.loss_remark())
            of_classes = self.comparison.classes_remark(self.class_map.classes)
            said += [] if of_classes is None else [of_classes]
        overconfident = _overconfidence_remark(self)
        return said if overconfident is None else [*said, overconfident]

    def results(
        self, *, model: Path, data: str, root: Path, left_out_trained: bool, robustness: NetworkRobustness | None = None
    ) -> EvaluationResults:
        """Return what is stored and shown of it.

        Args:
            model: its folder, the first of several.
            data: the data set, as it was named.
            root: the folder that the names of the images are relative to.
            left_out_trained: whether images that the model was trained on are left out.
            robustness: the same images disturbed, where that was asked for.
        """
        return EvaluationResults(
            model=str(model),
            data=data,
            root=str(root),
            network=self.network,
            models=self.models,
            images=len(self.predictions.images),
            groups=self.judgement.groups,
            confidence=self.judgement.confidence,
            classes=tuple(self._class_results()),
            pooled=self.judgement.overall,
            home=self.home,
            differences=self.differences,
            confusion=tuple(map(tuple, self.confusion)),
            mapping={name: self.class_map.classes[code] for name, code in self.class_map.of_data.items()},
            left_out=self.class_map.left_out,
            absent=self.class_map.absent,
            unreadable=self.unreadable,
            trained=self.trained,
            left_out_trained=left_out_trained,
            mean_probability=self.mean_probability,
            shift=None if self.shift is None else self.shift.result(),
            verdict=tuple(self.remarks()),
            notes=self.notes,
            robustness=robustness,
            margin=self.margin,
            loss=None if self.comparison is None else self.comparison.loss,
            difference_p={} if self.comparison is None else self.comparison.p,
            overconfidence=self.overconfidence,
            label_shift=self.label_shift,
        )

    def _class_results(self) -> Iterator[ClassResult]:
        rows, comparison = class_scores(self.predictions.labels, self.predictions.probabilities), self.comparison
        for code, (name, figures, row) in enumerate(
            zip(self.class_map.classes, self.judgement.classes, rows, strict=True)
        ):
            yield ClassResult(
                name,
                figures,
                support=round(row["support"] or 0),
                predicted=round(row["predicted"] or 0),
                home=None if comparison is None else comparison.home.classes[code],
                differences={} if comparison is None else comparison.class_differences[code],
                recall_p=None if comparison is None else comparison.recall_p[code],
            )


def _overconfidence_remark(found: Evaluation) -> Remark | None:
    """Say that the probabilities are too high where that is shown, and by a notable amount."""
    gap, accuracy = found.overconfidence, found.judgement.overall["accuracy"].value
    if gap.value is None or gap.low is None or gap.high is None or accuracy is None:
        return None
    if gap.low <= 0 or gap.value <= _NOTABLE_OVERCONFIDENCE:
        return None
    sentence = (
        f"Overconfident: its mean probability is {percent(found.mean_probability)}, and {percent(accuracy)} of its "
        f"predictions are right; {100 * gap.low:.0f} to {100 * gap.high:.0f} points too high."
    )
    return Remark(sentence, "attention", "overconfidence")


def evaluate(
    models: Sequence[Path],
    data_set: DataSet,
    class_map: ClassMap,
    *,
    device: str = "auto",
    batch_size: int | None = None,
    leave_out_trained: bool = False,
    margin: float = MARGIN,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Judge models, whose probabilities are averaged, on a labelled data set.

    Args:
        models: folders with the same classes, those that `class_map` was made for.
        leave_out_trained: don't judge images that a model was trained on.
        margin: the largest loss that is of no importance, above 0.
        resamples, confidence, seed: of the intervals.
        report: called after each batch, and while figures are made.
        should_stop: asked as often.

    Raises:
        InputProblem: a model is damaged, or no image can be judged.
        UsageProblem: no such device.
        Interrupted: `should_stop` said so.
    """
    place = choose_device(device)
    report(Progress("load", 0, len(data_set)))
    loaded = [load_model(folder, place, fused=False) for folder in models]
    notes = [*_about_similar_names(class_map), *_about_the_models(loaded)]
    judged = _Judged.of(data_set, class_map)
    batch = batch_size or BATCH[place.type]
    observed = observe(loaded, judged.paths, batch, report=report, should_stop=should_stop)
    known = trained_images(models)
    trained = None if known is None else np.isin(observed.digests, known) & observed.readable
    kept = observed.readable
    if trained is None:
        notes.append("Whether the model was trained on some of these images is unknown: its run is not there.")
    elif trained.any():
        notes.append(_about_training(int(trained.sum()), int(kept.sum()), left_out=leave_out_trained))
        kept = kept & ~trained if leave_out_trained else kept
    unreadable = tuple(
        Unreadable(data_set.images[index], problem)
        for index, problem in zip(judged.images, observed.problems, strict=True)
        if problem
    )
    if not kept.any():
        raise InputProblem(_nothing_left(unreadable))
    said = class_map.probabilities(observed.probabilities[kept])
    names = tuple(data_set.images[index] for index in judged.images[kept])
    predictions = Predictions(names, judged.labels[kept], said, class_map.classes)
    groups = data_set.groups[judged.images[kept]]
    references = _references(loaded, notes)
    at_home = _at_home(references, class_map, np.unique(predictions.labels)) if references else None
    options: dict[str, Any] = {"resamples": resamples, "confidence": confidence, "seed": seed}
    calibration = _calibration(models)
    correctable = can_be_corrected(calibration, len(said))
    counts = [len(said), *([] if at_home is None else [len(at_home[0])]), *([len(said)] if correctable else [])]
    figures = _FiguresProgress(counts, resamples, report, should_stop)
    judgement = cluster_bootstrap(predictions.labels, said, groups, **options, on_resamples=figures.of(0))
    home = None if at_home is None else cluster_bootstrap(*at_home, **options, on_resamples=figures.of(1))
    label_shift = None
    if correctable:
        label_shift = corrected_figures(
            predictions.labels,
            predictions.predicted,
            observed.members[:, kept],
            groups,
            class_map=class_map,
            calibration=calibration,
            **options,
            on_resamples=figures.of(len(counts) - 1),
        )
    figures.finish()
    rows = np.flatnonzero(kept[observed.sample])
    return Evaluation(
        network=loaded[0].card.network,
        models=len(loaded),
        class_map=class_map,
        predictions=predictions,
        groups=groups,
        judgement=judgement,
        comparison=None if home is None else compare_with_home(judgement, home, margin),
        shift=_shift(references, observed, rows, judged, class_map) if references and len(rows) else None,
        unreadable=unreadable,
        trained=None if trained is None else int(trained.sum()),
        margin=margin,
        mean_probability=float(said.max(axis=1).mean()),
        overconfidence=mean_interval(
            predictions.confidence - (predictions.predicted == predictions.labels), groups, confidence
        ),
        notes=tuple(notes),
        label_shift=label_shift,
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """The images of a data set whose class a model is judged by: indices int64 [n], codes of the map int32 [n]."""

    data_set: DataSet
    images: NDArray[np.int64]
    labels: NDArray[np.int32]

    @classmethod
    def of(cls, data_set: DataSet, class_map: ClassMap) -> _Judged:
        codes = np.array([class_map.of_data.get(name, -1) for name in data_set.classes], np.int32)
        labels = codes[data_set.labels]
        images = np.flatnonzero(labels >= 0).astype(np.int64)
        return cls(data_set, images, labels[images])

    @property
    def paths(self) -> list[Path]:
        return [self.data_set.path(int(index)) for index in self.images]


def _about_similar_names(class_map: ClassMap) -> Iterator[str]:
    if class_map.similar:
        pairs = ", ".join(f'"{name}" as {of_model}' for name, of_model in class_map.similar.items())
        yield f"Classes that are written differently here were matched: {pairs}. Change that with --map or --leave-out."


def _about_the_models(loaded: Sequence[LoadedModel]) -> Iterator[str]:
    if any(model.card.provenance.protocol == "aimic-2022" for model in loaded):
        yield (
            "The model was trained by the protocol published in 2022, so its figures at home are optimistic and the "
            "loss looks larger than it is."
        )
    if len(loaded) > 1:
        yield (
            f"Here the predictions of {len(loaded)} models are averaged; at home each image was tested by the one "
            "model not trained on it."
        )


def _about_training(count: int, images: int, *, left_out: bool) -> str:
    what = f"The model was trained on {count:,} of the {images:,} images"
    return f"{what}; these are left out." if left_out else f"{what}: expect lower figures on new ones."


def _nothing_left(unreadable: Sequence[Unreadable]) -> str:
    if not unreadable:
        return "No image is left to evaluate on: the model was trained on all of them."
    named = "; ".join(f"{printable(entry.image)} {entry.problem}" for entry in unreadable[:_SHOWN])
    return f"No image is left to evaluate on: {len(unreadable):,} can't be read, such as {named}."


def _references(loaded: Sequence[LoadedModel], notes: list[str]) -> list[Reference]:
    try:
        return [reference_of(model) for model in loaded]
    except InputProblem as problem:
        notes.append(f"The images can't be compared with the model's own. {problem.sentence}")
        return []


def _calibration(models: Sequence[Path]) -> CombinedCalibration:
    """Return the models' calibration; none where it can't be read, since the plain figures do without."""
    try:
        return combine_calibrations(models)
    except InputProblem:
        return CombinedCalibration()


def _at_home(
    references: Sequence[Reference], class_map: ClassMap, present: NDArray[np.integer]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]] | None:
    """Return labels, probabilities and groups of the models' own test images, of the classes that are present."""
    labels = np.concatenate([class_map.of_model[found.labels[found.tested]] for found in references])
    said = np.concatenate([class_map.probabilities(found.probabilities[found.tested]) for found in references])
    groups = np.unique(np.concatenate([found.groups[found.tested] for found in references]), return_inverse=True)[1]
    used = np.isin(labels, present)
    if not used.any():
        return None
    return labels[used].astype(np.int32), said[used], groups[used].astype(np.int32)


class _FiguresProgress:
    """Reports how far the figures of several sets of images are, and ends them where that is asked for.

    Args:
        images: how many each set has; a resample of twice as many takes twice as long.
        resamples: of each set.
    """

    def __init__(
        self, images: Sequence[int], resamples: int, report: ReportProgress, should_stop: Callable[[], bool]
    ) -> None:
        self._images, self._resamples = images, resamples
        self._report, self._should_stop = report, should_stop
        self._update(0, 0)

    def of(self, index: int) -> Callable[[int], None]:
        """Return what is to be called with the resamples of one set that are done."""
        return lambda done: self._update(index, done)

    def finish(self) -> None:
        """Report that all are done: a set of few groups has figures without intervals, and tells of no resample."""
        total = self._resamples * sum(self._images)
        self._report(Progress("resample", total, total))

    def _update(self, index: int, done: int) -> None:
        if self._should_stop():
            raise Interrupted("stopped before the figures were computed; nothing was saved.")
        work = self._resamples * sum(self._images[:index]) + done * self._images[index]
        self._report(Progress("resample", work, self._resamples * sum(self._images)))


def _shift(
    references: Sequence[Reference],
    observed: Observations,
    rows: NDArray[np.int64],
    judged: _Judged,
    class_map: ClassMap,
) -> Shift:
    """Compare images with those that each model knows.

    Args:
        rows: into the sample of `observed`.
    """
    images = judged.images[observed.sample[rows]]
    names = [judged.data_set.group_names[code] for code in judged.data_set.groups[images]]
    shifts = [
        compare_samples(
            Sample(reference.features, reference.colours, class_map.of_model[reference.labels], reference.groups),
            Sample(features[rows], colours[rows], judged.labels[observed.sample[rows]], group_codes(names)),
        )
        for reference, features, colours in zip(references, observed.features, observed.colours, strict=True)
    ]
    return mean_shift(shifts)

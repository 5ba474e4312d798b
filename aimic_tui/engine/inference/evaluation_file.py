"""evaluation.json: what `aimic evaluate` found, its types, and the one place that reads and writes it.

`aimic evaluate --json` prints the same object. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aimic_tui.engine.bounded_files import DamagedFile, read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval, interval_from_json, intervals_from_json
from aimic_tui.engine.files import write_json
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.inference.label_shift_result import LabelShiftResult, label_shift_from_json, label_shift_to_json
from aimic_tui.engine.inference.robustness_file import (
    METHOD,
    NetworkRobustness,
    intervals_to_json,
    robustness_from_json,
    robustness_to_json,
)
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import (
    MALFORMED,
    items,
    mapping,
    number,
    one_of,
    optional_number,
    reason_in_words,
    text,
    whole,
)

FILE = "evaluation.json"
VERSION = 2
"""Counts up when a key changes; files of version 0.1 of the program have none and are of version 1.

Version 2: the verdict is "fine" only where a loss beyond the margin, or a difference between the images, is ruled out.
"""

MARGIN = 0.05
"""The largest loss that is of no importance, unless the user says otherwise: one image in twenty.

A convention, and no more: what may be lost follows from what a loss costs, and should be settled before looking (Ahn,
Park and Lee 2013, Radiology 267, 328). Much less can't be ruled out with the few hundred images that another laboratory
can label: near 0.9, a margin of 0.02 takes thousands.
"""

NOTABLE_DEVIATIONS = 0.5
"""How many standard deviations between the known images a difference in light, colour or focus is worth naming."""

RemarkKind = Literal["fine", "attention", "open"]
"""Nothing to worry about, worth attention, or left open."""


@dataclass(frozen=True)
class Unreadable:
    """An image without prediction, and why."""

    image: str
    problem: str


RemarkSubject = Literal["shift", "appearance", "loss", "classes", "overconfidence", ""]
"""What a sentence of the verdict is about; "" in files that don't say so."""

LossVerdict = Literal["gain", "within margin", "small loss", "loss", "open"]
"""A gain is shown; a loss beyond the margin is ruled out (and a smaller one shown); a loss is shown; none of these."""


@dataclass(frozen=True)
class Remark:
    """A sentence of the verdict, what it is and about what.

    Attributes:
        p: of no difference, where the sentence rests on such a test: the smallest, adjusted for those beside it.
    """

    sentence: str
    kind: RemarkKind
    subject: RemarkSubject = ""
    p: float | None = None


@dataclass(frozen=True)
class Loss:
    """The verdict on what a model loses elsewhere; see `loss.judge_loss`.

    Attributes:
        metric: the figure that it is judged by.
        p: two-sided, of no difference; None where there is no interval.
        p_margin: one-sided, of a loss as large as the margin: the loss is ruled out where it is small.
        groups_needed: roughly how many would rule out a loss beyond the margin if there is none; None where the verdict
            is not open, or no number would.
    """

    metric: str
    verdict: LossVerdict
    p: float | None
    p_margin: float | None
    groups_needed: int | None


@dataclass(frozen=True)
class ClassResult:
    """The figures of one class.

    Attributes:
        figures: here.
        support: its images.
        predicted: images that were predicted to be of it.
        home: the figures on the model's own test images; None where they are not known.
        differences: here minus home; empty without `home`.
        recall_p: of no difference in recall, adjusted for the number of classes (Holm); None where untested.
    """

    name: str
    figures: Mapping[str, Interval]
    support: int
    predicted: int
    home: Mapping[str, Interval] | None
    differences: Mapping[str, Interval]
    recall_p: float | None = None


@dataclass(frozen=True)
class AppearanceShift:
    """How one figure of light, colour or focus differs; see `appearance.ColourShift`. None where it can't be measured.

    Attributes:
        p: None where it can't be tested, and in files of version 1.
    """

    name: str
    known: float | None
    new: float | None
    deviations: float | None
    p: float | None = None

    def notable(self, level: float) -> bool:
        """Tell whether a difference is shown (p at most `level`), large among the images, and visible as written."""
        if self.deviations is None or self.p is None or self.known is None or self.new is None:
            return False
        large = abs(self.deviations) >= NOTABLE_DEVIATIONS
        return large and self.p <= level and self.written(self.known) != self.written(self.new)

    def written(self, value: float | None) -> str:
        """Return one of the two values as it is written everywhere."""
        return numbers.number(value, 0 if self.name in ("brightness", "contrast") else 3)


@dataclass(frozen=True)
class ShiftResult:
    """How the images differ from those that the model knows; see `shift.Shift`."""

    verdict: str
    auroc: Interval
    distance: float | None
    appearance: tuple[AppearanceShift, ...]
    images: int
    sentence: str
    p: float | None = None
    achievable: float | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationResults:
    """A model's figures on a labelled data set.

    Attributes:
        model: its folder, the first of several.
        data: the data set, as it was named.
        root: the folder that the names of the images are relative to.
        network, models: of the model; so many models were averaged.
        images, groups: that were evaluated.
        confidence: of the intervals.
        classes: figures of each, in the order of the confusion matrix.
        pooled: figure -> here.
        home: figure -> on the model's own test images; None where they are not known.
        differences: figure -> here minus home; empty without `home`.
        confusion: images by true class (rows) and predicted class (columns).
        mapping: the data's classes -> the class that they are evaluated as.
        left_out: the data's classes that are not evaluated -> images.
        absent: classes of the model without an image.
        trained: images that the model was trained on; None where that can't be known.
        left_out_trained: whether those are left out.
        mean_probability: of the predicted classes; None where it was not stored.
        shift: None where nothing is known of the model's own images.
        verdict: in plain sentences.
        notes: sentences on what to keep in mind.
        robustness: the same images disturbed; None where that was not asked for.
        margin: the largest loss that is of no importance; None in files of version 1.
        loss: the verdict by that margin; None without `home`.
        difference_p: figure -> of no difference: the judged one as it is, the others adjusted for being several (Holm).
        overconfidence: mean probability of the predicted classes minus accuracy; None where it was not stored.
        label_shift: the figures for the estimated class shares of the images; None where these can't be estimated, and
            where it was not stored.
    """

    model: str
    data: str
    root: str
    network: str
    models: int
    images: int
    groups: int
    confidence: float
    classes: tuple[ClassResult, ...]
    pooled: Mapping[str, Interval]
    home: Mapping[str, Interval] | None
    differences: Mapping[str, Interval]
    confusion: tuple[tuple[int, ...], ...]
    mapping: Mapping[str, str]
    left_out: Mapping[str, int]
    absent: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    trained: int | None
    left_out_trained: bool
    mean_probability: float | None
    shift: ShiftResult | None
    verdict: tuple[Remark, ...]
    notes: tuple[str, ...]
    robustness: NetworkRobustness | None = None
    margin: float | None = None
    loss: Loss | None = None
    difference_p: Mapping[str, float | None] = field(default_factory=dict)
    overconfidence: Interval | None = None
    label_shift: LabelShiftResult | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of `classes`."""
        return tuple(found.name for found in self.classes)


def write_evaluation(folder: Path, results: EvaluationResults) -> None:
    """Write evaluation.json into a folder, atomically.

    Raises:
        OSError: it can't be written.
    """
    write_json(folder / FILE, evaluation_to_json(results))


def read_evaluation(folder: Path) -> EvaluationResults:
    """Read evaluation.json of a folder.

    Raises:
        InputProblem: it can't be read.
    """
    file = folder / FILE
    try:
        return evaluation_from_json(read_json(file))
    except DamagedFile:
        raise
    except OSError as error:
        raise InputProblem(f"{printable(str(file))} can't be read: {error.strerror}.") from None
    except MALFORMED as error:
        raise InputProblem(
            f"{printable(str(file))} can't be read: {reason_in_words(error)}. Evaluate the model again."
        ) from None


def evaluation_to_json(results: EvaluationResults) -> dict[str, Any]:
    """Return results as plain values, as docs/design.md lays them out, with further keys."""
    record: dict[str, Any] = {
        "version": VERSION,
        "model": results.model,
        "data": results.data,
        "root": results.root,
        "images": results.images,
        "groups": results.groups,
        "pooled": intervals_to_json(results.pooled),
        "confusion": [list(row) for row in results.confusion],
        "classes": list(results.class_names),
        "per_class": {found.name: _class_to_json(found) for found in results.classes},
        "confidence": results.confidence,
        "network": results.network,
        "models": results.models,
        "mapping": dict(results.mapping),
        "left_out": dict(results.left_out),
        "absent": list(results.absent),
        "unreadable": [asdict(entry) for entry in results.unreadable],
        "trained": results.trained,
        "left_out_trained": results.left_out_trained,
        "mean_probability": results.mean_probability,
        "home": None if results.home is None else intervals_to_json(results.home),
        "differences": intervals_to_json(results.differences),
        "shift": None if results.shift is None else _shift_to_json(results.shift),
        "verdict": [remark.sentence for remark in results.verdict],
        "verdict_kinds": [remark.kind for remark in results.verdict],
        "verdict_subjects": [remark.subject for remark in results.verdict],
        "verdict_p": [remark.p for remark in results.verdict],
        "margin": results.margin,
        "loss": None if results.loss is None else asdict(results.loss),
        "difference_p": dict(results.difference_p),
        "overconfidence": None if results.overconfidence is None else asdict(results.overconfidence),
        "label_shift": None if results.label_shift is None else label_shift_to_json(results.label_shift),
        "notes": list(results.notes),
    }
    if results.robustness is not None:
        record["robustness"] = {"method": METHOD, **robustness_to_json(results.robustness)}
    return record


def _class_to_json(found: ClassResult) -> dict[str, Any]:
    return {
        **intervals_to_json(found.figures),
        "support": found.support,
        "predicted": found.predicted,
        "home": None if found.home is None else intervals_to_json(found.home),
        "differences": intervals_to_json(found.differences),
        "recall_p": found.recall_p,
    }


def _shift_to_json(shift: ShiftResult) -> dict[str, Any]:
    return {
        "verdict": shift.verdict,
        "auroc": asdict(shift.auroc),
        "distance": shift.distance,
        "colours": {
            each.name: {"known": each.known, "new": each.new, "deviations": each.deviations, "p": each.p}
            for each in shift.appearance
        },
        "images": shift.images,
        "sentence": shift.sentence,
        "p": shift.p,
        "achievable": shift.achievable,
    }


def evaluation_from_json(record: Mapping[str, Any]) -> EvaluationResults:
    """Undo `evaluation_to_json`; what version 0.1 did not write has a default.

    Raises:
        MALFORMED: it is no such object.
    """
    if whole(record.get("version", 1)) > VERSION:
        raise ValueError(f"it is of version {record['version']}, and only those up to {VERSION} are known")
    margin, loss, overconfidence = record.get("margin"), record.get("loss"), record.get("overconfidence")
    home, trained, shift = record.get("home"), record.get("trained"), record.get("shift")
    robustness, mean = record.get("robustness"), record.get("mean_probability")
    label_shift = record.get("label_shift")
    classes = items(record["classes"], text)
    confusion = items(record["confusion"], lambda row: items(row, whole))
    if [len(row) for row in confusion] != [len(classes)] * len(classes) or len(set(classes)) < len(classes):
        raise ValueError("its confusion matrix has another size than there are classes")
    return EvaluationResults(
        model=str(record.get("model", "")),
        data=str(record.get("data", "")),
        root=str(record.get("root", record.get("data", ""))),
        network=str(record.get("network", "")),
        models=whole(record.get("models", 1)),
        images=whole(record["images"]),
        groups=whole(record["groups"]),
        confidence=number(record.get("confidence", 0.95)),
        classes=tuple(_class_from_json(name, record["per_class"][name]) for name in classes),
        pooled=intervals_from_json(record["pooled"]),
        home=None if home is None else intervals_from_json(home),
        differences=intervals_from_json(record.get("differences", {})),
        confusion=confusion,
        mapping=mapping(record.get("mapping", {}), text),
        left_out=mapping(record.get("left_out", {}), whole),
        absent=items(record.get("absent", ()), text),
        unreadable=items(record.get("unreadable", ()), _unreadable),
        trained=None if trained is None else whole(trained),
        left_out_trained=bool(record.get("left_out_trained", False)),
        mean_probability=optional_number(mean),
        shift=None if not shift else _shift_from_json(shift),
        verdict=tuple(_remarks_from_json(record)),
        notes=(*items(record["notes"], text), *([] if record.get("version", 1) > 1 else [_OLD_VERDICT])),
        robustness=None if not robustness else robustness_from_json(robustness),
        margin=optional_number(margin),
        loss=None if not loss else _loss(loss),
        difference_p=mapping(record.get("difference_p", {}), optional_number),
        overconfidence=None if not overconfidence else interval_from_json(overconfidence),
        label_shift=None if not label_shift else label_shift_from_json(label_shift),
    )


def _loss(value: Mapping[str, Any]) -> Loss:
    needed = value["groups_needed"]
    return Loss(
        text(value["metric"]),
        one_of(value["verdict"], get_args(LossVerdict)),
        optional_number(value["p"]),
        optional_number(value["p_margin"]),
        None if needed is None else whole(needed, high=2**60),
    )


def _unreadable(value: Mapping[str, Any]) -> Unreadable:
    return Unreadable(text(value["image"]), text(value["problem"]))


_OLD_VERDICT = (
    "An earlier version of the program wrote this verdict, which could reassure from few images. Evaluate again "
    "for one that is tested."
)


def _remarks_from_json(record: Mapping[str, Any]) -> Iterator[Remark]:
    """Read the verdict; nothing that version 1 took to be fine was tested, so it is open."""
    tested, sentences = record.get("version", 1) > 1, items(record["verdict"], text)
    columns = (
        sentences,
        record.get("verdict_kinds") or ["open"] * len(sentences),
        record.get("verdict_subjects") or [""] * len(sentences),
        record.get("verdict_p") or [None] * len(sentences),
    )
    for sentence, kind, subject, p in zip(*columns, strict=True):
        known = cast("RemarkKind", kind) if kind in get_args(RemarkKind) else "open"
        about = cast("RemarkSubject", subject) if subject in get_args(RemarkSubject) else ""
        yield Remark(sentence, known if tested or known != "fine" else "open", about, optional_number(p))


_CLASS_KEYS = ("support", "predicted", "home", "differences", "recall_p")


def _class_from_json(name: str, record: Mapping[str, Any]) -> ClassResult:
    home = record.get("home")
    return ClassResult(
        name,
        intervals_from_json({key: figure for key, figure in record.items() if key not in _CLASS_KEYS}),
        whole(record["support"]),
        whole(record.get("predicted", 0)),
        None if home is None else intervals_from_json(home),
        intervals_from_json(record.get("differences", {})),
        optional_number(record.get("recall_p")),
    )


def _shift_from_json(record: Mapping[str, Any]) -> ShiftResult:
    return ShiftResult(
        text(record["verdict"]),
        interval_from_json(record["auroc"]),
        optional_number(record["distance"]),
        tuple(
            AppearanceShift(
                text(name), *(optional_number(each.get(key)) for key in ("known", "new", "deviations", "p"))
            )
            for name, each in record["colours"].items()
        ),
        whole(record["images"]),
        text(record.get("sentence", "")),
        optional_number(record.get("p")),
        optional_number(record.get("achievable")),
    )

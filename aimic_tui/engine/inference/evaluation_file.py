"""evaluation.json: what `aimic evaluate` found, its types, and the one place that reads and writes it.

`aimic evaluate --json` prints the same object. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.files import read_json, write_json
from aimic_tui.engine.inference.robustness_file import (
    METHOD,
    NetworkRobustness,
    intervals_from_json,
    intervals_to_json,
    robustness_from_json,
    robustness_to_json,
)
from aimic_tui.engine.text import printable

FILE = "evaluation.json"
VERSION = 1
"""Counts up when a key changes; files of version 0.1 of the program have none and are of version 1."""

RemarkKind = Literal["fine", "attention", "open"]
"""Nothing to worry about, worth attention, or left open."""


@dataclass(frozen=True)
class Unreadable:
    """An image without prediction, and why."""

    image: str
    problem: str


@dataclass(frozen=True)
class Remark:
    """A sentence of the verdict, and what it is."""

    sentence: str
    kind: RemarkKind


@dataclass(frozen=True)
class ClassResult:
    """The figures of one class.

    Attributes:
        figures: here.
        support: its images.
        predicted: images that were predicted to be of it.
        home: the figures on the model's own test images; None where they are not known.
        differences: here minus home; empty without `home`.
    """

    name: str
    figures: Mapping[str, Interval]
    support: int
    predicted: int
    home: Mapping[str, Interval] | None
    differences: Mapping[str, Interval]


@dataclass(frozen=True)
class AppearanceShift:
    """How one figure of light, colour or focus differs; see `shift.ColourShift`. None where it can't be measured."""

    name: str
    known: float | None
    new: float | None
    deviations: float | None


@dataclass(frozen=True)
class ShiftResult:
    """How the images differ from those that the model knows; see `shift.Shift`."""

    verdict: str
    auroc: Interval
    distance: float | None
    appearance: tuple[AppearanceShift, ...]
    images: int
    sentence: str


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
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputProblem(f"{printable(str(file))} can't be read: {printable(str(error))}.") from None


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
    }


def _shift_to_json(shift: ShiftResult) -> dict[str, Any]:
    return {
        "verdict": shift.verdict,
        "auroc": asdict(shift.auroc),
        "distance": shift.distance,
        "colours": {
            each.name: {"known": each.known, "new": each.new, "deviations": each.deviations}
            for each in shift.appearance
        },
        "images": shift.images,
        "sentence": shift.sentence,
    }


def evaluation_from_json(record: Mapping[str, Any]) -> EvaluationResults:
    """Undo `evaluation_to_json`; what version 0.1 did not write has a default.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no such object.
    """
    if record.get("version", 1) > VERSION:
        raise ValueError(f"it is of version {record['version']}, and only those up to {VERSION} are known")
    kinds = record.get("verdict_kinds") or ["open"] * len(record["verdict"])
    home, trained, shift = record.get("home"), record.get("trained"), record.get("shift")
    robustness, mean = record.get("robustness"), record.get("mean_probability")
    return EvaluationResults(
        model=str(record.get("model", "")),
        data=str(record.get("data", "")),
        root=str(record.get("root", record.get("data", ""))),
        network=str(record.get("network", "")),
        models=int(record.get("models", 1)),
        images=int(record["images"]),
        groups=int(record["groups"]),
        confidence=float(record.get("confidence", 0.95)),
        classes=tuple(_class_from_json(str(name), record["per_class"][name]) for name in record["classes"]),
        pooled=intervals_from_json(record["pooled"]),
        home=None if home is None else intervals_from_json(home),
        differences=intervals_from_json(record.get("differences", {})),
        confusion=tuple(tuple(map(int, row)) for row in record["confusion"]),
        mapping={str(name): str(code) for name, code in record.get("mapping", {}).items()},
        left_out={str(name): int(count) for name, count in record.get("left_out", {}).items()},
        absent=tuple(map(str, record.get("absent", ()))),
        unreadable=tuple(Unreadable(str(each["image"]), str(each["problem"])) for each in record.get("unreadable", ())),
        trained=None if trained is None else int(trained),
        left_out_trained=bool(record.get("left_out_trained", False)),
        mean_probability=None if mean is None else float(mean),
        shift=None if not shift else _shift_from_json(shift),
        verdict=tuple(
            Remark(str(sentence), _kind(kind)) for sentence, kind in zip(record["verdict"], kinds, strict=True)
        ),
        notes=tuple(map(str, record["notes"])),
        robustness=None if not robustness else robustness_from_json(robustness),
    )


def _kind(value: object) -> RemarkKind:
    return cast("RemarkKind", value) if value in get_args(RemarkKind) else "open"


_CLASS_KEYS = ("support", "predicted", "home", "differences")


def _class_from_json(name: str, record: Mapping[str, Any]) -> ClassResult:
    home = record.get("home")
    return ClassResult(
        name,
        intervals_from_json({key: figure for key, figure in record.items() if key not in _CLASS_KEYS}),
        int(record["support"]),
        int(record.get("predicted", 0)),
        None if home is None else intervals_from_json(home),
        intervals_from_json(record.get("differences", {})),
    )


def _shift_from_json(record: Mapping[str, Any]) -> ShiftResult:
    return ShiftResult(
        str(record["verdict"]),
        Interval(**record["auroc"]),
        record["distance"],
        tuple(
            AppearanceShift(str(name), each["known"], each["new"], each["deviations"])
            for name, each in record["colours"].items()
        ),
        int(record["images"]),
        str(record.get("sentence", "")),
    )

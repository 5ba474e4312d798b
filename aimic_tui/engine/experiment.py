"""What a run is asked to do: the one declaration of every setting.

A key of the TOML file, a `--set key=value` and a field of the set-up form are the same declaration below:
its type, its range, its default and its help. `settings()` lists them for forms and help texts,
`Experiment.from_file` and `Experiment.from_mapping` read them, `to_toml` writes them out, and whatever is
wrong comes back all at once as `SettingProblem`s, each naming its key and, where a name is misspelt, the
nearest valid one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aimic_tui.engine import bounded_files
from aimic_tui.engine.bounded_files import DamagedFile
from aimic_tui.engine.errors import InputProblem, SettingProblem, UsageProblem
from aimic_tui.engine.setting import Setting, parse_text, problems_of, settings_of
from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import expanded

Optimizer = Literal["adamw", "adam", "adamax", "rmsprop", "rprop", "adadelta", "adagrad", "lbfgs", "sgd"]
Monitor = Literal["macro_f1", "accuracy", "balanced_accuracy", "loss"]
FolderLayout = Literal["auto", "classes", "parts", "groups", "pooled", "deepest"]
Balance = Literal["none", "undersample", "oversample", "weighted-loss"]
Intensity = Literal["auto", "full-range", "min-max", "percentiles", "window"]
Plane = Literal["first", "middle", "max-projection"]
Fit = Literal["stretch", "pad", "crop"]
SplitMethod = Literal["k-fold", "hold-out", "predefined"]
SplitProtocol = Literal["honest", "aimic-2022"]
Trainable = Literal["all", "head", "gradual"]
Schedule = Literal["cosine", "constant", "step", "exponential", "one-cycle", "plateau"]
Loss = Literal["cross-entropy", "focal"]
AugmentationPreset = Literal["cells", "none", "flips", "stain", "strong"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, frozen=True)


class DataSettings(_Section):
    """Which images, with which labels and groups."""

    path: str = Field(
        "",
        title="Data",
        description="A folder with one subfolder per class, a manifest (.csv) that lists the images, or a "
        "MedMNIST file (.npz).",
    )
    group: str = Field(
        "auto",
        title="Group",
        description="What images of one patient, slide or photograph have in common, so that no split separates "
        "them: a regular expression on the file name whose first parenthesis is the group, or a "
        "manifest column. auto: the pattern that the file names show; none: each image is a group of "
        "its own.",
    )
    image_column: str = Field(
        "path", title="Image column", description="The manifest column with the path of each image."
    )
    label_column: str = Field(
        "label", title="Label column", description="The manifest column with the class of each image."
    )
    part_column: str = Field(
        "auto",
        title="Part column",
        description="The manifest column that says what an image is used for: train, validation, test or nothing. "
        "auto: a column named part, split or partition; none: no column.",
    )
    pattern: str = Field(
        "",
        title="Name pattern",
        description="How to read the class from an image's path, in place of class folders: for example "
        "{group}_{label}_*.png, or a regular expression with the named parts label, group and part, "
        r"such as (?P<group>slide\d+)/(?P<label>[a-z]+)\d+. Only label is required.",
    )
    layout: FolderLayout = Field(
        "auto",
        title="Layout",
        description="What folders mean. auto: recognized, and said where it could be otherwise; classes: those at the "
        "top are the classes; parts: those at the top are train, validation and test, those in them the "
        "classes; groups: those at the top are patients, slides or the like; pooled: those at the top say "
        "nothing (folds, copies, sites); deepest: the class is the folder that an image lies in.",
    )
    classes: dict[str, str] = Field(
        {},
        title="Classes",
        description="Rename, merge or leave out classes: band=neutrophil renames a class, or merges it into one "
        "that exists; basophil= leaves one out. No file is changed.",
    )
    marks: str = Field(
        "auto",
        title="Marks",
        description="Decisions about single images (excluded, relabelled, grouped). auto: aimic-marks.csv in the "
        "data set's folder, where there is one; none: no marks; or the path of such a file.",
    )
    balance: Balance = Field(
        "weighted-loss",
        title="Balance",
        description="How to handle classes of different size. none: not at all; undersample: drop images down to "
        "the smallest class; oversample: show images of small classes more often; weighted-loss: give "
        "their errors more weight.",
    )
    intensity: Intensity = Field(
        "auto",
        title="Intensity",
        description="Which values become black and white. auto: 8-bit values stay as they are, deeper ones use the "
        "bits in use; full-range: the range of the stored type; min-max: the range of each image; "
        "percentiles: of all training images; window: fixed values.",
    )
    percentiles: list[Annotated[float, Field(ge=0, le=100)]] = Field(
        [0.5, 99.5],
        min_length=2,
        max_length=2,
        title="Percentiles",
        description="With intensity = percentiles: the two percentiles of all training images' values that become "
        "black and white.",
    )
    window: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(
        [],
        title="Window",
        description="The values that become black and white, for example 100, 4000, or one such pair per channel. "
        "Required with intensity = window. Empty with auto and percentiles; the run then records what "
        "it measured.",
    )
    channels: str = Field(
        "auto",
        pattern=r"^\s*(auto|\d+\s*(:\s*[#\w]+\s*)?(,\s*\d+\s*(:\s*[#\w]+\s*)?)*)$",
        title="Channels",
        description="Which channels, counted from 1, in which order, and if you like a colour for each: for "
        "example 2,1,3 or 1:green,2:#ff00ff. auto: one channel is grey, two are red and green, the "
        "first three of more are red, green and blue.",
    )
    plane: Plane = Field(
        "first",
        title="Plane",
        description="Which plane of a stack to use: the first, the middle one, or the maximum projection of all "
        "planes.",
    )
    fit: Fit = Field(
        "stretch",
        title="Fit",
        description="How an image that is not square becomes square. stretch: distorted; pad: filled up with its "
        "edge colour; crop: cut to its centre.",
    )


class SplitSettings(_Section):
    """Which images train, validate and test."""

    method: SplitMethod = Field(
        "k-fold",
        title="Method",
        description="k-fold: every image is tested once; hold-out: one part is tested; predefined: parts come from "
        "folders named train, validation and test, or from the manifest's part column.",
    )
    from_: str = Field(
        "",
        alias="from",
        title="From",
        description="Reuse the split and the groups of an earlier run, or of a split.csv with its manifest.csv "
        "beside it, on the same images, so that runs can be compared. Empty: make a new split with the "
        "settings below.",
    )
    folds: int = Field(
        5, ge=2, le=100, title="Folds", description="Number of parts that k-fold divides the images into."
    )
    repeats: int = Field(
        1,
        ge=1,
        le=100,
        title="Repeats",
        description="How many times k-fold divides the images anew. Every image is tested once per repeat, and "
        "each metric is the mean over the repeats.",
    )
    inner_folds: int = Field(
        0,
        ge=0,
        le=20,
        title="Inner folds",
        description="Nested cross-validation: in every fold, each network is also tested on this many inner folds "
        "of the images that the fold does not test. The network that does best there is then evaluated "
        "on the fold's test images. 0: off.",
    )
    test: float = Field(
        0.2,
        ge=0.05,
        le=0.9,
        title="Test share",
        description="Share of the images that hold-out keeps for testing.",
    )
    validation: float = Field(
        0.15,
        ge=0.02,
        le=0.5,
        title="Validation share",
        description="Share of each fold's training images that is set aside to choose the best epoch and to stop "
        "training.",
    )
    protocol: SplitProtocol = Field(
        "honest",
        title="Protocol",
        description="honest: validation images choose the epoch, and test images are used only once, at the end. "
        "aimic-2022: the published protocol, with folds by image and test images that choose the "
        "epoch; its metrics are optimistic.",
    )


class ModelSettings(_Section):
    """Which networks, and where their first weights come from."""

    networks: list[str] = Field(
        ["mobilenet_v2"],
        min_length=1,
        title="Networks",
        description="One or more networks, by their torchvision or timm names; `aimic networks` lists them.",
    )
    weights: str = Field(
        "imagenet",
        title="Weights",
        description="imagenet: pre-trained weights from the local folder; none: train from scratch; an earlier "
        "run, by its name or as latest; or the path of a weights file (.safetensors, .pth, .ckpt), a "
        "run, a trial or a model.",
    )
    trainable: Trainable = Field(
        "all",
        title="Trainable",
        description="Which layers train. all: all of them; head: only the classifier, on the frozen network's "
        "features; gradual: first the classifier, then all layers.",
    )
    image_size: Literal["auto"] | Annotated[int, Field(ge=16, le=2048)] = Field(
        "auto",
        title="Image size",
        description="Side length in pixels that images are resized to. auto: what each network was made for, or "
        "what was used by the run that its weights come from.",
    )


class TrainingSettings(_Section):
    """How the networks learn."""

    epochs: int = Field(
        30,
        ge=1,
        le=100_000,
        title="Epochs",
        description="Maximum passes over the images. Patience may end training sooner.",
    )
    seeds: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "auto",
        title="Seeds",
        description="How many times each network is trained on each fold, with seed, seed + 1 and so on. Metrics "
        "are then means over the seeds, reported with their spread. auto: 3 where several networks are compared "
        "(without repeats), so that a difference can be told from the chance of one training; else 1.",
    )
    patience: int = Field(
        10, ge=1, le=100_000, title="Patience", description="Stop training after this many epochs without improvement."
    )
    monitor: Monitor = Field(
        "macro_f1",
        title="Monitor",
        description="The validation metric that chooses the best epoch and stops training.",
    )
    optimizer: Optimizer = Field(
        "adamw", title="Optimiser", description="The algorithm that updates the weights from the gradients."
    )
    learning_rate: float = Field(
        3e-4,
        gt=0,
        le=100,
        title="Learning rate",
        description="The optimiser's step size at its highest. Training diverges if it is too high.",
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pulls weights towards zero, against overfitting. Norm layers and biases are left out.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="Momentum of sgd and rmsprop.")
    schedule: Schedule = Field("cosine", title="Schedule", description="How the learning rate changes over the epochs.")
    warmup: float = Field(
        1.0,
        ge=0,
        le=1000,
        title="Warm-up",
        description="Number of epochs at the start over which the learning rate rises from near zero.",
    )
    decay: float = Field(
        0.1,
        gt=0,
        le=1,
        title="Decay",
        description="Factor by which the learning rate falls: at each step (step), each epoch (exponential) or "
        "each plateau (plateau).",
    )
    decay_every: int = Field(
        30,
        ge=1,
        le=100_000,
        title="Decay every",
        description="Epochs between two steps (step), or epochs without improvement before the rate falls (plateau).",
    )
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=65_536)] = Field(
        "auto", title="Batch size", description="Images per step. auto: chosen for the data and the device."
    )
    shuffle: bool = Field(True, title="Shuffle", description="Show the training images in a new order in each epoch.")
    drop_last: bool = Field(
        False,
        title="Drop last",
        description="Skip the last batch of an epoch if it is smaller. A last batch of a single image is always "
        "skipped.",
    )
    loss: Loss = Field(
        "cross-entropy",
        title="Loss",
        description="What training minimises. focal: images that the network is already sure of count less, for "
        "rare or difficult classes.",
    )
    focal_gamma: float = Field(
        2.0,
        ge=0,
        le=10,
        title="Focal gamma",
        description="With loss = focal: how strongly images that the network is sure of are discounted. 0 equals "
        "cross-entropy.",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing", description="Share of each label that is spread over all classes."
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Weight average",
        description="Decay of a moving average of the weights, for example 0.99, which is evaluated and saved in "
        "place of the last step's weights. The decay rises to this value from 0.1. 0: off.",
    )
    gradient_clip: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Gradient clip",
        description="Maximum norm of a step's gradient. 0: no limit.",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        title="Precision",
        description="Number format of the computation. auto: the fastest that is safe on the device.",
    )


class AugmentationSettings(_Section):
    """How training images are varied."""

    preset: AugmentationPreset = Field(
        "cells",
        title="Augmentation",
        description="How training images are varied. cells: flips, quarter turns, small shifts, scale, brightness, "
        "stain and colour, sometimes blur and noise; flips: flips and quarter turns; stain: flips and "
        "stain colour; strong: more of everything; none: not at all.",
    )
    blur: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "auto",
        title="Blur",
        description="Share of the training images that are blurred. auto: what the preset says.",
    )
    noise: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "auto",
        title="Noise",
        description="Share of the training images that get camera noise. auto: what the preset says.",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=10,
        title="Mixup",
        description="Blend each image and its label with those of another image: 0.2 mostly by a little, 1 by any "
        "share. 0: off. Not possible where only the classifier trains.",
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=10,
        title="Cutmix",
        description="Paste a box of another image into each image, and mix their labels by area. Values as for "
        "mixup; with both on, they alternate.",
    )


class ComputeSettings(_Section):
    """On which devices, and how."""

    devices: str = Field(
        "auto",
        title="Devices",
        description="auto: every GPU, or the processor where there is none; or cpu, cuda, or a list such as "
        "cuda:0,cuda:2.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        title="Workers",
        description="Number of trials that run side by side on the processor and share its threads.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        title="Threads",
        description="Processor threads per worker. 0: an equal share of those available. On a processor their "
        "number affects the last digits of results, so a run keeps the number it started with.",
    )
    data_parallel: Literal["off"] | Annotated[int, Field(ge=2, le=64)] = Field(
        "off",
        title="Data-parallel",
        description="Number of GPUs that train one trial together, each with its share of every batch, for "
        "networks that are too slow on one GPU. off: one trial per GPU.",
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto",
        title="Compile",
        description="Compile the network for the device before it trains. auto: on a GPU, where training is long "
        "enough to make up for it.",
    )
    cache: Literal["auto", "on", "off"] = Field(
        "auto",
        title="Cache",
        description="Keep the decoded, resized images in one file that all trials and runs share.",
    )
    cache_limit: float = Field(
        20.0,
        ge=0.0,
        le=100_000.0,
        title="Cache limit",
        description="GB that the cached images of all data sets may use. The least recently used ones are removed "
        "first.",
    )

    @property
    def ranks(self) -> int:
        """Processes that train one trial together."""
        return 1 if self.data_parallel == "off" else self.data_parallel


class EvaluationSettings(_Section):
    """How the figures get their intervals."""

    resamples: int = Field(
        2000,
        ge=1000,
        le=100_000,
        title="Resamples",
        description="Number of bootstrap resamples over groups behind each interval.",
    )
    confidence: float = Field(
        0.95, ge=0.5, le=0.999, title="Confidence", description="Confidence level of the intervals."
    )
    subgroups: list[str] = Field(
        [],
        title="Subgroups",
        description="Columns of the manifest whose subgroups the report compares: sex, site, age:40,60 (in bands).",
    )
    margin: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = Field(
        "auto",
        title="Margin",
        description="Largest difference of a metric that is of no importance: networks that differ by less, by the "
        "whole interval, are equivalent. auto: 0.02, two images in 100 (0.04 for kappa and Matthews coefficient, "
        "0.05 for log loss).",
    )


class Experiment(_Section):
    """Everything a run is asked to do, each setting within its range."""

    name: str = Field(
        "",
        max_length=80,
        title="Name",
        description="Name of the run. Empty: the name of the data set.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="The same seed gives the same splits, weights and batches.",
    )
    data: DataSettings = Field(default_factory=DataSettings)
    split: SplitSettings = Field(default_factory=SplitSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    augmentation: AugmentationSettings = Field(default_factory=AugmentationSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "the experiment") -> Experiment:
        """Make an experiment from nested tables, as TOML gives them; what is missing gets its default.

        Raises:
            ExperimentProblem: with everything that is wrong.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ExperimentProblem(source, problems_of(error, settings())) from None

    @classmethod
    def from_file(cls, path: Path, overrides: Iterable[str] = ()) -> Experiment:
        """Read an experiment from a TOML file, then apply `key=value` overrides.

        A relative `data.path`, `data.marks` or (a .csv) `split.from` in a file is relative to the file.

        Raises:
            UsageProblem: the file can't be read or is not TOML.
            ExperimentProblem: with everything that is wrong in it.
        """
        values = read_toml(path)
        data = values.get("data")
        if isinstance(data, dict) and isinstance(data.get("path"), str) and data["path"]:
            data["path"] = str(path.parent / expanded(data["path"]))
        if isinstance(data, dict) and isinstance(data.get("marks"), str) and data["marks"] not in ("", "auto", "none"):
            data["marks"] = str(path.parent / expanded(data["marks"]))
        split = values.get("split")
        if isinstance(split, dict) and isinstance(split.get("from"), str) and split["from"].endswith(".csv"):
            split["from"] = str(path.parent / expanded(split["from"]))
        return cls.from_mapping(with_overrides(values, overrides), source=printable(str(path)))

    @classmethod
    def of_run(cls, path: Path) -> Experiment:
        """Read a run's own experiment.toml.

        Raises:
            InputProblem: it can't be read, or something is wrong in it; it was written by us and is damaged.
        """
        try:
            return cls.from_file(path)
        except UsageProblem as problem:
            raise InputProblem(problem.sentence, key=problem.key) from None

    def to_mapping(self) -> dict[str, Any]:
        """Return nested plain tables with every default written out."""
        return self.model_dump(mode="json", by_alias=True)

    def to_toml(self) -> str:
        """Return the experiment as TOML, every default written out."""
        return tomli_w.dumps(self.to_mapping(), multiline_strings=False)

    @property
    def seeds(self) -> int:
        """How many times each network is trained on each fold.

        Networks are compared as recipes by the spread over their trainings, which repeats have as well. Three are the
        fewest whose spread says something: of two it has one degree of freedom, and its t quantile is 12.7.
        """
        if self.training.seeds != "auto":
            return self.training.seeds
        return 3 if len(set(self.model.networks)) > 1 and self.split.repeats == 1 else 1

    def with_values(self, values: Mapping[str, Any]) -> Experiment:
        """Return a copy with some settings replaced, by their dotted keys (`{"training.epochs": 3}`)."""
        mapping = self.to_mapping()
        for key, value in values.items():
            _put(mapping, key, value)
        return Experiment.from_mapping(mapping)


class ExperimentProblem(UsageProblem):
    """An experiment that can't be run as it stands; `problems` are all of its faults."""

    def __init__(self, source: str, problems: list[SettingProblem]) -> None:
        super().__init__("\n".join(f"{source}: {problem.sentence}" for problem in problems), problems=problems)


@cache
def settings() -> tuple[Setting, ...]:
    """Return every setting, in the order of the form and the file."""
    return settings_of(Experiment)


def check_value(setting: Setting, text: str) -> str | None:
    """Return the sentence about what is wrong with `text` as this setting's value, or None where it is fine."""
    try:
        Experiment().with_values({setting.key: parse_text(setting, text)})
    except ExperimentProblem as problem:
        return problem.problems[0].sentence
    return None


def read_toml(path: Path, *, whose: str = "an experiment's") -> dict[str, Any]:
    """Read a TOML file.

    Args:
        whose: what kind of file a sentence asks for.

    Raises:
        UsageProblem: it can't be read or is not TOML.
    """
    try:
        return bounded_files.read_toml(path)
    except OSError as error:
        why = str(error.strerror)
    except DamagedFile as error:
        why = error.reason
    raise UsageProblem(f"{printable(str(path))} can't be read: {why}. Name {whose} TOML file.")


_FROM_ANOTHER_VERSION = ("extra_forbidden", "value_error")
"""Of a setting that this version does not know, and of two that it does not combine."""


def read_run_experiment(path: Path) -> dict[str, Any]:
    """Read the tables of a run's experiment.toml; each setting that this version knows has its type and range.

    Settings of other versions are left as they are, and those that are missing stay so.

    Raises:
        InputProblem: it can't be read, or a value is none of its setting's.
    """
    try:
        values = bounded_files.read_toml(path)
    except OSError as error:
        raise InputProblem(
            f"{printable(str(path.parent))} is not a run: its {path.name} can't be read ({error.strerror}). "
            "Name a run's folder, or restore the file."
        ) from None
    try:
        Experiment.model_validate(values)
    except ValidationError as error:
        wrong = [problem for problem in error.errors() if problem["type"] not in _FROM_ANOTHER_VERSION]
        if wrong:
            key = ".".join(map(str, wrong[0]["loc"][:2]))
            raise InputProblem(
                f"{printable(str(path))} is damaged: {printable(key)} is no value that this setting can have. "
                "Restore the file from a copy."
            ) from None
    return values


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Return `values` with `key=value` overrides applied; a value is TOML, or text where it is none.

    Raises:
        UsageProblem: an override without `=`.
    """
    result: dict[str, Any] = json.loads(json.dumps(values, default=str))
    by_key = {setting.key: setting for setting in settings()}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise UsageProblem(
                f"--set {printable(override)}: write it as key=value, for example --set training.epochs=30."
            )
        setting = by_key.get(key.strip())
        _put(result, key.strip(), parse_text(setting, text) if setting else text)
    return result


PRESETS: dict[str, dict[str, Any]] = {
    # One training each: a first look at whether a network learns, not a comparison.
    "quick": {"training.epochs": 12, "training.patience": 6, "training.seeds": 1, "split.folds": 3},
    "standard": {},
    "thorough": {
        "training.epochs": 200,
        "training.patience": 40,
        "split.folds": 10,
        "augmentation.preset": "strong",
    },
    # The published protocol (Liu et al. 2022), optimistic by its own design, with one training as there.
    "paper": {
        "data.group": "none",
        "data.balance": "undersample",
        "data.fit": "stretch",
        "split.folds": 5,
        "split.protocol": "aimic-2022",
        "training.epochs": 500,
        "training.seeds": 1,
        "training.patience": 50,
        "training.monitor": "accuracy",
        "training.optimizer": "adam",
        "training.learning_rate": 1e-4,
        "training.weight_decay": 0.0,
        "training.schedule": "constant",
        "training.warmup": 0.0,
        "training.label_smoothing": 0.0,
        "augmentation.preset": "none",
    },
}


def _put(mapping: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for table in tables:
        inner = mapping.setdefault(table, {})
        if not isinstance(inner, dict):
            raise UsageProblem(f"{printable(key)}: {printable(table)} is a setting, not a table of settings.", key=key)
        mapping = inner
    mapping[last] = value

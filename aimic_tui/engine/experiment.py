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

import tomli
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aimic_tui.engine.errors import SettingProblem, UsageProblem
from aimic_tui.engine.setting import Setting, parse_text, problems_of, settings_of
from aimic_tui.engine.text import printable

Optimizer = Literal["adamw", "adam", "adamax", "rmsprop", "rprop", "adadelta", "adagrad", "lbfgs", "sgd"]
Monitor = Literal["macro_f1", "accuracy", "balanced_accuracy", "loss"]
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
        description="A folder with one sub-folder a class, or a manifest (.csv) that lists the images.",
    )
    group: str = Field(
        "auto",
        title="Group",
        description="What images of one patient, slide or photograph share, so that they never straddle a split: a "
        "regular expression on the file name whose first parenthesis is the group, or a manifest column; "
        "auto takes the pattern that the names show, none gives each image a group of its own.",
    )
    image_column: str = Field("path", title="Image column", description="The manifest column with each image's path.")
    label_column: str = Field("label", title="Label column", description="The manifest column with each image's class.")
    part_column: str = Field(
        "auto",
        title="Part column",
        description="The manifest column that says for what an image is there: train, validation, test or nothing; "
        "auto takes one named part, split or partition, none takes no column.",
    )
    pattern: str = Field(
        "",
        title="Name pattern",
        description="How an image's path below the data set's folder says its class, instead of class folders: such as "
        "{group}_{label}_*.png, or a regular expression with the named parts label, group and part, such as "
        r"(?P<group>slide\d+)/(?P<label>[a-z]+)\d+; of these only label must be there.",
    )
    classes: dict[str, str] = Field(
        {},
        title="Classes",
        description="Classes under other names: band=neutrophil renames one, or merges it with the class of that name; "
        "basophil= leaves one out. No file is touched.",
    )
    marks: str = Field(
        "auto",
        title="Marks",
        description="What people decided about single images (left out, another class, one group): auto takes "
        "aimic-marks.csv from the data set's folder where there is one, none takes no marks; or the path of such a "
        "file.",
    )
    balance: Balance = Field(
        "weighted-loss",
        title="Balance",
        description="What is done when classes differ in size: nothing, drop images down to the smallest class, "
        "show images of small classes more often, or give their errors more weight.",
    )
    intensity: Intensity = Field(
        "auto",
        title="Intensity",
        description="Which values become black and white: auto leaves 8 bits as they are and takes the bits in use of "
        "deeper values; full-range the range of the stored type; min-max each image's own; percentiles those of all "
        "training images; window fixed ones.",
    )
    percentiles: list[Annotated[float, Field(ge=0, le=100)]] = Field(
        [0.5, 99.5],
        min_length=2,
        max_length=2,
        title="Percentiles",
        description="Of the values of all training images: what becomes black and what white with intensity "
        "percentiles.",
    )
    window: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(
        [],
        title="Window",
        description="The values that become black and white, such as 100, 4000, or such a pair for each channel. Given "
        "for intensity window; with percentiles and auto left empty, and written down when a run has measured it.",
    )
    channels: str = Field(
        "auto",
        pattern=r"^\s*(auto|\d+\s*(:\s*[#\w]+\s*)?(,\s*\d+\s*(:\s*[#\w]+\s*)?)*)$",
        title="Channels",
        description="Which channels, from 1, in which order, and a colour for each: such as 2,1,3 or "
        "1:green,2:#ff00ff. auto: one channel is grey, two are red and green, of more the first three are red, green "
        "and blue.",
    )
    plane: Plane = Field(
        "first",
        title="Plane",
        description="Of a stack: its first plane, its middle one, or the highest value of each pixel over all of them.",
    )
    fit: Fit = Field(
        "stretch",
        title="Fit",
        description="How an image that is not square becomes square: stretched, padded with its edge colour, or "
        "cropped to its centre.",
    )


class SplitSettings(_Section):
    """Which images train, validate and test."""

    method: SplitMethod = Field(
        "k-fold",
        title="Method",
        description="k-fold tests every image once; hold-out tests one part; predefined takes the parts from folders "
        "named train, validation and test or from a manifest column named part.",
    )
    from_: str = Field(
        "",
        alias="from",
        title="From",
        description="A run, or a split.csv with its manifest.csv beside it, whose split and groups are used again on "
        "the same images, so that runs can be compared; empty makes a split by the settings below.",
    )
    folds: int = Field(5, ge=2, le=100, title="Folds", description="Into how many parts k-fold divides the images.")
    repeats: int = Field(
        1,
        ge=1,
        le=100,
        title="Repeats",
        description="How often k-fold divides the images anew: every image is then tested so many times, and each "
        "figure is the mean over the repeats.",
    )
    inner_folds: int = Field(
        0,
        ge=0,
        le=20,
        title="Inner folds",
        description="Nested cross-validation: for every fold each network is also tested by so many inner folds of the "
        "other images, and the fold's test images then judge the network that did best there; 0 is off.",
    )
    test: float = Field(
        0.2,
        ge=0.05,
        le=0.9,
        title="Test share",
        description="Share of the images that hold-out keeps for the test.",
    )
    validation: float = Field(
        0.15,
        ge=0.02,
        le=0.5,
        title="Validation share",
        description="Share of each fold's training part that chooses the best epoch and stops the training.",
    )
    protocol: SplitProtocol = Field(
        "honest",
        title="Protocol",
        description="honest: a validation part chooses the epoch and the test part is opened once. aimic-2022: folds "
        "by image and the test part chooses the epoch, as published; its figures are optimistic.",
    )


class ModelSettings(_Section):
    """Which networks, and where their first weights come from."""

    networks: list[str] = Field(
        ["mobilenet_v2"],
        min_length=1,
        title="Networks",
        description="One or several networks, by their torchvision or timm name; `aimic networks` lists them.",
    )
    weights: str = Field(
        "imagenet",
        title="Weights",
        description="imagenet: pre-trained weights from the offline folder; none: from scratch; an earlier run, by "
        "its name or latest; or the path of a weights file (.safetensors, .pth, .pt), or of a run, a trial, a model.",
    )
    trainable: Trainable = Field(
        "all",
        title="Trainable",
        description="Which layers learn: all of them; only the classifier, on the frozen network's features; or the "
        "classifier first and then the rest.",
    )
    image_size: Literal["auto"] | Annotated[int, Field(ge=16, le=2048)] = Field(
        "auto",
        title="Image size",
        description="Pixels a side that images are resized to; auto takes what each network was made for, or what the "
        "run used that its first weights come from.",
    )


class TrainingSettings(_Section):
    """How the networks learn."""

    epochs: int = Field(30, ge=1, le=100_000, title="Epochs", description="At most so many passes over the images.")
    seeds: int = Field(
        1,
        ge=1,
        le=100,
        title="Seeds",
        description="How often each network is trained on each fold, with seed, seed + 1 ...: figures are then means "
        "over the seeds, and how much these differ is said beside.",
    )
    patience: int = Field(
        10, ge=1, le=100_000, title="Patience", description="Stop after so many epochs without a gain."
    )
    monitor: Monitor = Field(
        "macro_f1",
        title="Monitor",
        description="The validation figure that chooses the best epoch and stops the training.",
    )
    optimizer: Optimizer = Field("adamw", title="Optimiser", description="The rule that turns gradients into steps.")
    learning_rate: float = Field(
        3e-4,
        gt=0,
        le=100,
        title="Learning rate",
        description="Step size of the optimiser at its highest. Too high diverges.",
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pulls weights towards zero against overfitting; norms and biases are left alone.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, title="Momentum", description="Momentum of sgd and rmsprop.")
    schedule: Schedule = Field("cosine", title="Schedule", description="How the learning rate changes over the epochs.")
    warmup: float = Field(
        1.0,
        ge=0,
        le=1000,
        title="Warm-up",
        description="Epochs over which the learning rate rises from near zero at the start.",
    )
    decay: float = Field(
        0.1,
        gt=0,
        le=1,
        title="Decay",
        description="Factor on the learning rate: at each step of step, epoch of exponential, plateau of plateau.",
    )
    decay_every: int = Field(
        30,
        ge=1,
        le=100_000,
        title="Decay every",
        description="Epochs between the steps of step; epochs without gain before plateau.",
    )
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=65_536)] = Field(
        "auto", title="Batch size", description="Images a step; auto fits it to the data and the device."
    )
    shuffle: bool = Field(True, title="Shuffle", description="Show the training images in a new order each epoch.")
    drop_last: bool = Field(
        False,
        title="Drop last",
        description="Leave out the last, smaller batch of an epoch. A last batch of one image always is.",
    )
    loss: Loss = Field(
        "cross-entropy",
        title="Loss",
        description="What is minimised. focal counts images the less the surer the network is of them: for classes "
        "that are rare or hard.",
    )
    focal_gamma: float = Field(
        2.0, ge=0, le=10, title="Focal gamma", description="How little sure images count in focal; 0 is cross-entropy."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, title="Label smoothing", description="Share of each label spread over all classes."
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Average",
        description="Decay of a moving average of the weights, 0.99 for instance, that is judged and kept in place of "
        "the last step's; it rises to that from 0.1. 0 is none.",
    )
    gradient_clip: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Gradient clip",
        description="Largest norm of a step's gradient; 0 is no limit.",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        title="Precision",
        description="Number format of the arithmetic; auto takes the fastest that is safe on the device.",
    )


class AugmentationSettings(_Section):
    """How training images are varied."""

    preset: AugmentationPreset = Field(
        "cells",
        title="Augmentation",
        description="cells: flips, quarter turns, small shifts, scale, light, stain and colour, now and then blur and "
        "noise; flips: flips and quarter turns; stain: flips and stain colour; strong: more of all; none: images as "
        "they are.",
    )
    blur: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "auto",
        title="Blur",
        description="Share of the training images that are put out of focus; auto is what the preset says.",
    )
    noise: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        "auto",
        title="Noise",
        description="Share of the training images that get a camera's noise; auto is what the preset says.",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=10,
        title="Mixup",
        description="Blends each image with another and their labels likewise; 0.2 rarely by much, 1 by any share, 0 "
        "never. Not where only the classifier learns.",
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=10,
        title="Cutmix",
        description="Pastes a box of another image into each, and mixes their labels by area; as mixup, with which it "
        "takes turns.",
    )


class ComputeSettings(_Section):
    """On which devices, and how."""

    devices: str = Field(
        "auto",
        title="Devices",
        description="auto: every GPU, else the processor; or cpu, cuda, or a list such as cuda:0,cuda:2.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        title="Workers",
        description="Trials side by side on the processor, its threads divided among them.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        title="Threads",
        description="Processor threads for each worker; 0 divides what is there. On a processor their number decides "
        "about the last digits, so a run keeps the one that it began with.",
    )
    data_parallel: Literal["off"] | Annotated[int, Field(ge=2, le=64)] = Field(
        "off",
        title="Data-parallel",
        description="GPUs that train one trial together, each with its share of every batch, for a network that is too "
        "slow on one; off trains a trial on each.",
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto",
        title="Compile",
        description="Translate the network for the device before it trains; auto does it on a GPU, where the training "
        "is long enough to earn it back.",
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
        description="GB that the cached images of all data sets may take; those wanted longest ago go first.",
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
        description="Bootstrap resamples over groups behind each interval.",
    )
    confidence: float = Field(0.95, ge=0.5, le=0.999, title="Confidence", description="Coverage of the intervals.")


class Experiment(_Section):
    """Everything a run is asked to do, each setting within its range."""

    name: str = Field(
        "",
        max_length=80,
        title="Name",
        description="What the run is called; empty takes the data set's name.",
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
            data["path"] = str(path.parent / Path(data["path"]).expanduser())
        if isinstance(data, dict) and isinstance(data.get("marks"), str) and data["marks"] not in ("", "auto", "none"):
            data["marks"] = str(path.parent / Path(data["marks"]).expanduser())
        split = values.get("split")
        if isinstance(split, dict) and isinstance(split.get("from"), str) and split["from"].endswith(".csv"):
            split["from"] = str(path.parent / Path(split["from"]).expanduser())
        return cls.from_mapping(with_overrides(values, overrides), source=printable(str(path)))

    def to_mapping(self) -> dict[str, Any]:
        """Return nested plain tables with every default written out."""
        return self.model_dump(mode="json", by_alias=True)

    def to_toml(self) -> str:
        """Return the experiment as TOML, every default written out."""
        return tomli_w.dumps(self.to_mapping(), multiline_strings=False)

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
        return tomli.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"{printable(str(path))} can't be read: {error.strerror}. Name {whose} TOML file.") from None
    except UnicodeDecodeError:
        raise UsageProblem(f"{printable(str(path))} is not a text file. Name {whose} TOML file.") from None
    except tomli.TOMLDecodeError as error:
        raise UsageProblem(f"{printable(str(path))} is not TOML: {printable(str(error))}.") from None


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
    "quick": {"training.epochs": 12, "training.patience": 6, "split.folds": 3},
    "standard": {},
    "thorough": {
        "training.epochs": 200,
        "training.patience": 40,
        "split.folds": 10,
        "augmentation.preset": "strong",
    },
    # The published protocol (Liu et al. 2022), optimistic by its own design.
    "paper": {
        "data.group": "none",
        "data.balance": "undersample",
        "data.fit": "stretch",
        "split.folds": 5,
        "split.protocol": "aimic-2022",
        "training.epochs": 500,
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

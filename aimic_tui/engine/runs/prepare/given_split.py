"""A split that was made before, used again: so that runs on the same images can be compared, one by one, for years.

It is a run's, or any split.csv with its manifest.csv beside it. Images, classes and contents must be the very same;
groups are taken over with the split, since they are what it kept together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.make_split import require_compatible, with_inner_folds
from aimic_tui.engine.data.splitting.split import Split, read_split
from aimic_tui.engine.data.splitting.split_check import check_split
from aimic_tui.engine.errors import InputProblem, about
from aimic_tui.engine.experiment import Experiment, read_run_experiment
from aimic_tui.engine.files import read_table
from aimic_tui.engine.names import nfc
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace

_TAKEN_OVER = ("method", "folds", "repeats", "test", "validation")
_NAMED = 3


@dataclass(frozen=True, eq=False)
class GivenSplit:
    """A split and the images it divides.

    Attributes:
        file: its split.csv.
        data: the images of the manifest beside it, with their groups.
        digests: of their files, "" where nobody knows.
        split: over `data`.
        settings: the tables of the experiment that it was made for, empty where it is no run's.
    """

    file: Path
    data: DataSet
    digests: tuple[str, ...]
    split: Split
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """How sentences call it: the run's name, else the file's path."""
        return printable(self.file.parent.name if self.settings else str(self.file))

    def grouped(self, data_set: DataSet, wanted: str) -> DataSet:
        """Return the data set with the groups of the split.

        Args:
            data_set: as it is now.
            wanted: the experiment's `data.group`; with auto the groups are taken over unasked.

        Raises:
            InputProblem: its images or classes are not those of the split, or `wanted` keeps images together that the
                split knows as strangers.
        """
        self._require_same_images(data_set)
        place = {image: index for index, image in enumerate(self.data.images)}
        order = np.fromiter((place[image] for image in data_set.images), np.int64, len(data_set))
        groups = self.data.groups[order]
        if wanted != "auto":
            self._require_same_groups(data_set, groups, wanted)
        known = str(self.settings.get("data", {}).get("group", data_set.group_rule))
        return replace(data_set, groups=groups, group_names=self.data.group_names, group_rule=known)

    def _require_same_images(self, data_set: DataSet) -> None:
        advice = "A split can be used again on the very same images only: leave split.from empty to make a new one."
        there, here = set(self.data.images), set(data_set.images)
        if there != here:
            parts = []
            if missing := sorted(there - here):
                parts.append(f"{_counted(missing)} of {self.name} {_are(missing)} not in the data set")
            if added := sorted(here - there):
                parts.append(f"{_counted(added)} of the data set {_are(added)} not in {self.name}")
            raise InputProblem(f"split.from: {'; '.join(parts)}. {advice}", key="split.from")
        if self.data.classes != data_set.classes:
            raise InputProblem(
                f"split.from: the classes of {self.name} are {_listed(self.data.classes)}; here they are "
                f"{_listed(data_set.classes)}. {advice}",
                key="split.from",
            )
        labels = dict(zip(self.data.images, self.data.labels.tolist(), strict=True))
        other = [
            image
            for image, label in zip(data_set.images, data_set.labels.tolist(), strict=True)
            if labels[image] != label
        ]
        if other:
            verb = "has" if len(other) == 1 else "have"
            raise InputProblem(
                f"split.from: {_counted(other)} {verb} another class than in {self.name}. {advice}", key="split.from"
            )

    def _require_same_groups(self, data_set: DataSet, groups: Any, wanted: str) -> None:
        pairs = np.unique(data_set.groups.astype(np.int64) * len(self.data.group_names) + groups)
        lying = np.bincount(pairs // len(self.data.group_names), minlength=len(data_set.group_names))
        apart = np.flatnonzero(lying > 1)
        if len(apart):
            first = one_line(data_set.group_names[apart[0]], 60)
            raise InputProblem(
                f"split.from: {plural(len(apart), 'group')} of data.group = {printable(wanted)} "
                f"{'spans' if len(apart) == 1 else 'span'} several groups of {self.name}, for example {first}. Set "
                "data.group = auto to use its groups, or leave split.from empty.",
                key="split.from",
            )

    def require_same_contents(self, data_set: DataSet, digests: Sequence[str]) -> None:
        """Do nothing if the files are those that the split was made of, as far as anybody knows.

        Raises:
            InputProblem: some have changed.
        """
        before = dict(zip(self.data.images, self.digests, strict=True))
        changed = [
            image
            for image, digest in zip(data_set.images, digests, strict=True)
            if digest and before[image] and before[image] != digest
        ]
        if changed:
            verb = "has" if len(changed) == 1 else "have"
            raise InputProblem(
                f"split.from: {_counted(changed)} {verb} changed since {self.name} was made. Bring the files back, or "
                "leave split.from empty to make a new split.",
                key="split.from",
            )

    def applied(self, experiment: Experiment, data_set: DataSet) -> tuple[Experiment, Split]:
        """Return the experiment with the settings of this split, and the split over the data set.

        Args:
            experiment: its protocol, balance, seed and inner folds stay as they are.
            data_set: what `grouped` returned, perhaps with more images kept together.

        Raises:
            UsageProblem: settings of the split that don't go together.
            InputProblem: the split does not go with the protocol or the balance, or parts a group.
        """
        require_compatible(experiment.split)
        split = read_split(self.file, data_set.images)
        tested = (split.parts == Part.TEST).sum(axis=0)
        used = (split.parts != Part.UNUSED).any(axis=0)
        if split.folds > 1 and len(np.unique(tested[used])) > 1:
            raise InputProblem(
                f"split.from: {self.name} tests some images {tested[used].min()} times and others "
                f"{tested[used].max()} times. Name a split that tests every image equally often.",
                key="split.from",
            )
        self._require_fitting(experiment, data_set, split)
        known = self.settings.get("split") or _shape_of(split)
        settings = {f"split.{key}": known[key] for key in _TAKEN_OVER if key in known}
        experiment = experiment.with_values({**settings, "split.from": str(self.file)})
        if split.inner_folds != experiment.split.inner_folds:
            split = with_inner_folds(data_set, split, experiment.split, experiment.seed)
        by_image = experiment.split.protocol == "aimic-2022"
        return experiment, replace(split, warnings=check_split(data_set, split, by_image=by_image))

    def _require_fitting(self, experiment: Experiment, data_set: DataSet, split: Split) -> None:
        protocol = experiment.split.protocol
        validated = (split.parts == Part.VALIDATION).any(axis=1)
        if protocol == "honest" and not validated.all():
            raise InputProblem(
                f"split.from: fold {int(np.flatnonzero(~validated)[0]) + 1} of {self.name} has no validation part, "
                "which split.protocol = honest chooses the epoch by. Name a split that has, or leave split.from empty.",
                key="split.from",
            )
        if protocol != "honest" and validated.any():
            raise InputProblem(
                f"split.from: {self.name} has validation parts, which split.protocol = {protocol} does not know. Set "
                "split.protocol = honest, or leave split.from empty.",
                key="split.from",
            )
        if experiment.data.balance == "undersample":
            classes = len(data_set.classes)
            used = (split.parts != Part.UNUSED).any(axis=0)
            trained = (split.parts[0] == Part.TRAIN) | (split.parts[0] == Part.VALIDATION)
            evened = (used, trained) if split.folds == 1 else (used,)  # of given parts only the training is evened
            counts = [np.bincount(data_set.labels[images], minlength=classes) for images in evened]
            if all(count.min() != count.max() for count in counts):
                raise InputProblem(
                    f"split.from: the classes of {self.name} are of unequal size, and data.balance = undersample drops "
                    "images when a split is made. Set data.balance = oversample or weighted-loss, or leave split.from "
                    "empty.",
                    key="split.from",
                )


def split_file(text: str, workspace: Workspace) -> Path:
    """Return the file that `split.from` means: a run's (by name, a beginning of it, path, "latest"), or the one named.

    Raises:
        InputProblem: there is none.
    """
    path = expanded(text)
    if path.suffix != ".csv":
        with about("split.from"):
            return workspace.find_run(text).split_file
    if not path.is_file():
        raise InputProblem(
            f"split.from = {printable(text)}: there is no such file. Name a run or a split.csv.", key="split.from"
        )
    return path.absolute()


def find_given_split(text: str, workspace: Workspace) -> GivenSplit:
    """Return the split that `split.from` means, see `split_file`.

    Raises:
        InputProblem: there is none, or a file is missing or damaged.
    """
    return read_given_split(split_file(text, workspace))


def read_given_split(file: Path) -> GivenSplit:
    """Read a split.csv with the manifest.csv and, of a run, the experiment.toml beside it.

    Raises:
        InputProblem: one is missing or damaged.
    """
    with about("split.from"):
        return _read_given_split(file)


def _read_given_split(file: Path) -> GivenSplit:
    manifest = file.with_name("manifest.csv")
    data = _in_nfc(read_manifest(manifest))
    digests = tuple(row.get("digest", "") for row in read_table(manifest))
    settings: dict[str, Any] = {}
    experiment = file.with_name("experiment.toml")
    if experiment.exists():
        settings = read_run_experiment(experiment)
    return GivenSplit(file, data, digests, read_split(file, data.images), settings)


def _in_nfc(data: DataSet) -> DataSet:
    """Return the images with their classes as data sets are listed; a manifest of an earlier version may have NFD."""
    names = [nfc(name) for name in data.classes]
    classes = tuple(sorted(set(names)))
    if classes == data.classes:
        return data
    codes = np.array([classes.index(name) for name in names], np.int32)
    return replace(data, classes=classes, labels=codes[data.labels])


def _shape_of(split: Split) -> dict[str, Any]:
    """Return the settings that a split of unknown origin looks like."""
    if split.folds == 1:
        return {"method": "predefined"}
    return {"method": "k-fold", "folds": split.folds // split.repeats, "repeats": split.repeats}


def _counted(images: Sequence[str]) -> str:
    named = ", ".join(one_line(image, 60) for image in images[:_NAMED])
    return f"{plural(len(images), 'image')} ({named}{', ...' if len(images) > _NAMED else ''})"


def _are(images: Sequence[str]) -> str:
    return "is" if len(images) == 1 else "are"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(one_line(name, 40) for name in names)

"""A study as its file says it: common settings of all runs, and a table for each data set.

The file is an experiment's, with `protocols` (a list) and one table `data-sets.NAME` a data set besides. Every data
set and protocol is a cell of the study: an experiment of its own with all networks.
"""

from __future__ import annotations

import copy
import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import tomli_w

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import DataSettings, Experiment, ExperimentProblem, SplitSettings, read_toml
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.study.published_paper import DATA_SETS
from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import expanded

_PAPER = "paper.toml"
_OWN_KEYS = ("published",)
_NAME = re.compile(r"[^\x00-\x1f/\\]{1,40}\Z")


@dataclass(frozen=True)
class StudyData:
    """A data set of a study; `published` names the one of the paper whose numbers stand beside ours, "" where none."""

    name: str
    published: str = ""


@dataclass(frozen=True)
class Cell:
    """A data set under a protocol: what one run, or several with some of the networks each, is asked to do."""

    data: StudyData
    protocol: str
    experiment: Experiment

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.data.name}, {self.protocol}"

    @property
    def digest(self) -> str:
        """SHA-256 of what decides about figures; a run of another one is not this cell's.

        Settings left at their default are not in it: a version that knows further ones still knows its runs.
        """
        deciding = self.experiment.model_dump(mode="json", exclude_defaults=True)
        for key in ("name", "compute", "evaluation"):
            deciding.pop(key, None)
        deciding.get("model", {}).pop("networks", None)
        training = deciding.get("training", {})
        if training.get("seeds") == 1:  # the default when the first studies were made
            training.pop("seeds")
            if not training:
                deciding.pop("training")
        return digest_of_bytes(json.dumps(deciding, sort_keys=True).encode())


@dataclass(frozen=True)
class Study:
    """What a study is asked to do.

    Attributes:
        cells: data sets in their order, the protocols of each together.
        settings: the file's tables with whole paths, to be written out again.
    """

    name: str
    data_sets: tuple[StudyData, ...]
    protocols: tuple[str, ...]
    networks: tuple[str, ...]
    cells: tuple[Cell, ...]
    settings: Mapping[str, Any]

    @property
    def compares_with_the_paper(self) -> bool:
        """Whether the data sets are the paper's four: averages over others can't stand beside its own."""
        return {data.published for data in self.data_sets} == set(DATA_SETS)

    def to_toml(self) -> str:
        """Return the study as TOML."""
        return tomli_w.dumps(dict(self.settings), multiline_strings=False)


def paper_study() -> str:
    """Return the file of the published evaluation, its paths to be filled in."""
    return resources.files(__package__).joinpath(_PAPER).read_text(encoding="utf-8")


def read_study(path: Path) -> Study:
    """Read a study's file; relative paths in it are relative to the file.

    Raises:
        UsageProblem: it can't be read or is not TOML, or with everything that is wrong in it, a line each.
    """
    values = read_toml(path, whose="a study's")
    source = printable(str(path))
    problems: list[str] = []
    name = values.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.match(name):
        problems.append(f"{source}: name must be text of at most 40 characters without a slash.")
        name = path.stem
    protocols = _protocols(values.pop("protocols", None), source, problems)
    tables = values.pop("data-sets", None)
    if not isinstance(tables, dict) or not tables:
        problems.append(f"{source}: there is no data set. Add a table for each, such as [data-sets.PBC] with a path.")
        tables = {}
    split = values.get("split")
    if isinstance(split, dict) and "protocol" in split:
        problems.append(f'{source}: split.protocol is no setting of a study. Write protocols = ["honest"] at its top.')
    data_sets, cells = [], []
    for title, table in tables.items():
        data, settings = _data_set(str(title), table, source, problems)
        if isinstance(settings.get("path"), str) and settings["path"]:
            where = path.parent / expanded(settings["path"])
            settings["path"] = table["path"] = os.path.abspath(where)  # noqa: PTH100 - links are the user's own
        data_sets.append(data)
        for protocol in protocols:
            experiment = _experiment(values, name, data, settings, protocol, source=source, problems=problems)
            if experiment is not None:
                cells.append(Cell(data, protocol, experiment))
    problems += [f"{source}: {sentence}" for cell in cells[:1] for sentence in _about_networks(cell.experiment)]
    if problems:
        raise UsageProblem("\n".join(dict.fromkeys(problems)))
    networks = list(dict.fromkeys(find_network(network).name for network in cells[0].experiment.model.networks))
    cells = [replace(cell, experiment=cell.experiment.with_values({"model.networks": networks})) for cell in cells]
    return Study(
        name,
        tuple(data_sets),
        tuple(protocols),
        tuple(networks),
        tuple(cells),
        {**values, "name": name, "protocols": protocols, "data-sets": tables},
    )


def _protocols(value: Any, source: str, problems: list[str]) -> list[str]:
    known = [str(word) for word in get_args(SplitSettings.model_fields["protocol"].annotation)]
    found = ["honest"] if value is None else value
    if not isinstance(found, list) or not found or not all(word in known for word in found):
        problems.append(f"{source}: protocols must be a list of {' and '.join(known)}.")
        return ["honest"]
    return list(dict.fromkeys(found))


def _data_set(title: str, table: Any, source: str, problems: list[str]) -> tuple[StudyData, dict[str, Any]]:
    where = f"{source}: data-sets.{printable(title)}"
    if not isinstance(table, dict):
        problems.append(f"{where} must be a table with a path.")
        return StudyData(title), {}
    if not _NAME.match(title):
        problems.append(f"{where} must be called by at most 40 characters without a slash.")
    published = table.get("published", "")
    if published and published not in DATA_SETS:
        problems.append(f"{where}: published = {printable(str(published))} is not one of {', '.join(DATA_SETS)}.")
        published = ""
    known = [*DataSettings.model_fields, *_OWN_KEYS]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            problems.append(f"{where}.{printable(key)} is not a setting of a data set.{hint}")
    settings = {key: value for key, value in table.items() if key in DataSettings.model_fields}
    return StudyData(title, str(published)), settings


def _experiment(
    common: Mapping[str, Any],
    name: str,
    data: StudyData,
    settings: Mapping[str, Any],
    protocol: str,
    *,
    source: str,
    problems: list[str],
) -> Experiment | None:
    # A study compares over data sets, whose differences contain the training's chance: one seed is enough there.
    values: dict[str, Any] = copy.deepcopy(dict(common))
    training = values.setdefault("training", {})
    if isinstance(training, dict):
        training.setdefault("seeds", 1)
    for section, more in (("data", settings), ("split", {"protocol": protocol})):
        before = values.get(section, {})
        values[section] = {**before, **more} if isinstance(before, dict) else before
    # The file's own fault is said by the name that it has there.
    values["name"] = f"{name} {data.name} {protocol}"[:80]
    try:
        experiment = Experiment.from_mapping(values, source=source)
        return experiment.with_values({"training.seeds": experiment.seeds})
    except ExperimentProblem as problem:
        for one in problem.problems:
            key = one.key.removeprefix("data.")
            inside = one.key.startswith("data.") and key in settings
            title = f" data-sets.{printable(data.name)}:" if inside else ""
            problems.append(f"{source}:{title} {one.sentence}")
        return None


def _about_networks(experiment: Experiment) -> Iterator[str]:
    for name in experiment.model.networks:
        try:
            info = find_network(name)
            if experiment.model.image_size != "auto":
                info.check_size(experiment.model.image_size)
        except UsageProblem as problem:
            yield problem.sentence


def require_data(study: Study) -> None:
    """Do nothing if every data set's path leads somewhere.

    Raises:
        InputProblem: with a sentence for each that doesn't.
    """
    missing = []
    for cell in study.cells:
        path = cell.experiment.data.path
        where = f"data-sets.{printable(cell.data.name)}.path"
        if not path:
            missing.append(f"{where} is empty. Write the folder, or the manifest, of the data set there.")
        elif not Path(path).exists():
            missing.append(f"{where} = {printable(path)} does not exist. Write where the data set lies.")
    if missing:
        raise InputProblem("\n".join(dict.fromkeys(missing)))

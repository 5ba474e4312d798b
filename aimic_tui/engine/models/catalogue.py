"""Which networks there are: a table in the package, so that no screen waits for torch or timm.

`python -m aimic_tui.engine.models.catalogue_table` writes the table anew from the installed libraries.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.metadata import version
from typing import Literal

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.text import printable

TABLE = "catalogue.csv"
# Where both libraries have the name, torchvision's network keeps it and timm's is called timm-NAME: a name
# becomes a folder's name, so it holds no slash.
TIMM_PREFIX = "timm-"
# The published system's, in its Table 3's order.
PAPER_NETWORKS = (
    "vgg16",
    "resnet34",
    "resnet50",
    "googlenet",
    "inception_v3",
    "resnext50_32x4d",
    "shufflenet_v2_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
)


@dataclass(frozen=True)
class NetworkInfo:
    """What is known of a network without building it.

    Attributes:
        name: as in `model.networks`; unique, and fit for a folder's name.
        parameters: count with 1,000 classes, without auxiliary classifiers.
        per_class: those of them that each class adds: the classifier's.
        gmacs: multiply-adds of one image at `input_size`, in thousand millions.
        input_size: pixels a side that its published weights expect.
        minimum_size: fewest pixels a side it can be trained with.
        size_step: a size is possible if it differs from `input_size` by a multiple of this; 0: no other size.
        mean, std: per channel, of images scaled to [0, 1], as its published weights expect.
        weights: tags of its published weights, the one that `imagenet` means first.
    """

    name: str
    library: Literal["torchvision", "timm"]
    parameters: int
    per_class: int
    gmacs: float
    input_size: int
    minimum_size: int
    size_step: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    paper: bool
    weights: tuple[str, ...]

    @property
    def library_name(self) -> str:
        """What its own library calls it."""
        return self.name.removeprefix(TIMM_PREFIX) if self.library == "timm" else self.name

    def parameters_for(self, classes: int) -> int:
        """Return the count with so many classes."""
        return self.parameters + (classes - 1000) * self.per_class

    def check_size(self, image_size: int) -> None:
        """Refuse an image size that the network can't take.

        Raises:
            UsageProblem: with the nearest size that it can.
        """
        if image_size == self.input_size:
            return
        possible = self.size_step > 0 and (image_size - self.input_size) % self.size_step == 0
        if possible and image_size >= self.minimum_size:
            return
        where = f"{self.name} can't be trained with images of {image_size} pixels a side"
        if self.size_step == 0:
            raise UsageProblem(
                f"{where}: it takes {self.input_size} only. Set model.image_size={self.input_size}.",
                key="model.image_size",
            )
        if image_size < self.minimum_size:
            raise UsageProblem(
                f"{where}: it needs at least {self.minimum_size}. Set model.image_size higher.", key="model.image_size"
            )
        below = image_size - (image_size - self.input_size) % self.size_step
        raise UsageProblem(
            f"{where}: its sizes go in steps of {self.size_step}. "
            f"Set model.image_size to {max(below, self.minimum_size)} or {below + self.size_step}.",
            key="model.image_size",
        )


@lru_cache(maxsize=1)
def all_networks() -> tuple[NetworkInfo, ...]:
    """Return every network: the paper's ten first, then by name."""
    return _read_table(_table_text())


def find_network(name: str) -> NetworkInfo:
    """Return the network called `name`; `timm/NAME` and `torchvision/NAME` say which library's is meant.

    A name that is not in the table is asked of the libraries, in a process of its own, where they are installed in
    other versions than the table was made from.

    Raises:
        UsageProblem: there is none; the sentence has the nearest names.
    """
    library, slash, rest = name.partition("/")
    names = [name]
    if slash and library == "timm":
        names = [TIMM_PREFIX + rest, rest]
    elif slash and library == "torchvision":
        names = [rest]
    for find in (_by_name().get, _from_libraries):
        for candidate in names:
            info = find(candidate)
            if info is not None and (not slash or info.library == library):
                return info
    raise UsageProblem(_unknown(name))


def search_networks(text: str) -> tuple[NetworkInfo, ...]:
    """Return the networks whose name holds every word of `text` (letters and digits count, case doesn't)."""
    words = [_plain(word) for word in text.split()]
    return tuple(info for info in all_networks() if all(word in _plain(info.name) for word in words))


def installed_versions() -> str:
    """Return the first line of a table that is made from the installed libraries."""
    return f"# torchvision {version('torchvision').partition('+')[0]}, timm {version('timm')}"


def _table_text() -> str:
    return resources.files(__package__).joinpath(TABLE).read_text(encoding="utf-8")


def _read_table(text: str) -> tuple[NetworkInfo, ...]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(_from_row(row) for row in csv.DictReader(lines))


@lru_cache(maxsize=64)
def _from_libraries(name: str) -> NetworkInfo | None:
    if not name.isidentifier() or _table_text().partition("\n")[0] == installed_versions():
        return None
    command = python_command(f"{__package__}.catalogue_table", "--only", name)
    environment = python_environment(os.environ)
    answer = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    return next(iter(_read_table(answer.stdout)), None) if answer.returncode == 0 else None


@lru_cache(maxsize=1)
def _by_name() -> dict[str, NetworkInfo]:
    return {info.name: info for info in all_networks()}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _unknown(name: str) -> str:
    plain: dict[str, str] = {}
    for info in all_networks():
        plain.setdefault(_plain(info.name), info.name)
    wanted = _plain(name.rsplit("/", 1)[-1])
    near = difflib.get_close_matches(wanted, plain, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(plain[match] for match in near)}? " if near else ""
    return f"Unknown network {printable(name)}. {hint}`aimic networks` lists them."


def _from_row(row: dict[str, str]) -> NetworkInfo:
    return NetworkInfo(
        name=row["name"],
        library="torchvision" if row["library"] == "torchvision" else "timm",
        parameters=int(row["parameters"]),
        per_class=int(row["per_class"]),
        gmacs=float(row["gmacs"]),
        input_size=int(row["input_size"]),
        minimum_size=int(row["minimum_size"]),
        size_step=int(row["size_step"]),
        mean=_three(row["mean"]),
        std=_three(row["std"]),
        paper=row["paper"] == "1",
        weights=tuple(row["weights"].split()),
    )


def _three(cell: str) -> tuple[float, float, float]:
    first, second, third = (float(part) for part in cell.split())
    return first, second, third

"""The settings that say which images a data set consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
"""Of files that list images."""
DATA_SUFFIXES = (*TABLE_SUFFIXES, ".npz")
"""Of files that are data sets."""


class DataSourceSettings(Protocol):
    """The settings of an experiment's table `data` that determine images, labels and groups."""

    @property
    def path(self) -> str:
        """A folder, a manifest or a MedMNIST file."""

    @property
    def group(self) -> str:
        """A pattern on the names, a manifest column, auto or none."""

    @property
    def image_column(self) -> str:
        """The manifest column with the paths."""

    @property
    def label_column(self) -> str:
        """The manifest column with the classes."""

    @property
    def part_column(self) -> str:
        """The manifest column with the parts, auto or none."""

    @property
    def pattern(self) -> str:
        """How to read the class from a path; empty where folders give it."""

    @property
    def layout(self) -> str:
        """How folders say class, part and group: a key of `layout.LAYOUTS`, or auto."""

    @property
    def classes(self) -> Mapping[str, str]:
        """Renamed classes; empty names for classes that are left out."""

    @property
    def marks(self) -> str:
        """A file with marks, auto or none."""


@dataclass(frozen=True)
class DataSource:
    """The same settings as plain values, without an experiment and its validation."""

    path: str
    group: str = "auto"
    image_column: str = "path"
    label_column: str = "label"
    part_column: str = "auto"
    pattern: str = ""
    layout: str = "auto"
    classes: Mapping[str, str] = field(default_factory=dict)
    marks: str = "auto"

    @classmethod
    def from_table(cls, path: str, table: Mapping[str, Any]) -> DataSource:
        """Take these settings from a table `data`, and ignore its other keys."""
        known = {item.name for item in fields(cls)} - {"path"}
        return cls(path, **{name: value for name, value in table.items() if name in known})

"""A data set by the names of its images: how many there are, of which classes and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.errors import AimicError, SettingProblem
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.text import printable


@dataclass(frozen=True)
class DataSummary:
    """What the names of a data set's images show.

    Attributes:
        classes: name -> images.
        groups: how many different ones; `group_rule` is where they come from.
        groups_of_class: name of a class -> groups that hold images of it.
        problem: why it can't be used, None where it can.
        data_set: the images themselves; None where there is a problem.
    """

    classes: Mapping[str, int] = field(default_factory=dict)
    groups: int = 0
    group_rule: str = "none"
    groups_of_class: Mapping[str, int] = field(default_factory=dict)
    problem: SettingProblem | None = None
    data_set: DataSet | None = field(default=None, compare=False, repr=False)

    @property
    def images(self) -> int:
        """Of all classes."""
        return sum(self.classes.values())


def summarize_data(settings: DataSettings) -> DataSummary:
    """Find a data set's images by name; what is wrong with it comes back as a problem."""
    try:
        found = find_data_set(settings)
    except AimicError as problem:
        return DataSummary(problem=SettingProblem(problem.key or "data.path", problem.sentence))
    except OSError as error:
        sentence = f"{printable(settings.path)} can't be read: {error.strerror or error}."
        return DataSummary(problem=SettingProblem("data.path", sentence))
    return DataSummary(found.counts(), len(found.group_names), found.group_rule, found.group_counts(), data_set=found)

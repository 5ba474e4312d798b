"""Subgroups by a column as `aimic results --by --json` answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups, Subgroup, SubgroupDifference
from aimic_tui.engine.evaluation.interval import Interval


def subgroups_from_json(answer: object, network: str) -> ColumnSubgroups:
    """Read a network's subgroups from the command's answer.

    Raises:
        InputProblem: it is not such an answer.
    """
    try:
        fields = dict(cast("Mapping[str, Any]", answer)["networks"][network])
        fields["subgroups"] = tuple(map(_subgroup, fields["subgroups"]))
        return ColumnSubgroups(**{name: fields[name] for name in ColumnSubgroups.__dataclass_fields__})
    except (KeyError, TypeError, ValueError) as error:
        raise InputProblem(f"The subgroups can't be read: {type(error).__name__}: {error}.") from error


def _subgroup(found: Mapping[str, Any]) -> Subgroup:
    return Subgroup(
        name=found["name"],
        images=found["images"],
        groups=found["groups"],
        figures={metric: Interval(**figure) for metric, figure in found["figures"].items()},
        differences={
            metric: SubgroupDifference(Interval(**one["interval"]), one["p"], shown=one["shown"])
            for metric, one in found["differences"].items()
        },
    )

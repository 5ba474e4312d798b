"""The subgroups of a run's networks: where the columns come from, and which networks are evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aimic_tui.engine.data.listing.image_columns import ImageColumns, read_image_columns
from aimic_tui.engine.data.listing.manifest_table import is_manifest
from aimic_tui.engine.data.listing.table_columns import OWN_COLUMNS, plain_name
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups, column_subgroups
from aimic_tui.engine.evaluation.column_values import column_values, split_column
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import printable


def read_run_columns(run: RunPredictions, table: Path | None = None) -> ImageColumns:
    """Read the further columns that are known of a run's images.

    Args:
        table: a CSV file with a column of image paths or of group names; None takes the manifest that the run was
            made from, as it is now.

    Raises:
        InputProblem: the run was not made from a manifest or it is gone, the table can't be read, or no row of it
            belongs to an image of the run.
    """
    data = run.experiment.get("data", {})
    if table is None:
        table = Path(str(data.get("path", "")))
        if not is_manifest(table):
            raise InputProblem(
                "The run was not made from a manifest, so nothing further is known of its images. Name a CSV file with "
                "a column of image paths or group names: --table FILE."
            )
        if not table.is_file():
            raise InputProblem(f"The run's manifest {printable(str(table))} is gone. Name a copy of it: --table FILE.")
    return read_image_columns(table, run.data, str(data.get("image_column", "path")))


def subgroup_columns(columns: ImageColumns, run: RunPredictions) -> list[str]:
    """Return the columns by which the run's images can be compared, in the table's order; not the class itself."""
    label = str(run.experiment.get("data", {}).get("label_column", "label"))
    found = []
    for name in columns.values:
        if name in (columns.matched_by, label) or plain_name(name) in OWN_COLUMNS:
            continue
        try:
            column_values(name, columns.column(name))
        except InputProblem:
            continue
        found.append(name)
    return found


def check_subgroups(run: RunPredictions, wanted: Iterable[str], table: Path | None = None) -> None:
    """Raise what keeps these columns from making subgroups: what a user names is refused before any work.

    Raises:
        UsageProblem: the limits of bands are no ascending numbers.
        InputProblem: the table can't be read, there is no such column, or it makes no subgroups.
    """
    columns = read_run_columns(run, table)
    for one in wanted:
        name, limits = split_column(one, list(columns.values))
        column_values(name, columns.column(name), limits)


def run_subgroups(
    run: RunPredictions,
    network: NetworkPredictions,
    columns: ImageColumns,
    wanted: str,
    report: ReportProgress = no_report,
) -> ColumnSubgroups:
    """Evaluate a network of a run in the subgroups of a column.

    Args:
        wanted: a column of the table, or `age:40,60` for bands of its numbers.
        report: told of subgroups that are done.

    Raises:
        UsageProblem: the limits of bands are no ascending numbers.
        InputProblem: there is no such column, or it makes no subgroups.
    """
    name, limits = split_column(wanted, list(columns.values))
    values = column_values(name, columns.column(name), limits)
    evaluation = run.experiment.get("evaluation", {})
    return column_subgroups(
        network,
        values,
        resamples=int(evaluation.get("resamples", 2000)),
        confidence=float(evaluation.get("confidence", 0.95)),
        seed=int(run.experiment.get("seed", 0)),
        report=report,
    )

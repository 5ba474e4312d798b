"""A report's section on subgroups of the images by the columns that the experiment or a command names."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation import subgroup_words
from aimic_tui.engine.evaluation.column_subgroups import METRICS, ColumnSubgroups
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_subgroups import read_run_columns, run_subgroups
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.report.document import Block, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import printable


def subgroup_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the subgroups of the network that is shown closely; nothing where no column is named."""
    if not record.subgroup_columns:
        return
    blocks: list[Block] = []
    for wanted in record.subgroup_columns:
        try:
            columns = read_run_columns(record.tested, record.table)
            blocks += _column(run_subgroups(record.tested, record.chosen_network, columns, wanted))
        except AimicError as problem:
            blocks.append(Paragraph(f"Subgroups by {printable(wanted)} can't be compared. {problem.sentence}"))
    yield Section("Subgroups", [*blocks, Paragraph(subgroup_words.METHOD)])


def _column(found: ColumnSubgroups) -> Iterator[Block]:
    said = [subgroup_words.verdict(found, METRICS[0], number), *subgroup_words.remarks(found)]
    yield Paragraph(f"{found.network}: {' '.join(said)}")
    for metric in METRICS:
        yield Table(
            f"By {printable(found.column)}: {TITLES[metric]}, and its difference to all other images.",
            [printable(found.column), "images", "groups", TITLES[metric], "difference", "p, adjusted"],
            [
                [
                    printable(one.name),
                    f"{one.images:,}",
                    f"{one.groups:,}",
                    interval(one.figures[metric]),
                    interval(one.differences[metric].interval),
                    p_value(one.differences[metric].p),
                ]
                for one in found.subgroups
            ],
        )

"""What a report says of one network."""

from __future__ import annotations

from aimic_tui.engine.report.document import Drawing, Table
from aimic_tui.engine.report.network_section import network_section
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord


def test_its_tables_hold_the_figures_of_results(record: RunRecord) -> None:
    section = network_section(record, "resnet18")
    results = record.results.networks["resnet18"]
    tables = {table.header[0]: table for table in section.blocks if isinstance(table, Table)}
    assert [list(map(int, row[1:])) for row in tables["truth"].rows] == [list(row) for row in results.confusion]
    by_class = [table for table in section.blocks if isinstance(table, Table) and table.header[0] == "class"]
    assert by_class[0].rows[0][:3] == [
        "platelet",
        "20",
        interval(results.classes["platelet"].figures["recall"]),
    ]
    folds = tables["fold"]
    assert [row[0] for row in folds.rows] == ["1", "2", "3", "mean", "standard deviation"]
    assert folds.rows[-2][2] == number(results.spread["macro_f1"].mean)
    assert by_class[1].rows[-1][2] == interval(results.pooled["auroc"])


def test_it_draws_matrix_classes_curves_and_learning(record: RunRecord) -> None:
    section = network_section(record, "resnet18")
    drawn = [block.name for block in section.blocks if isinstance(block, Drawing)]
    assert drawn == ["confusion", "classes", "roc", "precision-recall", "learning"]
    assert section.level == 3

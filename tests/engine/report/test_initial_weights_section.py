"""What the networks began with."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.report.document import Table
from aimic_tui.engine.report.initial_weights_section import initial_weights_section
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import TrialKey
from tests.screens.made_run import make_data, make_run


def test_without_a_report_of_weights_there_is_no_section(record: RunRecord) -> None:
    assert list(initial_weights_section(record)) == []


def test_folds_that_began_alike_share_a_row(tmp_path: Path) -> None:
    run = make_run(tmp_path / "ws", make_data(tmp_path / "data"))
    loaded = {
        "sentence": "Loaded.",
        "source": "imagenet",
        "loaded": 312,
        "total": 314,
        "loaded_parameters": 2_223_872,
        "parameters": 2_227_715,
        "replaced": ["classifier.1.weight", "classifier.1.bias"],
    }
    for fold in (1, 2, 3):
        fields = loaded if fold < 3 else {"sentence": "Random.", "loaded": 0, "total": 314}
        append_event(run.trial(TrialKey("mobilenet_v2", fold)).events_file, "weights", **fields)
    (section,) = initial_weights_section(read_record(run))
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert table.rows == [
        [
            "mobilenet_v2",
            "imagenet",
            "312 of 314",
            "2,223,872 of 2,227,715",
            "classifier.1.weight and classifier.1.bias",
            "1 and 2",
        ],
        ["mobilenet_v2", "random values", "none", "none", "everything", "3"],
    ]

"""A report tells what was known of the images before the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.report.audit_section import audit_section, audit_sentence, shortcut_alarms
from aimic_tui.engine.report.document import Bullets, Paragraph, Table
from aimic_tui.engine.report.limitations import limitations
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.workspace_folder import Workspace
from tests.screens.made_run import make_data, make_run

SHORTCUT = Shortcut("border colour", 0.8, 0.7, 0.9, 1 / 3, 0.004, "platelet", None, "It predicts the class.", {})


def test_images_that_nobody_audited_are_said_to_be_so(record: RunRecord) -> None:
    texts = [block.text for block in audit_section(record).blocks if isinstance(block, Paragraph)]
    assert texts[0].startswith("The images were not audited before this run")
    assert texts[1].startswith("No image was excluded")
    assert any("not audited" in sentence for sentence in limitations(record))


def test_a_report_tells_findings_shortcuts_and_decisions(tmp_path: Path) -> None:
    cells = make_data(tmp_path / "cells")
    workspace = Workspace(tmp_path / "ws")
    twin = Image.open(cells / "platelet/smear000_0.jpg")
    twin.save(cells / "platelet/smear009_7.jpg", quality=80)
    audit_data_set(
        Experiment().with_values({"data.path": str(cells)}).data, store=measurements_file(workspace.cache_folder, cells)
    )
    add_marks(cells / MARKS_NAME, [Mark("red_cell/smear013_0.jpg", "exclude")])
    record = read_record(make_run(workspace.root, cells))
    assert record.audit is not None
    found = replace(record.audit.report, shortcuts=(SHORTCUT,))
    record = replace(record, audit=replace(record.audit, report=found))
    section = audit_section(record)
    cells_of = " ".join(
        cell for block in section.blocks if isinstance(block, Table) for row in block.rows for cell in row
    )
    assert "1 set of near duplicates one group each, so that no split separates them" in cells_of
    assert "border colour 0.800 (0.700 to 0.900) 0.333" in cells_of
    points = [point for block in section.blocks if isinstance(block, Bullets) for point in block.items]
    assert "Marks exclude 1 image." in points
    alarm = "the border colour, predicts the class by itself (balanced accuracy 0.800 (0.700 to 0.900), chance 0.333)"
    assert alarm in audit_sentence(record)
    assert any(alarm in sentence for sentence in limitations(record))
    unseen = replace(record.audit.report, shortcuts=(replace(SHORTCUT, feature="file name"),))
    said = shortcut_alarms(replace(record, audit=replace(record.audit, report=unseen)))
    assert said[0].endswith("No network sees it, but what goes along with it (stain, light, camera) may show.")
    texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    assert texts[0].startswith("60 images were audited on ")

"""The images that a report shows: typical ones, and the worst errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aimic_tui.engine.report.example_images import pictures_of
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run


def test_typical_images_are_right_and_the_worst_are_the_surest_errors(record: RunRecord) -> None:
    network = record.chosen_network
    typical, *worst = pictures_of(record.tested.data, network, record.rule)
    assert len(typical.items) == 3
    assert all(picture.jpeg is not None and picture.jpeg.startswith(b"\xff\xd8") for picture in typical.items)
    assert not any(line.startswith("predicted:") for picture in typical.items for line in picture.lines)
    table = network.probabilities.mean(axis=0)
    wrong = np.flatnonzero(table.argmax(axis=1) != network.labels)
    shown = [picture for pictures in worst for picture in pictures.items]
    assert len(shown) == min(12, len(wrong))
    truth = [float(line.split()[-1]) for picture in shown for line in picture.lines if line.startswith("p(true)")]
    assert truth == sorted(truth)
    assert all(any(line.startswith("predicted:") for line in picture.lines) for picture in shown)


def test_an_image_that_is_gone_leaves_its_words(tmp_path: Path) -> None:
    record = read_record(RunFolder(predicted_run(tmp_path / "run")))  # predictions only, no image files
    pictures = pictures_of(record.tested.data, record.chosen_network, record.rule)
    assert pictures
    assert all(picture.jpeg is None and picture.lines for block in pictures for picture in block.items)

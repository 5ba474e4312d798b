"""evaluation.json: written and read back, files of version 0.1 included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.evaluation_file import (
    AppearanceShift,
    ClassResult,
    EvaluationResults,
    Loss,
    Remark,
    ShiftResult,
    Unreadable,
    evaluation_to_json,
    read_evaluation,
    write_evaluation,
)
from aimic_tui.engine.inference.label_shift_result import EvaluatedShare, LabelShiftResult
from aimic_tui.engine.inference.robustness_file import DisturbedFigures, NetworkRobustness

FIGURE = Interval(0.5, 0.4, 0.6)
RESULTS = EvaluationResults(
    model="/m",
    data="their images",
    root="/d",
    network="resnet18",
    models=2,
    images=9,
    groups=3,
    confidence=0.95,
    classes=(
        ClassResult("a", {"recall": FIGURE}, 5, 4, {"recall": FIGURE}, {"recall": Interval(0.0, -0.1, 0.1)}, 0.9),
        ClassResult("b", {"recall": Interval(None)}, 4, 5, None, {}),
    ),
    pooled={"accuracy": FIGURE, "auroc": Interval(None)},
    home={"accuracy": FIGURE},
    differences={"accuracy": Interval(0.0, -0.1, 0.1)},
    confusion=((4, 1), (0, 4)),
    mapping={"A": "a", "B": "b"},
    left_out={"debris": 3},
    absent=("c",),
    unreadable=(Unreadable("x.png", "is empty"),),
    trained=None,
    left_out_trained=False,
    mean_probability=0.7,
    shift=ShiftResult(
        "shifted", FIGURE, None, (AppearanceShift("red", 0.3, 0.4, None, 0.02),), 9, "The images differ.", 0.001, 0.93
    ),
    verdict=(
        Remark("The images differ.", "attention", "shift", 0.001),
        Remark("Nothing is lost.", "fine", "loss", 0.7),
    ),
    notes=("A note.",),
    margin=0.03,
    loss=Loss("macro_f1", "within margin", 0.7, 0.01, None),
    difference_p={"accuracy": 0.7, "auroc": None},
    overconfidence=Interval(0.02, -0.01, 0.05),
    label_shift=LabelShiftResult((EvaluatedShare("a", 0.6, 0.4, Interval(0.5, 0.3, 0.7)),), {"accuracy": FIGURE}),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    disturbed = NetworkRobustness(
        2, 9, 3, 0, {"accuracy": FIGURE}, (DisturbedFigures("blur", 1, "a bit", 0.1, {"accuracy": FIGURE}, {}),)
    )
    for results in (RESULTS, replace(RESULTS, robustness=disturbed, home=None, shift=None)):
        write_evaluation(tmp_path, results)
        assert read_evaluation(tmp_path) == results


def test_a_file_of_version_0_1_is_read(tmp_path: Path) -> None:
    record = evaluation_to_json(RESULTS)
    newer = ("label_shift", "margin", "loss", "difference_p", "overconfidence", "verdict_subjects", "verdict_p")
    for key in ("version", "verdict_kinds", "model", "root", "absent", *newer):
        del record[key]
    write_json(tmp_path / "evaluation.json", record)
    found = read_evaluation(tmp_path)
    sentences = Remark("The images differ.", "open"), Remark("Nothing is lost.", "open")
    assert (found.pooled, found.verdict) == (RESULTS.pooled, sentences)
    assert (found.root, found.absent, found.margin, found.loss) == ("their images", (), None, None)
    assert found.label_shift is None


def test_what_version_1_took_to_be_fine_is_open(tmp_path: Path) -> None:
    record = {**evaluation_to_json(RESULTS), "version": 1}
    write_json(tmp_path / "evaluation.json", record)
    found = read_evaluation(tmp_path)
    assert [remark.kind for remark in found.verdict] == ["attention", "open"]
    assert "Evaluate again" in found.notes[-1]


@pytest.mark.parametrize("change", [{"version": 99}, {"pooled": 3}, {"classes": ["z"]}, {"images": None}])
def test_another_object_is_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    write_json(tmp_path / "evaluation.json", {**evaluation_to_json(RESULTS), **change})
    with pytest.raises(InputProblem, match=r"evaluation\.json can't be read"):
        read_evaluation(tmp_path)

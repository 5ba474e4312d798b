"""A study's results come back from their file as they were; files made before versions were written are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.ranking import RankedPair
from aimic_tui.engine.study.study_results import (
    CellResults,
    ComparedFigure,
    NetworkResults,
    ProtocolGap,
    StudyRanking,
    StudyResults,
    StudySentences,
)
from aimic_tui.engine.study.study_results_file import (
    read_study_results,
    study_results_from_json,
    study_results_to_json,
    write_study_results,
)

FIGURE = ComparedFigure(Interval(0.9, 0.8, 0.95), 0.91, Interval(-0.01, -0.11, 0.04))
BARE = ComparedFigure(Interval(0.7))
RESULTS = StudyResults(
    study="two sets",
    complete=False,
    definitions="F1 is ...",
    cells=(
        CellResults(
            data="cells",
            published="PBC",
            protocol="honest",
            runs={"20261122-190512-cells": "finished"},
            networks={
                "net": NetworkResults({"macro_f1": FIGURE}, {"macro_f1": 0.89}, 120, 30, True, "20261122-190512-cells")
            },
        ),
        CellResults("others", "", "honest", {}, {}),
    ),
    averages={"honest": {"net": {"macro_f1": BARE}, "other": {}}},
    gaps=(ProtocolGap("cells", "net", {"macro_f1": Interval(0.02, 0.01, 0.03)}),),
    rankings={
        "honest": StudyRanking(
            {"net": 1.0, "other": 2.0},
            0.04,
            1.2,
            (RankedPair("net", "other", -1.0, 0.2, False),),
            ("cells", "others"),
            {"net": (1.0, 1.0), "other": (2.0, 2.0)},
        ),
        "aimic-2022": None,
    },
    sentences=StudySentences("incomplete", {"honest": "..."}, {"honest": ""}, "", "how", {"honest": "p 0.04"}),
    problems=("A run can't be read.",),
)


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    write_study_results(tmp_path / "results.json", RESULTS)
    assert read_study_results(tmp_path / "results.json") == RESULTS
    assert RESULTS.networks == ("net", "other")
    assert RESULTS.data_sets == ("cells", "others")


def test_keys_keep_their_meaning() -> None:
    found = study_results_to_json(RESULTS)
    network = found["cells"][0]["networks"]["net"]
    assert network["macro_f1"] == {
        "value": 0.9,
        "low": 0.8,
        "high": 0.95,
        "published": 0.91,
        "difference": {"value": -0.01, "low": -0.11, "high": 0.04},
    }
    assert (network["run"], network["complete"], network["fold_means"]) == (
        *("20261122-190512-cells", True, {"macro_f1": 0.89}),
    )
    assert found["cells"][1]["published"] is None
    assert found["gaps"][0]["data_set"] == "cells"
    assert found["ranking"]["honest"]["ranks"] == {"net": [1.0, 1.0], "other": [2.0, 2.0]}


def test_a_file_without_a_version_is_read_and_one_of_another_is_not(tmp_path: Path) -> None:
    plain = study_results_to_json(RESULTS)
    del plain["version"]
    assert study_results_from_json(json.loads(json.dumps(plain))) == RESULTS
    path = tmp_path / "results.json"
    path.write_text(json.dumps({**plain, "version": 2}))
    assert read_study_results(path) is None


@pytest.mark.parametrize("damage", ["{", "[]", '{"study": "x"}', '{"cells": 3}'])
def test_a_damaged_file_is_none_at_all(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(damage)
    assert read_study_results(path) is None
    assert read_study_results(tmp_path / "missing.json") is None

"""`aimic compare`: a table with a verdict for people, DESIGN's object for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aimic_tui.cli import aimic
from aimic_tui.engine.errors import InputProblem
from tests.engine.evaluation.some_run import make_run


def call(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aimic, ["--workspace", str(workspace), "compare", *arguments])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "20261122-some", skills={"good": 3.0, "poor": 0.3})
    return tmp_path


def test_people_get_a_verdict(workspace: Path) -> None:
    result = call(workspace, "latest")
    assert result.exit_code == 0, result.output
    for wanted in ("good - poor", "good is better", "macro F1", "McNemar", "one pair, nothing to adjust"):
        assert wanted in result.stdout


def test_programs_get_one_object(workspace: Path) -> None:
    found = json.loads(call(workspace, "latest", "--metric", "accuracy", "--json").stdout)
    assert (found["metric"], found["networks"]) == ("accuracy", ["good", "poor"])
    (pair,) = found["pairs"]
    assert {"a", "b", "difference", "low", "high", "p", "p_adjusted"} <= set(pair)
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert {"only_a", "only_b", "p_exact", "p_mid"} <= set(pair["mcnemar"])


def test_runs_on_other_images_are_refused(workspace: Path) -> None:
    make_run(workspace / "runs" / "20261123-other", groups=30)
    problem = call(workspace, "20261122", "20261123").exception
    assert isinstance(problem, InputProblem)
    assert problem.exit_code == 3


def test_names_from_outside_cannot_reach_the_terminal(workspace: Path) -> None:
    trials = workspace / "runs" / "20261122-some" / "trials"
    (trials / "good").rename(trials / "evil\x1b[31m")
    output = call(workspace, "latest").stdout
    assert "\x1b" not in output
    assert "evil\\x1b[31m" in output

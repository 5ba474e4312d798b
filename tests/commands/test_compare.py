"""`aimic compare`: a table with a verdict for people, the object of docs/design.md for programs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aimic_tui.cli import aimic
from aimic_tui.engine.errors import InputProblem, StorageProblem, UsageProblem
from tests.engine.evaluation.stored_run import make_run


def call(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aimic, ["--workspace", str(workspace), "compare", *arguments])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "20261122-some", skills={"good": 3.0, "poor": 0.3})
    return tmp_path


def test_people_get_a_verdict(workspace: Path) -> None:
    result = call(workspace, "latest")
    assert result.exit_code == 0, result.output
    for wanted in (
        "good - poor: these trained networks differ, good is ahead.",
        "Difference of macro F1, these trained networks:",
        "McNemar",
        "one pair, nothing to adjust",
        "within the margin of 0.02",
        "another training may turn it round",
    ):
        assert wanted in result.stdout
    assert "is better" not in result.stdout


def test_programs_get_one_object(workspace: Path) -> None:
    found = json.loads(call(workspace, "latest", "--metric", "accuracy", "--json").stdout)
    assert (found["metric"], found["networks"]) == ("accuracy", ["good", "poor"])
    (pair,) = found["pairs"]
    assert {"a", "b", "difference", "low", "high", "p", "p_adjusted"} <= set(pair)
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert (pair["estimand"], pair["ahead"], pair["better"]) == ("trained networks", "good", None)
    assert pair["recipe_difference"] is pair["recipe_p_adjusted"] is None
    assert (pair["equivalent"], found["margin"]) == (False, 0.02)
    assert {"only_a", "only_b", "p_exact", "p_mid"} <= set(pair["mcnemar"])


def test_with_seeds_the_recipes_are_compared_and_one_is_better(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "20261122-some", skills={"good": 3.0, "poor": 0.3}, seeds=(0, 1, 2))
    text = call(tmp_path, "latest").stdout
    assert "good - poor: good is better (recipe)." in text
    assert "Difference of macro F1, recipe, trained anew:" in text
    (pair,) = json.loads(call(tmp_path, "latest", "--json", "--margin", "0.1").stdout)["pairs"]
    assert (pair["estimand"], pair["better"], pair["equivalent"]) == ("recipe", "good", False)
    assert 0 < pair["recipe_low"] < pair["recipe_difference"] < pair["recipe_high"]
    assert pair["recipe_p"] <= pair["recipe_p_adjusted"] < 0.05


def test_runs_on_other_images_are_refused(workspace: Path) -> None:
    make_run(workspace / "runs" / "20261123-other", groups=30)
    problem = call(workspace, "20261122", "20261123").exception
    assert isinstance(problem, InputProblem)
    assert problem.exit_code == 3


def test_names_from_outside_cannot_reach_the_terminal(workspace: Path) -> None:
    trials = workspace / "runs" / "20261122-some" / "trials"
    (trials / "good").rename(trials / "evil\x1b[31m")
    answer = call(workspace, "latest")
    assert "\x1b" not in answer.stdout
    assert isinstance(answer.exception, InputProblem)  # a folder of such a name is no trial, which leaves one network
    assert "\x1b" not in answer.exception.sentence


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Three runs on three data sets, and one network of the third in a run of its own."""
    for number, (good, poor) in enumerate([(3.0, 0.3), (2.5, 0.5), (3.0, 1.0)], 1):
        run = make_run(
            tmp_path / "runs" / f"2026112{number}-some", skills={"good": good, "poor": poor, "fair": (good + poor) / 2}
        )
        as_data_set(run, f"set{number}")
    return tmp_path


def as_data_set(run: Path, name: str) -> None:
    """Let a run's images be other ones than those of any other run."""
    for path in [run / "manifest.csv", run / "split.csv", *run.glob("trials/*/*/*.csv")]:
        path.write_text(path.read_text().replace("smear", name))
    experiment = run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('name = "some"', f'name = "{name}"'))


def test_runs_on_several_data_sets_are_ranked(several: Path) -> None:
    result = call(several, "20261121", "20261122", "20261123")
    assert result.exit_code == 0, result.output
    for wanted in (
        "set1",
        "average rank",
        "by permutation: chi-square 6.00 with 2 degrees of freedom, p 0.028",
        "CD 1.91",
        "3 data sets are few",
        "Bayesian signed-rank test: probability over data sets that the macro F1 of the first is lower, equivalent",
    ):
        assert wanted in result.stdout, wanted
    found = json.loads(call(several, "20261121", "20261122", "20261123", "--json").stdout)
    assert found["average_ranks"] == {"good": 1.0, "fair": 2.0, "poor": 3.0}
    assert found["critical_difference"] == pytest.approx(2.343 * (12 / 18) ** 0.5, abs=2e-3)
    assert found["friedman"]["chi_square"] == pytest.approx(6.0)
    assert found["friedman"]["f"] is None
    assert found["margin"] == 0.02
    for pair in found["pairs"]:
        chances = pair["practical"]
        assert sum(chances.values()) == pytest.approx(1)
        assert chances["above" if pair["difference"] < 0 else "below"] > 0.9  # a lower rank is a higher figure
    assert found["friedman"]["p"] == pytest.approx(1 / 36)  # 6 of 6 ** 3 orders agree throughout


def test_the_diagram_is_written_as_a_drawing(several: Path, tmp_path: Path) -> None:
    for ending, beginning in ((".svg", b"<svg"), (".pdf", b"%PDF")):
        output = tmp_path / f"ranks{ending}"
        assert call(several, "20261121", "20261122", "--diagram", str(output)).exit_code == 0
        assert output.read_bytes().startswith(beginning)
    assert isinstance(
        call(several, "20261121", "20261122", "--diagram", str(tmp_path / "r.png")).exception, UsageProblem
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc here")
def test_a_diagram_that_cant_be_written_is_refused_before_the_work(several: Path) -> None:
    answer = call(several, "20261121", "20261122", "--diagram", "/proc/ranks.svg")
    assert isinstance(answer.exception, StorageProblem)
    assert "--diagram /proc/ranks.svg can't be written" in answer.exception.sentence
    assert answer.stdout == ""


def test_runs_on_one_data_set_are_put_together_and_a_network_counts_once(several: Path) -> None:
    again = several / "runs" / "20261124-again"
    shutil.copytree(several / "runs" / "20261121-some", again)
    problem = call(several, "20261121", "20261122", "20261124", "--data-sets").exception
    assert isinstance(problem, InputProblem)
    assert "tested twice" in problem.sentence
    shutil.rmtree(again / "trials" / "good")
    shutil.rmtree(again / "trials" / "poor")
    (again / "trials" / "fair").rename(again / "trials" / "other")
    toml = (again / "experiment.toml").read_text()
    (again / "experiment.toml").write_text(re.sub(r"networks = \[[^\]]*\]", 'networks = ["other"]', toml))
    found = json.loads(call(several, "20261121", "20261122", "20261124", "--data-sets", "--json").stdout)
    assert found["networks"] == ["good", "poor", "fair"], "the other network is tested on one data set only"


def test_one_data_set_is_not_ranked_over_and_runs_under_way_are_refused(several: Path) -> None:
    problem = call(several, "20261121", "--data-sets").exception
    assert isinstance(problem, InputProblem)
    assert "at least two data sets" in problem.sentence
    shutil.rmtree(several / "runs" / "20261122-some" / "trials" / "good" / "fold-2")
    problem = call(several, "20261121", "20261122").exception
    assert isinstance(problem, InputProblem)
    assert "not tested on every fold yet" in problem.sentence

"""`aimic report`: a page in the run's folder, and wherever else it is wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aimic_tui.cli import aimic
from aimic_tui.engine.errors import InputProblem, StorageProblem, UsageProblem
from tests.engine.evaluation.stored_run import CLASSES, make_run


def call(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aimic, ["--workspace", str(workspace), "report", *arguments])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "20261122-some")
    return tmp_path


def test_the_page_lies_in_the_runs_folder(workspace: Path) -> None:
    result = call(workspace, "latest")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(workspace / "runs/20261122-some/report.html")
    assert Path(result.stdout.strip()).read_text().startswith("<!DOCTYPE html>")


def test_another_place_gets_the_same_page(workspace: Path) -> None:
    output = workspace / "paper.html"
    assert call(workspace, "latest", "--output", str(output)).stdout.splitlines()[-1] == str(output)
    assert output.read_bytes() == (workspace / "runs/20261122-some/report.html").read_bytes()


def test_a_program_gets_its_path(workspace: Path) -> None:
    result = call(workspace, "latest", "--json")
    assert json.loads(result.stdout) == {"report": str(workspace / "runs/20261122-some/report.html")}


def test_predictive_values_are_reported_at_a_named_prevalence(workspace: Path) -> None:
    page = workspace / "runs/20261122-some/report.html"
    assert call(workspace, "latest").exit_code == 0
    assert "Predictive values at a named prevalence" not in page.read_text()
    result = call(workspace, "latest", "--prevalence", f"{CLASSES[0].title()}=2 %")
    assert result.exit_code == 0, result.output
    assert "Predictive values at a named prevalence" in page.read_text()
    assert isinstance(call(workspace, "latest", "--prevalence", "no such=0.1").exception, UsageProblem)


def test_a_column_that_makes_no_subgroups_is_refused_before_anything_is_written(workspace: Path) -> None:
    table = workspace / "scanners.csv"
    table.write_text("group,scanner\n")
    for arguments in (("--by", "scanner"), ("--by", "scanner", "--table", str(table))):
        assert isinstance(call(workspace, "latest", *arguments).exception, InputProblem)
    problem = call(workspace, "latest", "--table", str(table)).exception
    assert isinstance(problem, UsageProblem)
    assert "--table goes with --by" in problem.sentence
    assert not (workspace / "runs/20261122-some/report.html").exists()


def test_an_unknown_run_is_a_sentence(tmp_path: Path) -> None:
    assert isinstance(call(tmp_path, "nothing").exception, InputProblem)


def test_a_folder_gets_its_parts(workspace: Path) -> None:
    parts = workspace / "paper"
    result = call(workspace, "latest", "--folder", str(parts))
    assert result.stdout.splitlines()[-1] == str(parts / "report.html")
    assert (parts / "report.html").read_bytes() == (workspace / "runs/20261122-some/report.html").read_bytes()
    drawings = {path.stem for path in (parts / "figures").glob("*.svg")}
    assert drawings == {path.stem for path in (parts / "figures").glob("*.pdf")}
    assert {"roc", "recall", "confusion", "reliability", "risk", "groups"} <= {
        name.rpartition("-")[2] for name in drawings
    }
    assert all(path.read_bytes().startswith(b"%PDF") for path in (parts / "figures").glob("*.pdf"))
    tables = sorted((parts / "tables").glob("*.csv"))
    assert tables[0].read_text().splitlines()[1].startswith("macro F1,")
    card = (parts / "MODEL_CARD.md").read_text()
    for wanted in ("# Model card: some", "**intended uses and users**: *Open", "mobilenet\\_v2", "| basophil | 40 |"):
        assert wanted in card, wanted
    kept = parts / "notes.txt"
    kept.touch()
    assert call(workspace, "latest", "--folder", str(parts)).exit_code == 0
    assert kept.exists()
    assert isinstance(call(workspace, "latest", "--folder", str(workspace / "a" / "b")).exception, UsageProblem)


def test_its_progress_counts_sections_to_the_end(workspace: Path) -> None:
    events = workspace / "events.jsonl"
    assert call(workspace, "latest", "--events", str(events)).exit_code == 0
    said = [json.loads(line) for line in events.read_text().splitlines()]
    written = [event for event in said if event["event"] == "progress"]
    assert {event["phase"] for event in written} == {"write"}
    assert written[-1]["done"] == written[-1]["total"] > 5
    assert said[-1]["event"] == "finished"


def test_the_report_of_a_run_that_cant_be_written_goes_elsewhere_and_says_so_first(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    monkeypatch.setattr(
        "aimic_tui.commands.report.folder_problem", lambda folder, locks: f"{folder} is mounted read-only."
    )
    for name in ("20261122-some-report.html", "20261122-some-report-2.html"):
        result = call(workspace, "latest")
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[-1] == str(tmp_path / "mine" / name)
        assert "mounted read-only. The report goes to" in result.output
    assert call(workspace, "latest", "--output", str(tmp_path / "x.html")).exit_code == 0
    assert not (workspace / "runs/20261122-some/report.html").exists()


def test_a_report_that_can_go_nowhere_is_refused_before_it_is_made(workspace: Path) -> None:
    for options in (("--output", "/proc/report.html"), ("--folder", "/proc/report")):
        problem = call(workspace, "latest", *options).exception
        assert isinstance(problem, StorageProblem)
    assert not (workspace / "runs/20261122-some/report.html").exists()

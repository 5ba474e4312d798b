"""`aimic runs`, `watch`, `stop` and `resume` on runs that need no training."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aimic_tui.engine.event_log import append_event, now
from aimic_tui.engine.files import write_json
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, write_status


def aimic(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aimic_tui", "--workspace", str(workspace), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with one finished and one failed trial."""
    folder = RunFolder(tmp_path / "runs" / "20261122-190512-cells")
    folder.path.mkdir(parents=True)
    trials = (
        TrialStatus("mobilenet_v2", 1, 0, "finished"),
        TrialStatus("mobilenet_v2", 2, 0, "failed", 3, "cpu", "a.png is \x1b[2Jempty."),
    )
    status = RunStatus(
        run=folder.name,
        state="failed",
        created=now(),
        ended=now(),
        trials=trials,
        networks=("mobilenet_v2",),
        folds=2,
        epochs=3,
        reason="1 of 2 trials failed: a.png is \x1b[2Jempty.",
    )
    write_status(folder, status)
    pooled = {"macro_f1": {"value": 0.934, "low": 0.921, "high": 0.946}}
    write_json(folder.results_file, {"networks": {"mobilenet_v2": {"pooled": pooled}}})
    append_event(folder.events_file, "run-started", pid=1)
    append_event(folder.events_file, "run-failed", sentence=status.reason)
    return folder


def test_runs_are_listed_with_their_states_and_figures(run: RunFolder, tmp_path: Path) -> None:
    answer = aimic(tmp_path, "runs")
    assert answer.returncode == 0
    (line,) = (line for line in answer.stdout.splitlines() if run.name in line)
    for part in ("failed", "1/2", "mobilenet_v2 x 2", "0.934 [.921 .946]", "just now"):
        assert part in line
    assert "\x1b" not in answer.stdout


def test_runs_as_json(run: RunFolder, tmp_path: Path) -> None:
    (record,) = json.loads(aimic(tmp_path, "runs", "--json").stdout)["runs"]
    assert record["run"] == run.name
    assert record["path"] == str(run.path)
    assert (record["state"], record["trials_done"], record["trials_total"]) == ("failed", 1, 2)


def test_a_workspace_without_runs(tmp_path: Path) -> None:
    answer = aimic(tmp_path / "new", "runs")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "aimic train" in answer.stderr
    assert json.loads(aimic(tmp_path / "new", "runs", "--json").stdout) == {"runs": []}
    assert not (tmp_path / "new").exists()  # looking makes nothing


def test_a_damaged_run_is_listed_as_such(run: RunFolder, tmp_path: Path) -> None:
    run.status_file.write_text("{")
    assert "damaged" in aimic(tmp_path, "runs").stdout


def test_watching_a_run_that_is_over_prints_its_story_and_leaves(run: RunFolder, tmp_path: Path) -> None:
    answer = aimic(tmp_path, "watch", "latest", "--plain")
    assert answer.returncode == 1  # as the run's own command would have left
    assert "run started" in answer.stdout
    assert r"a.png is \x1b[2Jempty." in answer.stdout
    assert "1 of 2 trials finished" in answer.stderr
    assert f"aimic resume {run.name}" in answer.stderr


@pytest.mark.parametrize("arguments", [("watch", "x", "--plain"), ("stop", "latest"), ("resume", "nothing")])
def test_a_run_that_is_not_there_is_exit_code_3(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    answer = aimic(tmp_path, *arguments)
    assert answer.returncode == 3
    assert answer.stderr.startswith("aimic: There is no run")


def test_a_run_that_is_over_cannot_be_stopped(run: RunFolder, tmp_path: Path) -> None:
    answer = aimic(tmp_path, "stop", run.name)
    assert answer.returncode == 3
    assert "there is nothing to stop" in answer.stderr
    assert not run.stop_file.exists()


def test_a_finished_run_cannot_be_resumed(run: RunFolder, tmp_path: Path) -> None:
    status = RunStatus(run=run.name, state="finished", trials=(TrialStatus("mobilenet_v2", 1, 0, "finished"),))
    write_status(run, status)
    answer = aimic(tmp_path, "resume", run.name)
    assert answer.returncode == 3
    assert "is finished" in answer.stderr


def test_a_run_that_was_made_but_not_started_says_how_to_start_it(run: RunFolder, tmp_path: Path) -> None:
    write_status(run, replace(RunStatus(run=run.name, state="queued"), trials=()))
    answer = aimic(tmp_path, "watch", run.name, "--plain")
    assert answer.returncode == 3
    assert "aimic resume" in answer.stderr

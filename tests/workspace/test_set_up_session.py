"""Setting up an experiment without a screen: problems, plan, where settings come from, start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from aimic_tui.engine.errors import ErrorRecord, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace import set_up_session
from aimic_tui.workspace.processes import Outcome
from aimic_tui.workspace.set_up_session import SetUpSession
from tests.screens.made_run import make_data


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "cells")


def session_on(tmp_path: Path, data: Path | None, **draft: str) -> SetUpSession:
    changed = {"model.weights": "none", "compute.devices": "cpu"}
    changed |= {key.replace("__", "."): text for key, text in draft.items()}
    session = SetUpSession(Workspace(tmp_path / "space"), changed)
    session.take_data(str(data) if data else None, {})
    return session


async def planned(session: SetUpSession) -> SetUpSession:
    experiment = session.check()
    assert experiment is not None
    await session.update_plan(experiment)
    return session


async def test_the_plan_of_a_draft_and_its_suggestions(tmp_path: Path, cells: Path) -> None:
    session = await planned(session_on(tmp_path, cells, training__batch_size="8", training__epochs="10"))
    assert session.plan is not None
    assert session.plan.forecast is not None
    assert (session.plan.data.images, session.plan.forecast.trials, session.plan.forecast.steps) == (60, 5, 300)
    assert session.problems == {}
    assert list(session.suggestions) == ["training.epochs", "split.validation"]
    assert not (tmp_path / "space").exists()


async def test_what_is_wrong_in_the_draft_goes_before_what_the_plan_found(tmp_path: Path, cells: Path) -> None:
    session = await planned(session_on(tmp_path, cells, model__networks="resnet5O", split__folds="11"))
    assert set(session.problems) == {"model.networks", "split.folds"}
    session.draft.write("split.folds", "many")
    assert session.check() is None
    assert "must be a whole number" in session.problems["split.folds"]
    assert "Unknown network" in session.problems["model.networks"]


async def test_a_later_plan_reads_the_data_again_only_where_its_settings_changed(tmp_path: Path, cells: Path) -> None:
    session = await planned(session_on(tmp_path, cells))
    assert session.plan is not None
    data, split = session.plan.data, session.plan.split
    session.draft.put("training.epochs", 3)
    await planned(session)
    assert session.plan.data is data and session.plan.split is split
    session.draft.put("split.folds", 3)
    await planned(session)
    assert session.plan.data is data and session.plan.split is not split
    session.draft.put("data.group", "none")
    await planned(session)
    assert session.plan.data is not data


async def test_the_speed_of_a_range_test_tells_the_duration(tmp_path: Path, cells: Path) -> None:
    session = await planned(session_on(tmp_path, cells))
    assert session.plan is not None and session.plan.duration is None
    experiment = session.check()
    assert experiment is not None
    session.take_speed(experiment, "mobilenet_v2", "cpu", 50.0)
    await planned(session)
    assert session.plan.duration is not None
    assert session.plan.duration.source == "the range test"


def test_the_data_of_the_app_is_taken_once(tmp_path: Path, cells: Path) -> None:
    session = session_on(tmp_path, None)
    assert "data.path is empty" in session.problems["data.path"], "said before the start is tried"
    assert session.experiment_to_run() is None
    session.take_data(str(cells), {"group": "none", "path": "elsewhere"})
    assert (session.draft.text("data.path"), session.draft.text("data.group")) == (str(cells), "none")
    session.draft.put("data.group", "auto")
    session.take_data(str(cells), {"group": "none", "path": "elsewhere"})
    assert session.draft.text("data.group") == "auto"
    assert "data.path" not in session.problems
    experiment = session.experiment_to_run()
    assert experiment is not None
    assert (experiment.name, experiment.data.path) == ("cells", str(cells))


def test_a_runs_experiment_is_loaded_without_what_the_run_measured(tmp_path: Path, cells: Path) -> None:
    session = session_on(tmp_path, cells)
    values = {"data.path": str(cells), "data.window": [0, 1023], "training.epochs": 4}
    session.save(tmp_path / "made" / "run.toml", Experiment().with_values(values))
    session.load(tmp_path / "made" / "run.toml")
    assert session.draft.text("training.epochs") == "4"
    assert session.draft.text("data.window") == ""


async def test_start_is_the_command_and_its_refusal_stands_at_the_settings(
    tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = (SettingProblem("split.folds", "Too many."), SettingProblem("no.setting", "Elsewhere."))
    error = ErrorRecord("Too many.\nElsewhere.", "split.folds", code="usage", problems=problems)
    outcomes = [
        Outcome(2, json.dumps({"error": error.to_json()}), "aimic: Too many.\n"),
        Outcome(0, json.dumps({"path": str(tmp_path / "run")}) + "\n", ""),
    ]
    started: list[list[str]] = []

    async def run(arguments: Sequence[str]) -> Outcome:
        started.append(list(arguments))
        return outcomes.pop(0)

    monkeypatch.setattr(set_up_session, "run_command", run)
    session = session_on(tmp_path, cells)
    experiment = session.experiment_to_run()
    assert experiment is not None
    assert await session.start(experiment) == error
    assert session.problems == {"split.folds": "Too many."}
    assert session.check() is not None  # what was refused is forgotten with the next change
    assert session.problems == {}
    assert await session.start(experiment) == tmp_path / "run"
    file = Path(next(part for part in started[1] if part.endswith(".toml")))
    assert Experiment.from_file(file) == experiment
    assert started[1][-2:] == ["--detach", "--json"]

"""Studies: the list, an open study with its cells and tables, a new one from a file, starting and stopping."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.event_log import EventReader, append_event
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.figures import StudyFigures, read_figures
from aimic_tui.engine.study.plan import plan_study
from aimic_tui.engine.study.sentences import beside, gap_sentence, percent
from aimic_tui.engine.study.study_file import Study, read_study
from aimic_tui.engine.study.study_folder import StudyFolder, StudyRun, study_folder
from aimic_tui.engine.study.write_tables import write_study
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.results.screen import ResultsScreen
from aimic_tui.screens.run.screen import RunScreen
from aimic_tui.screens.studies.screen import StudiesScreen
from aimic_tui.screens.studies.study_file_dialog import StudyFile
from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.path_input import PathInput
from aimic_tui.workspace import studies_session
from aimic_tui.workspace.processes import Outcome
from aimic_tui.workspace.studies_overview import StudyOverview
from tests.app.test_app import screen_text
from tests.engine.evaluation.stored_run import make_run
from tests.engine.study.test_scheduler import TEXT as TINY
from tests.engine.training.small import draw_images

Until = Callable[..., Any]
NETWORKS = ("resnet50", "mobilenet_v2", "vgg16")
TEXT = """
name = "two sets"
protocols = ["honest", "aimic-2022"]
[model]
networks = ["resnet50", "mobilenet_v2", "vgg16"]
weights = "none"
[split]
folds = 3
[data-sets.PBC]
path = "pbc"
published = "PBC"
[data-sets.others]
path = "cells"
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def study(tmp_path: Path, workspace: Workspace) -> Study:
    """A study of two data sets; nothing of it was run."""
    for name in ("pbc", "cells"):
        (tmp_path / name).mkdir()
    (tmp_path / "study.toml").write_text(TEXT)
    found = read_study(tmp_path / "study.toml")
    folder = study_folder(workspace, found.name)
    folder.path.mkdir(parents=True)
    folder.study_file.write_text(found.to_toml())
    return found


def add_runs(study: Study, workspace: Workspace, cells: int = 4) -> StudyFolder:
    """Leave what the runs of the first cells leave; the optimistic ones are better."""
    folder = study_folder(workspace, study.name)
    for number, cell in enumerate(study.cells[:cells]):
        bonus = 0.8 if cell.protocol == "aimic-2022" else 0.0
        name = f"20261122-19051{number}-cell"
        skills = {network: 2.5 - 0.6 * place + bonus for place, network in enumerate(NETWORKS)}
        run = make_run(
            workspace.runs_folder / name, skills=skills, protocol=cell.protocol, groups=24 + 6 * (number // 2)
        )
        write_results(run)
        folder.add_run(StudyRun(cell.data.name, cell.protocol, cell.digest, NETWORKS, name))
    return folder


@pytest.fixture
def figures(study: Study, workspace: Workspace) -> StudyFigures:
    """The figures of the study, all of it run and put into tables."""
    folder = add_runs(study, workspace)
    append_event(folder.events_file, "study-started", cells=4)
    append_event(folder.events_file, "study-finished")
    found = read_figures(study, folder, workspace)
    write_study(found, folder, workspace)
    return found


@pytest.fixture
def held(study: Study, workspace: Workspace) -> Iterator[StudyFolder]:
    """The study while a process is at work on it."""
    folder = add_runs(study, workspace, 1)
    append_event(folder.events_file, "study-started", cells=4)
    append_event(folder.events_file, "looking-at-images", data="PBC", protocol="aimic-2022")
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    yield folder
    lock.release()


def shows(app: AimicApp, *words: str) -> Callable[[], bool]:
    """Tell whether words stand on the screen, in a line or, where a path before them is long, over two."""

    def so() -> bool:
        text = screen_text(app)
        wrapped = " ".join(line.strip() for line in text.splitlines())
        return all(word in text or word in wrapped for word in words)

    return so


async def test_without_a_study_the_place_says_what_one_is_and_how_to_make_one(tmp_path: Path, until: Until) -> None:
    app = AimicApp(Workspace(tmp_path / "ws"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shows(app, "6  Networks on several data sets"))
        await pilot.press("6")
        await until(
            pilot, shows(app, "A study trains several networks on several data sets", "n  starts from the paper's")
        )
        assert "6 Studies" in screen_text(app).splitlines()[0]
        await pilot.press("1")
        await pilot.pause()
        assert "Studies" not in screen_text(app).splitlines()[0], "it is no step of the way"


async def test_home_names_the_studies_and_the_place_lists_them(
    held: StudyFolder, workspace: Workspace, until: Until
) -> None:
    app = AimicApp(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "Studies        ● two-sets", "6 has their cells"))
        await pilot.press("6")
        await until(pilot, shows(app, "● two-sets", "3 networks × 4 cells", "9/36", "checking PBC"))
        assert "s Stop" in screen_text(app)
        assert "r Resume" not in screen_text(app)
        append_event(held.events_file, "run-started", data="PBC", protocol="aimic-2022", run="x")
        await until(pilot, shows(app, "just started"))


async def test_an_open_study_shows_each_cell_and_enter_goes_to_its_run(
    study: Study, workspace: Workspace, until: Until
) -> None:
    folder = add_runs(study, workspace, 1)
    append_event(folder.events_file, "study-started", cells=4)
    append_event(
        folder.events_file, "trouble", data="others", protocol="honest", sentence="There are \x1b[31m no images."
    )
    append_event(folder.events_file, "study-stopped")
    app = AimicApp(workspace, place="studies")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "‖ two-sets", "stopped just now · r resumes"))
        await pilot.press("enter")
        await until(pilot, shows(app, "✓ 9/9", "◌ 0/9", "✗ 0/9", "aimic-2022 (optimistic)", "20261122-190510-cell"))
        await pilot.press("down")
        await until(pilot, shows(app, "no run yet", "! There are \\x1b[31m no images."))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, StudiesScreen)
        await pilot.press("up", "enter")
        await until(pilot, lambda: isinstance(app.screen, (ResultsScreen, RunScreen)))
        assert app.context.run == workspace.runs_folder / "20261122-190510-cell"
        assert isinstance(app.screen, ResultsScreen)


async def test_figures_stand_beside_the_published_ones_in_the_commands_words(
    figures: StudyFigures, workspace: Workspace, until: Until
) -> None:
    app = AimicApp(workspace, place="studies")
    ours = figures.figure("PBC", "honest", "resnet50", "macro_f1")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, shows(app, "✓ two-sets", "36/36"))
        await pilot.press("enter")
        await until(pilot, shows(app, "study.html", "Mean gap, published protocol minus honest one"))
        await pilot.press("i")
        await until(
            pilot,
            shows(app, percent(ours), "98.46", percent(beside(ours, 98.46)), "Honest protocol: a validation part"),
        )
        assert percent(figures.average("honest", "vgg16", "macro_f1")) in screen_text(app)
        await pilot.press("i")
        optimistic = figures.figure("PBC", "aimic-2022", "resnet50", "macro_f1")
        await until(pilot, shows(app, percent(optimistic), "! Published protocol: the test images"))
        await pilot.press("i", "v")
        accuracy = figures.figure("others", "honest", "vgg16", "accuracy")
        await until(pilot, shows(app, percent(accuracy), "Accuracy, %"))
        await pilot.press("d")
        said = gap_sentence(figures)
        await until(pilot, shows(app, said, percent(figures.gaps["others", "vgg16"]["macro_f1"])))
        await pilot.press("a")
        await until(pilot, shows(app, "Nemenyi's critical difference", "average rank", "1.00", "PBC", "others"))
        await pilot.press("i", "enter")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        assert app.context.run == workspace.runs_folder / "20261122-190510-cell"
        await pilot.press("6", "escape")
        await until(pilot, shows(app, "trials done"))


@pytest.mark.slow
async def test_tables_are_made_by_the_command_where_runs_went_on(
    study: Study, workspace: Workspace, until: Until
) -> None:
    folder = add_runs(study, workspace, 1)
    app = AimicApp(workspace, place="studies")
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, shows(app, "two-sets"))
        await pilot.press("enter", "i")
        await until(pilot, shows(app, "making the tables"))
        await until(pilot, shows(app, "The study is not complete", "98.46"), 120)
        assert (folder.path / "study.html").is_file()


async def test_a_read_only_look_makes_and_starts_nothing(study: Study, workspace: Workspace, until: Until) -> None:
    folder = add_runs(study, workspace, 1)
    before = sorted(folder.path.iterdir())
    app = AimicApp(workspace, place="studies", read_only=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, shows(app, "two-sets"))
        await pilot.press("enter", "i")
        await until(pilot, shows(app, "A read-only look makes no tables: there are none"))
        assert "Nothing is tested yet" not in screen_text(app)
        await pilot.press("e")
        await until(pilot, shows(app, "read-only: you can't make tables"))
        await pilot.press("r")
        await until(pilot, shows(app, "you can't start a study"))
    assert sorted(folder.path.iterdir()) == before


async def test_the_papers_study_is_written_and_followed_until_it_can_be_started(
    tmp_path: Path, workspace: Workspace, until: Until
) -> None:
    app = AimicApp(workspace, place="studies")
    file = tmp_path / "mine.toml"
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "No study in"))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(PathInput).value = str(file)
        await pilot.press("enter")
        await until(pilot, shows(app, "! data-sets.C-NMC.path is empty", "data-sets.LISC.path is empty", "your editor"))
        assert "Start" not in screen_text(app).splitlines()[-1]
        file.write_text(file.read_text().replace('path = ""', 'path = "nowhere"', 1))
        await until(pilot, shows(app, "nowhere does not exist"))
        file.write_text("name = [")
        await until(pilot, shows(app, "is not TOML"))
        draw_images(tmp_path / "discs")
        file.write_text(TINY.replace("EPOCHS", "1"))
        await until(pilot, shows(app, "Nothing is started yet", "0 of 4 trials done", "^r Start"))
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, StudiesScreen)
    assert not workspace.root.exists(), "the plan writes nothing"


async def test_start_is_the_command_and_its_complaints_are_shown(
    study: Study, workspace: Workspace, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    async def refuse(arguments: list[str]) -> Outcome:
        asked.append(list(arguments))
        error = ErrorRecord("data-sets.PBC.path = /gone does not exist.\nAnother one.")
        return Outcome(3, json.dumps({"error": error.to_json()}), "")

    monkeypatch.setattr(studies_session, "run_command", refuse)
    folder = study_folder(workspace, study.name)
    app = AimicApp(workspace, place="studies")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, shows(app, "not started · r starts it"))
        await pilot.press("r")
        await until(pilot, shows(app, "/gone does not exist.", "Another one."))
    assert asked[0][-4:] == ["study", str(folder.study_file), "--detach", "--json"]


async def test_stop_asks_first(held: StudyFolder, workspace: Workspace, until: Until) -> None:
    app = AimicApp(workspace, place="studies")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "s Stop"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await pilot.pause()
        assert not held.stop_file.exists()
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, held.stop_file.exists)
        await until(pilot, shows(app, "stopping"))


@pytest.mark.slow
async def test_a_study_is_really_started_and_stopped_from_here(
    tmp_path: Path, workspace: Workspace, until: Until
) -> None:
    draw_images(tmp_path / "discs")
    (tmp_path / "study.toml").write_text(TINY.replace("EPOCHS", "400"))
    app = AimicApp(workspace, place="studies")
    folder = study_folder(workspace, "tiny")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "No study in"))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(PathInput).value = str(tmp_path / "study.toml")
        await pilot.press("enter")
        await until(pilot, shows(app, "0 of 4 trials done", "^r Start"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: bool(folder.runs()) and shows(app, "s Stop")())
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, shows(app, "stopped", "r Resume"))
    assert not folder.alive
    (run,) = folder.runs()
    assert read_status(workspace.find_run(run.run)).state == "stopped"
    told = [event["event"] for event in EventReader(folder.events_file).new()]
    assert (told[0], told[-1]) == ("study-started", "study-stopped")


async def test_plan_and_files_of_a_study_that_can_not_be_read_are_sentences(
    study: Study, workspace: Workspace, until: Until
) -> None:
    folder = study_folder(workspace, study.name)
    app = AimicApp(workspace, place="studies")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shows(app, "two-sets"))
        await pilot.press("enter")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, StudyFile))
        await until(pilot, shows(app, "! PBC, honest: "))
        await pilot.press("escape")
        folder.study_file.write_text('name = "two sets"\n')
        await until(pilot, shows(app, "there is no data set"))
        folder.study_file.write_text(study.to_toml())
        folder.runs_file.write_text("{")
        await until(pilot, shows(app, "Delete it"))


def test_states_come_from_the_lock_the_story_and_the_runs(study: Study, workspace: Workspace) -> None:
    overview = StudyOverview(workspace)
    folder = study_folder(workspace, study.name)
    (row,) = overview.read()
    assert (row.state, row.done, row.trials, row.tested) == ("queued", 0, 36, 0)
    append_event(folder.events_file, "study-started", cells=4)
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    assert overview.read()[0].state == "running"
    folder.stop_file.touch()
    assert overview.read()[0].state == "stopping"
    lock.release()
    assert overview.read()[0].state == "interrupted"
    append_event(folder.events_file, "study-failed", sentence="One trouble.")
    assert (overview.read()[0].state, overview.read()[0].sentence) == ("failed", "One trouble.")
    add_runs(study, workspace, 4)
    (row,) = overview.read()
    assert (row.state, row.done, row.trials, row.fraction) == ("finished", 36, 36, 1.0)
    assert row.tested > 0
    assert overview.read()[0] is row, "what did not change is the same object"


@pytest.mark.parametrize("more", ["", "repeats = 2\n", "inner_folds = 3\n", 'method = "hold-out"\n'])
def test_trials_foreseen_by_the_settings_are_those_of_the_plan(tmp_path: Path, workspace: Workspace, more: str) -> None:
    draw_images(tmp_path / "discs")
    (tmp_path / "study.toml").write_text(TINY.replace("EPOCHS", "1").replace("[split]\n", "[split]\n" + more))
    study = read_study(tmp_path / "study.toml")
    folder = study_folder(workspace, study.name)
    folder.path.mkdir(parents=True)
    folder.study_file.write_text(study.to_toml())
    (row,) = StudyOverview(workspace).read()
    cells = plan_study(study, folder, workspace)
    pairs = list(zip(row.cells, cells, strict=True))
    assert not pairs[0][1].problem
    assert all(ours.trials == planned.trials for ours, planned in pairs if not planned.problem)

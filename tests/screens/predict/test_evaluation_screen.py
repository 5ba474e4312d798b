"""Judging a model on labelled images from elsewhere: matching classes, following the command, what came of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.evaluation_file import evaluation_from_json
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.data.layout_prompt import LayoutPrompt
from aimic_tui.screens.predict.evaluation_form import EvaluationForm
from aimic_tui.screens.predict.evaluation_screen import EvaluationScreen
from aimic_tui.screens.predict.evaluation_view import classes_table, differing_text, figures_table, verdict_text
from aimic_tui.screens.predict.screen import PredictScreen
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.field import Choice
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace import evaluation_job
from aimic_tui.workspace.evaluation_job import EvaluationJob, inspect_data, list_evaluations, read_evaluation_job
from tests.app.test_app import screen_text
from tests.engine.inference.trained_run import train_run
from tests.engine.training.small import draw_images
from tests.screens.conftest import Instead
from tests.screens.made_run import CLASSES, make_data, make_run
from tests.screens.predict.test_screen import give_models

Until = Callable[..., Awaitable[None]]
NAME = "20261122-190512-their"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def run(workspace: Workspace, cells: Path) -> RunFolder:
    made = make_run(workspace.root, cells)
    give_models(made)
    return made


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Another laboratory's images: one class has another name, one is in other letters."""
    return make_data(tmp_path / "theirs", ("Platelet", "erythrocyte", "white cell"), each=4)


def interval(value: float, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def answer(data: Path, **more: Any) -> dict[str, Any]:
    """Return what `aimic evaluate` says, with a loss of 0.3 in macro F1."""
    per_class = {
        "recall": interval(0.6, 0.5, 0.7),
        "support": 20,
        "predicted": 20,
        "home": {"recall": interval(0.9, 0.85, 0.95)},
        "differences": {"recall": interval(-0.3, -0.41, -0.19)},
        "recall_p": 0.001,
    }
    return {
        "version": 2,
        "margin": 0.05,
        "difference_p": {"macro_f1": 0.0001, "log_loss": 0.002},
        "root": str(data),
        "images": 60,
        "groups": 30,
        "confidence": 0.95,
        "classes": list(CLASSES),
        "pooled": {"macro_f1": interval(0.6, 0.5, 0.7), "log_loss": interval(1.2, 1.0, 1.4)},
        "home": {"macro_f1": interval(0.9, 0.85, 0.95), "log_loss": interval(0.3, 0.2, 0.4)},
        "differences": {"macro_f1": interval(-0.3, -0.41, -0.19), "log_loss": interval(0.9, 0.7, 1.1)},
        "per_class": {name: dict(per_class) for name in CLASSES},
        "confusion": [[20, 0, 0], [6, 14, 0], [0, 0, 20]],
        "verdict": ["The images are clearly of another kind.", "Macro F1 is 0.600 here: a loss of 0.300."],
        "verdict_kinds": ["attention", "attention"],
        "notes": ["The model was trained on 12 of the 60 images: the figures are better than on new ones."],
        "left_out": {"debris\x1b[2J": 3},
        "absent": [],
        "unreadable": [{"image": "a.png", "problem": "is empty"}],
        "trained": 12,
        "left_out_trained": False,
        "shift": {
            "verdict": "clearly shifted",
            "auroc": interval(0.97, 0.94, 0.99),
            "distance": 3.4,
            "images": 60,
            "p": 0.001,
            "achievable": 0.99,
            "colours": {"brightness": {"known": 180.0, "new": 120.0, "deviations": -2.1, "p": 0.004}},
        },
        **more,
    }


def finished(workspace: Workspace, run: RunFolder, data: Path, **more: Any) -> EvaluationJob:
    """Leave behind what a finished evaluation leaves."""
    job = EvaluationJob(
        folder=workspace.root / "evaluations" / NAME,
        label="cells / mobilenet_v2, 3 models together",
        model=run.path,
        network="mobilenet_v2",
        data=str(data),
        created="2026-11-22T19:05:12+00:00",
    )
    job.folder.mkdir(parents=True)
    record = {name: getattr(job, name) for name in job.__dataclass_fields__ if name != "folder"}
    write_json(job.folder / "request.json", {**record, "model": str(job.model)})
    write_json(job.folder / "evaluation.json", answer(data, **more))
    names = tuple(sorted(path.relative_to(data).as_posix() for path in data.rglob("*.jpg")))
    labels = np.array([CLASSES.index(name.partition("/")[0]) for name in names], np.int32)
    said = np.eye(3)[labels] * 0.7 + 0.1
    wrong = np.flatnonzero(labels == 1)[:6]
    said[wrong] = [0.8, 0.1, 0.1]
    write_predictions(job.predictions_file, Predictions(names, labels, said, CLASSES))
    return job


async def at_the_model(pilot: Pilot[None], until: Until) -> None:
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, PredictScreen) and "3 models together" in screen_text(app))
    assert "e Evaluate" in screen_text(app)
    await pilot.press("e")
    await until(pilot, lambda: any(isinstance(screen, EvaluationScreen) for screen in app.screen_stack))


async def asked(pilot: Pilot[None], until: Until, data: Path) -> EvaluationForm:
    """Give the folder; return the form that comes up."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, PathPrompt))
    app.screen.query_one(Input).value = str(data)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, EvaluationForm))
    form = app.screen
    assert isinstance(form, EvaluationForm)
    return form


async def test_a_class_of_another_name_is_asked_for_and_the_command_gets_it(
    workspace: Workspace, run: RunFolder, theirs: Path, until: Until, instead: Instead
) -> None:
    error = json.dumps({"event": "error", **ErrorRecord("no such device.", code="usage").to_json()})
    events = workspace.root / "evaluations"
    program = f"for folder in {events}/*; do echo '{error}' >> $folder/events.jsonl; done; exit 2"
    started = instead(evaluation_job, "sh", "-c", program)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await at_the_model(pilot, until)
        form = await asked(pilot, until, theirs)
        assert [choice.value for choice in form.query(Choice)] == ["platelet", "which?", "white_cell", "include"]
        assert form.query_one("#margin", Input).value == "0.05"
        form.query_one("#margin", Input).value = "0.1"
        assert app.focused is form.query_one("#class-1")  # the one that asks

        def lit() -> list[int]:
            lines = form.query(".line").results()
            return [at for at, line in enumerate(lines) if line.query_one(Static).styles.text_style.bold]

        await until(pilot, lambda: lit() == [1])
        await pilot.press("down")
        await until(pilot, lambda: lit() == [2])
        await pilot.press("up")
        await pilot.press("enter")
        await until(pilot, lambda: "Which class is erythrocyte?" in screen_text(app))
        assert "red_cell has no images yet" in screen_text(app)
        await pilot.press("right", "right", "down", "down", "down", "right", "enter")
        await until(pilot, lambda: bool(started))
        (folder,) = (workspace.root / "evaluations").iterdir()
        arguments = started[0]
        assert arguments[arguments.index("evaluate") :] == [
            "evaluate",
            f"--output={folder}",
            f"--events={folder / 'events.jsonl'}",
            "--network=mobilenet_v2",
            r"--group=^(smear\d+)",
            "--map=red_cell=erythrocyte",
            "--leave-out-trained",
            "--margin=0.1",
            "--",
            str(run.path),
            str(theirs),
        ]
        await until(pilot, lambda: "✗ failed" in screen_text(app))
        assert "no such device." in screen_text(app)
        assert "r Again" in screen_text(app)
        assert read_evaluation_job(folder).pairs == ("red_cell=erythrocyte",)
        assert read_evaluation_job(folder).margin == 0.1


async def test_the_form_takes_no_group_that_is_none_and_no_data_without_a_class(
    workspace: Workspace, run: RunFolder, theirs: Path, until: Until
) -> None:
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await at_the_model(pilot, until)
        form = await asked(pilot, until, theirs)
        form.query_one("#class-1", Choice).value = "leave out"
        form.query_one("#group", Input).value = "("
        await pilot.press("enter")
        await until(pilot, lambda: "regular expression" in screen_text(app))
        assert app.screen is form
        form.query_one("#group", Input).value = r"^(smear\d+)"
        for wrong in ("0", "1", "a little"):
            form.query_one("#margin", Input).value = wrong
            await pilot.pause()
            await pilot.press("enter")
            await until(pilot, lambda: "The margin must be a number above 0" in screen_text(app))
        assert app.screen is form
        for at in range(3):
            form.query_one(f"#class-{at}", Choice).value = "leave out"
        await pilot.press("enter")
        await until(pilot, lambda: "Every class is left out" in screen_text(app))
    assert not (workspace.root / "evaluations").exists()


async def test_images_without_labels_are_a_sentence(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until
) -> None:
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(cells / "platelet")
        await pilot.press("enter")
        await until(pilot, lambda: "can't be evaluated on these images" in screen_text(app))
        assert isinstance(app.screen, EvaluationScreen)


async def test_folders_that_can_be_read_in_two_ways_are_asked_about(
    workspace: Workspace, run: RunFolder, tmp_path: Path, until: Until, instead: Instead
) -> None:
    started = instead(evaluation_job, "true")
    for site in ("Aachen", "Berlin"):
        make_data(tmp_path / "sites" / site, CLASSES, each=2)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(tmp_path / "sites")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LayoutPrompt))
        assert "either can be the classes" in " ".join(screen_text(app).split())
        await pilot.press("end", "up", "enter")  # pooled
        await until(pilot, lambda: isinstance(app.screen, EvaluationForm))
        await pilot.press("enter")
        await until(pilot, lambda: bool(started))
        assert '--set=data.layout="pooled"' in started[0]


async def test_leaving_the_question_on_folders_evaluates_nothing(
    workspace: Workspace, run: RunFolder, tmp_path: Path, until: Until
) -> None:
    for site in ("Aachen", "Berlin"):
        make_data(tmp_path / "sites" / site, CLASSES, each=1)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(tmp_path / "sites")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LayoutPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EvaluationScreen))
    assert not (workspace.root / "evaluations").exists()


async def test_an_evaluation_whose_request_cant_be_read_is_named(
    workspace: Workspace, run: RunFolder, until: Until
) -> None:
    (workspace.root / "evaluations" / "broken").mkdir(parents=True)
    (workspace.root / "evaluations" / "broken" / "request.json").write_text("{")
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: "holds no evaluation that can be read" in " ".join(screen_text(app).split()))


async def test_an_earlier_evaluation_is_listed_and_opened_with_verdict_figures_and_images(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until
) -> None:
    finished(workspace, run, cells)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 60)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: "0.600 [.500 .700]" in screen_text(app))
        assert "Earlier evaluations" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "✓ done" in screen_text(app))
        text = screen_text(app)
        assert "! The images are clearly of another kind." in text
        assert "0.900 [.850 .950]" in text and "! -0.300 [-.410 -.190]" in text
        assert "1.200 [1.000 1.400]" in text and "!  0.900 [.700 1.100]" in text  # a higher log loss is worse
        assert "trained on 12 of the 60 images" in text and "x Leave out trained" in text
        assert "told apart by features" in text and "-2.1" in text
        assert "\x1b[2J" not in text
        assert "debris\\x1b[2J (3 images)" in text
        app.screen.query_one(ConfusionGrid).focus()
        await until(pilot, lambda: "red_cell, predicted platelet: 6 images" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LargeImage))
        await until(pilot, lambda: "red_cell  predicted platelet  0.800" in screen_text(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "Earlier evaluations" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PredictScreen))


async def test_leaving_out_what_the_model_knows_is_another_evaluation(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until, instead: Instead
) -> None:
    finished(workspace, run, cells)
    started = instead(evaluation_job, "true")
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: bool(app.screen.query_one("#earlier", RowList).rows))
        await pilot.press("enter")
        await until(pilot, lambda: "x Leave out trained" in screen_text(app))
        await pilot.press("x")
        await until(pilot, lambda: "✗ failed" in screen_text(app))  # it ended before it began with the images
        assert "--leave-out-trained" in started[0]
        assert len(list_evaluations(workspace, run.path, "mobilenet_v2")) == 2
        assert list_evaluations(workspace, run.path / "elsewhere") == ()


async def test_a_read_only_look_judges_nothing_but_shows_what_was(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until
) -> None:
    finished(workspace, run, cells)
    app = AimicApp(workspace, read_only=True, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: bool(app.screen.query_one("#earlier", RowList).rows))
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, EvaluationScreen)
        await pilot.press("enter")
        await until(pilot, lambda: "✓ done" in screen_text(app))
        pane = app.screen.query_one("#result")
        await pilot.press("G")
        await until(pilot, lambda: pane.scroll_y > 0 and "Saved in" in screen_text(app))


def test_what_is_not_known_is_left_out_of_the_figures(cells: Path) -> None:
    without = {"home": None, "differences": {}, "shift": None, "verdict": [], "verdict_kinds": [], "trained": None}
    record = answer(cells, **without)
    for name in CLASSES:
        record["per_class"][name] |= {"home": None, "differences": {}}
    found = evaluation_from_json(record)
    assert "at home" not in figures_table(found, 116).plain
    assert "at home" not in classes_table(found, 116).plain
    assert "are unknown" in differing_text(found, 60).plain
    assert "nothing to compare with" in verdict_text(found).plain
    assert "for this trained model, on images like these" in figures_table(found, 116).plain


def test_a_difference_is_marked_only_where_its_adjusted_p_is_small(cells: Path) -> None:
    record = answer(cells, difference_p={"macro_f1": 0.0001, "log_loss": 0.06})
    record["per_class"][CLASSES[0]]["recall_p"] = 0.2
    record["shift"]["colours"]["brightness"]["p"] = 0.3
    found = evaluation_from_json(record)
    *lines, about = figures_table(found, 116).plain.splitlines()
    assert [line.split()[0] for line in lines if "!" in line] == ["macro"]
    assert "!: a loss is shown" in about
    assert classes_table(found, 116).plain.count("!") == len(CLASSES) - 1
    assert "! " not in differing_text(found, 60).plain.partition("deviations:")[0]


def test_the_table_of_figures_fits_a_narrow_screen(cells: Path) -> None:
    *lines, about = figures_table(evaluation_from_json(answer(cells)), 78).plain.splitlines()
    assert max(map(len, lines)) <= 88
    assert about.startswith("95 % intervals")  # a sentence, which wraps


def test_points_stand_where_the_scale_says_also_where_there_is_no_interval(cells: Path) -> None:
    record = answer(cells)
    record["pooled"]["accuracy"], record["home"]["accuracy"] = interval(0.6, None, None), interval(0.9, 0.85, 0.95)
    record["differences"]["accuracy"] = interval(-0.3, None, None)
    lines = figures_table(evaluation_from_json(record), 150).plain.splitlines()
    assert "here [95 %]" in lines[0]
    places = {
        line.split("  ")[0]: (line.index("●"), line.index("○"))
        for line in lines[1:]
        if line[0].isalpha() and "○" in line
    }
    assert places["accuracy"] == places["macro F1"]


def test_classes_match_by_name_and_settings_of_data_count(theirs: Path) -> None:
    data = inspect_data(str(theirs), {}, CLASSES)
    assert data.matches == {"Platelet": "platelet", "erythrocyte": None, "white cell": "white_cell"}
    assert (sum(data.counts.values()), data.rule) == (12, r"^(smear\d+)")
    renamed = inspect_data(str(theirs), {"classes": {"erythrocyte": "red_cell"}}, CLASSES)
    assert renamed.matches["red_cell"] == "red_cell"
    assert data.notes == ()


def test_what_was_left_out_of_the_data_is_told(theirs: Path) -> None:
    (theirs / "smear9_1.png").write_bytes(b"x")
    assert inspect_data(str(theirs), {}, CLASSES).notes[-1] == "1 image without a label can't be used."


def test_a_damaged_request_is_no_evaluation(workspace: Workspace) -> None:
    (workspace.root / "evaluations" / "20270101-000000-broken").mkdir(parents=True)
    assert list_evaluations(workspace) == ()


@pytest.mark.slow
async def test_a_real_model_is_judged_from_the_app(workspace: Workspace, until: Until, tmp_path: Path) -> None:
    train_run(workspace.root, epochs=1)
    draw_images(tmp_path / "elsewhere", each=12)
    (tmp_path / "elsewhere" / "red").rename(tmp_path / "elsewhere" / "rot")
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, lambda: "2 models together" in screen_text(app))
        await pilot.press("e")
        form = await asked(pilot, until, tmp_path / "elsewhere")
        form.query_one("#class-2", Choice).value = "red"
        await pilot.press("enter")
        await until(pilot, lambda: "✓ done   36 images" in screen_text(app), 300.0)
        assert "Macro F1 is" in str(app.screen.query_one("#verdict", Static).visual)
        assert "at home" in screen_text(app)
    (row,) = list_evaluations(workspace)
    assert row.results is not None
    assert row.results.mapping["rot"] == "red"


@pytest.mark.parametrize("width", [80, 120])
async def test_figures_for_the_estimated_shares_are_further_down_and_fit(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until, width: int
) -> None:
    shares = [
        {"name": name, "true": 1 / 3, "predicted": 0.5, "estimated": interval(0.9, 0.8, 0.95)} for name in CLASSES
    ]
    by_shares = {"method": "", "shares": shares, "figures": {"macro_f1": interval(0.71, 0.62, 0.8)}}
    finished(workspace, run, cells, label_shift=by_shares)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(width, 24)) as pilot:
        await at_the_model(pilot, until)
        await until(pilot, lambda: "0.600 [.500 .700]" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✓ done" in screen_text(app))
        await pilot.press("end")
        await until(pilot, lambda: "label shift" in screen_text(app))
        lines = str(app.screen.query_one("#label-shift", Static).render()).splitlines()
        tables = [line for line in lines if "[" in line]
        assert "macro F1   0.600 [.500 .700]   0.710 [.620 .800]" in tables
        assert len(tables) == 1 + len(CLASSES)
        assert max(map(len, tables)) <= 77
        assert any("lies outside the limits of the estimate" in line for line in lines)


async def test_an_evaluation_of_an_earlier_version_has_no_figures_for_estimated_shares(
    workspace: Workspace, run: RunFolder, cells: Path, until: Until
) -> None:
    finished(workspace, run, cells)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 60)) as pilot:
        await at_the_model(pilot, until)
        await pilot.press("enter")
        await until(pilot, lambda: "✓ done" in screen_text(app))
        assert not app.screen.query_one("#label-shift", Static).display

"""Predict: choosing a model, following a table that grows, finding what to look at, saving it."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.label_shift import ClassShare
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration
from aimic_tui.engine.inference.prediction_table import PredictionTable as Writer
from aimic_tui.engine.models.model_folder import ModelCard
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import read_recorded
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.predict import table_prompt as predict_prompt
from aimic_tui.screens.predict.prediction_table import (
    FilterPrompt,
    PredictionTable,
    columns_of,
    counts_text,
    filters_of,
    probabilities_of,
    shares_text,
)
from aimic_tui.screens.predict.screen import PredictScreen
from aimic_tui.screens.predict.table_prompt import TablePrompt
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace import prediction_job as predict_job
from aimic_tui.workspace import prediction_session
from aimic_tui.workspace.model_choices import list_models
from aimic_tui.workspace.prediction_job import (
    PredictionJob,
    list_predictions,
    read_prediction_job,
    unreadable_predictions,
)
from aimic_tui.workspace.prediction_rows import PredictionRows, TableReader
from aimic_tui.workspace.save_table import save_table
from tests.app.test_app import screen_text
from tests.processes import working_on
from tests.screens.conftest import Instead
from tests.screens.made_run import CLASSES, make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def give_models(run: RunFolder) -> None:
    """Put the cards of models into a run's trials; their weights are of no interest here."""
    for trial in read_recorded(run).trials:
        card = ModelCard(trial.network, CLASSES, Preprocessing(24, "stretch", "auto", (0.5,) * 3, (0.5,) * 3))
        folder = run.trial(trial.key).model_folder
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "model.json",
            {
                "format": 1,
                "network": card.network,
                "classes": list(card.classes),
                "preprocessing": card.preprocessing.to_json(),
                "provenance": {"monitor": "macro_f1", "validation": {"macro_f1": 0.9 + trial.fold / 100}},
                "weights": {"file": "weights.safetensors", "sha256": "", "bytes": 0},
            },
        )


class Prediction:
    """A prediction that the test makes row by row, as `aimic predict` does."""

    def __init__(self, workspace: Workspace, images: Path, process: tuple[int, float]) -> None:
        self.names = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.jpg"))
        folder = workspace.root / "predictions" / "20261122-190512-cells"
        folder.mkdir(parents=True)
        self.job = PredictionJob(
            folder=folder,
            label="cells / mobilenet_v2, 3 models together",
            model=workspace.root,
            network="mobilenet_v2",
            images=images,
            output=folder / "predictions.csv",
            created="2026-11-22T19:05:12+00:00",
            process=process,
        )
        self.job.write_request()
        self.writer = Writer(self.job.output, "csv", "key", self.names, CLASSES, calibration=CombinedCalibration())
        self._random = np.random.default_rng(3)

    def add(self, count: int, broken: int = 0) -> None:
        """Write the next rows: the folder's name is always right, every fifth answer is unsure."""
        rows: list[np.ndarray | None] = []
        for at in range(self.writer.done, self.writer.done + count):
            right = CLASSES.index(self.names[at].partition("/")[0])
            sure = 0.5 if at % 5 == 0 else 0.9
            each = np.full((3, 3), (1 - sure) / 2)
            each[:, right] = sure
            rows.append(each)
        self.writer.add(
            [*rows[: count - broken], *[None] * broken], [""] * (count - broken) + ["is truncated"] * broken
        )
        append_event(
            self.job.events_file,
            "progress",
            done=self.writer.done,
            total=len(self.names),
            images_per_second=412.0,
            seconds_left=3.0,
        )

    def finish(self) -> None:
        self.writer.finish()
        self.job = replace(self.job, process=None)
        self.job.write_request()


@pytest.fixture
def prediction(workspace: Workspace, cells: Path) -> Iterator[Prediction]:
    with working_on(workspace.root / "predictions" / "20261122-190512-cells" / "events.jsonl") as process:
        made = Prediction(workspace, cells, process)
        yield made
        made.writer.close()


def table(app: AimicApp) -> PredictionTable:
    return app.screen_stack[0].query_one(PredictionTable)


async def opened(pilot: Pilot[None], until: Until) -> None:
    """Open the earlier prediction."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, PredictScreen) and bool(app.screen.query(RowList)))
    earlier = app.screen.query_one("#earlier", RowList)
    await until(pilot, lambda: bool(earlier.rows))
    earlier.focus()
    await until(pilot, lambda: app.focused is earlier)
    await pilot.press("enter")


async def test_without_models_it_says_what_to_do(workspace: Workspace, until: Until) -> None:
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No run in this workspace has a trained model yet" in screen_text(app))


async def test_models_of_runs_are_listed_all_folds_together_first(
    workspace: Workspace, cells: Path, until: Until
) -> None:
    run = make_run(workspace.root, cells, networks=("mobilenet_v2", "resnet50"))
    give_models(run)
    choices = list_models(workspace)
    assert [(choice.network, choice.fold) for choice in choices] == [
        (network, fold) for network in ("mobilenet_v2", "resnet50") for fold in ("", "fold 1", "fold 2", "fold 3")
    ]
    assert choices[0].folds == 3
    assert choices[0].value == pytest.approx(0.92)
    app = AimicApp(workspace, place="predict")
    app.context.run = run.path
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 models together" in screen_text(app))
        assert "0.920" in screen_text(app)


async def test_a_model_asks_for_images_and_a_place_and_starts_the_command(
    workspace: Workspace, cells: Path, until: Until, instead: Instead
) -> None:
    run = make_run(workspace.root, cells)
    give_models(run)
    started = instead(predict_job, "false")  # a program that fails at once
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 models together" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(cells)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TablePrompt))
        output = Path(app.screen.query_one(Input).value)
        assert output.is_relative_to(workspace.root / "predictions")
        await pilot.press("enter")
        await until(pilot, lambda: bool(started))
        arguments = started[0]
        assert arguments[arguments.index("predict") :] == [
            "predict",
            "--output",
            str(output),
            "--events",
            str(output.parent / "events.jsonl"),
            "--network",
            "mobilenet_v2",
            "--",
            str(run.path),
            str(cells),
        ]
        await until(pilot, lambda: "✗ failed" in screen_text(app))
        assert read_prediction_job(output.parent).images == cells


async def test_rows_appear_as_they_are_written_and_the_counts_with_them(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(10)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 10)
        text = screen_text(app)
        assert "10 of 60" in text and "412 images/s" in text and "3.0 s left" in text
        assert "platelet 10 (100.0 %" in text
        await pilot.press("j", "j")
        prediction.add(50, broken=1)
        prediction.finish()
        await until(pilot, lambda: len(table(app).shown) == 60)
        assert table(app).row == 2  # the cursor did not move
        await until(pilot, lambda: "unreadable 1" in screen_text(app))
        assert "red_cell 20" in screen_text(app)


async def test_a_list_that_is_read_late_leaves_the_headline_of_what_was_opened_meanwhile(
    workspace: Workspace, prediction: Prediction, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction.add(10)
    read, calls, slow = list_predictions, 0, threading.Event()

    def late(workspace: Workspace) -> tuple[PredictionJob, ...]:
        nonlocal calls
        calls += 1
        if calls > 1:
            assert slow.wait(60)
        return read(workspace)

    monkeypatch.setattr(prediction_session, "list_predictions", late)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "cells / mobilenet_v2" in screen_text(app))
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: calls > 1)
        await pilot.press("enter")
        await until(pilot, lambda: len(table(app).shown) == 10)
        slow.set()
        await until(pilot, lambda: not [w for w in app.screen.workers if w.group == "list" and w.is_running])
        await pilot.pause()
        assert "Which model?" not in screen_text(app)
        assert "cells / mobilenet_v2, 3 models together" in screen_text(app)


async def test_the_row_in_focus_shows_its_image_and_all_probabilities(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(60)
    prediction.finish()
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: "24×24 RGB JPEG" in screen_text(app))
        text = screen_text(app)
        assert "✓ done" in text and "60 images" in text
        assert "! unsure" in text and "▀▀▀▀" in text
        assert "0.500 ████████" in text and "0.250 ████" in text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LargeImage))
        await pilot.press("l", "escape")
        await until(pilot, lambda: table(app).row == 1)


async def test_filter_sort_and_search_lead_to_what_needs_a_look(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(60, broken=2)
    prediction.finish()
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 60)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FilterPrompt))
        await pilot.press("j", "enter")
        await until(pilot, lambda: len(table(app).shown) == 12)
        assert "12 of 60 rows: unsure" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FilterPrompt))
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: len(table(app).shown) == 2)
        assert "is truncated" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FilterPrompt))
        await pilot.press("enter")
        await until(pilot, lambda: len(table(app).shown) == 60)
        await pilot.press("l", "l", "o")
        assert (table(app).row or 0) % 5 == 0  # the least sure first
        await pilot.press("slash", *"smear025_1", "enter")
        assert prediction.names[table(app).row or 0].endswith("smear025_1.jpg")


async def test_w_saves_the_table_as_json_and_says_where(
    workspace: Workspace, prediction: Prediction, until: Until, tmp_path: Path
) -> None:
    prediction.add(60, broken=1)
    prediction.finish()
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 60)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(tmp_path / "saved.json")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "saved.json").exists)
        await until(pilot, lambda: "60 rows saved" in screen_text(app))
    answer = json.loads((tmp_path / "saved.json").read_text())
    assert answer["classes"] == list(CLASSES)
    assert len(answer["predictions"]) == 60
    assert answer["predictions"][-1]["predicted"] is None


async def test_at_80_columns_tab_turns_to_the_image_and_j_still_moves(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(60)
    prediction.finish()
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 60)
        assert "RGB JPEG" not in screen_text(app)
        await pilot.press("tab")
        await until(pilot, lambda: "24×24 RGB JPEG" in screen_text(app))
        await pilot.press("j")
        assert table(app).row == 1
        await pilot.press("escape")
        await until(pilot, lambda: "Earlier predictions" in screen_text(app))


async def test_an_ended_process_with_rows_left_behind_is_stopped_and_can_go_on(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(20)
    replace(prediction.job, process=None).write_request()
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: "‖ stopped" in screen_text(app))
        assert "20 of 60" in screen_text(app)
        assert "r Resume" in screen_text(app)
        assert "s Stop" not in screen_text(app)
        await pilot.press("escape")
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 20)


async def test_a_read_only_look_starts_and_saves_nothing(
    workspace: Workspace, prediction: Prediction, until: Until
) -> None:
    prediction.add(60)
    prediction.finish()
    app = AimicApp(workspace, read_only=True, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, until)
        await until(pilot, lambda: len(table(app).shown) == 60)
        await pilot.press("w")
        await pilot.pause()
        assert isinstance(app.screen, PredictScreen)


def test_a_table_is_read_piece_by_piece_whatever_its_names(tmp_path: Path) -> None:
    names = ["plain.png", "=cmd.png", 'with "quotes".png', "a,b.png", "line\nbreak.png", "\udcff.png"]
    output = tmp_path / "p.csv"
    writer = Writer(output, "csv", "key", names, ("a", "b"), calibration=CombinedCalibration())
    writer.add([np.array([[0.2, 0.8]])] * len(names), [""] * len(names))
    writer.close()
    content = writer.partial.read_bytes()
    growing = tmp_path / "growing.csv"
    reader, rows = TableReader(), None
    assert reader.new(growing) is None
    for end in range(1, len(content) + 1, 7):
        growing.write_bytes(content[:end])
        if (new := reader.new(growing)) is not None:
            rows = rows or PredictionRows(reader.classes)
            rows.add(new)
    growing.write_bytes(content)
    assert rows is not None
    if (new := reader.new(growing)) is not None:
        rows.add(new)
    assert rows.images == names
    assert rows.predicted[: rows.count].tolist() == [1] * len(names)
    assert np.allclose(rows.probabilities[: rows.count], [0.2, 0.8])


def test_rows_say_what_is_rejected_and_calibrated_in_the_words_of_the_table(tmp_path: Path) -> None:
    writer = Writer(
        tmp_path / "p.csv",
        "csv",
        "key",
        ["a.png", "b.png", "c.png"],
        ("a", "b"),
        calibration=CombinedCalibration((1.0,), threshold=0.7),
    )
    writer.add([np.array([[0.9, 0.1]]), np.array([[0.65, 0.35]]), None], ["", "", "is empty"])
    writer.finish()
    reader = TableReader()
    new = reader.new(tmp_path / "p.csv")
    assert new is not None
    rows = PredictionRows(reader.classes)
    rows.add(new)
    assert rows.rejected[:3].tolist() == [0, 1, -1]
    assert rows.calibrated is True
    column = columns_of(rows)[-1]
    assert (column.label, [column.plain(row) for row in range(3)]) == ("rejected", ["no", "yes", ""])
    assert "! rejected 1" in counts_text(rows).plain
    assert "probabilities calibrated" in counts_text(rows).plain
    assert ("rejected", 1) in [(each.name, each.count) for each in filters_of(rows)]
    predicted = columns_of(rows)[1]
    assert [predicted.plain(row)[0] for row in range(3)] == [" ", "!", "✗"]  # what is above the threshold needs no look


def test_a_table_of_an_earlier_version_says_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "image,label,predicted,probability,p_a,p_b,margin,entropy,agreement,problem\na.png,,a,0.9,0.9,0.1,0.8,0.3,,\n"
    )
    reader = TableReader()
    new = reader.new(tmp_path / "p.csv")
    assert new is not None
    rows = PredictionRows(reader.classes)
    rows.add(new)
    assert (rows.calibrated, rows.with_rejection) == (None, False)
    assert [column.label for column in columns_of(rows)] == ["image", "predicted", "confidence"]


async def test_an_error_rate_that_cant_be_promised_is_said_before_the_start(
    workspace: Workspace, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch, instead: Instead
) -> None:
    run = make_run(workspace.root, cells)
    give_models(run)
    started = instead(predict_job, "false")
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 models together" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(cells)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TablePrompt))
        app.screen.query_one("#errors", Input).value = "many"
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Type an error rate above 0 and below 100 %" in screen_text(app))
        app.screen.query_one("#errors", Input).value = "2 %"
        await pilot.press("enter")
        await until(pilot, lambda: "No error rate can be promised" in screen_text(app))
        assert not started
        monkeypatch.setattr(predict_prompt, "combine_calibrations", lambda *_, **__: CombinedCalibration((1.0,), 0.9))
        await pilot.press("enter")
        await until(pilot, lambda: bool(started))
        assert started[0][started[0].index("--max-error") + 1] == "0.02"
        await until(pilot, lambda: bool(list_predictions(workspace)))
        assert list_predictions(workspace)[0].max_error == 0.02


def test_saving_gives_the_bytes_of_the_table_or_the_commands_own_json(tmp_path: Path) -> None:
    names = ["one.png", "=two.png", "three.png"]
    answers = [np.array([[0.2, 0.8], [0.6, 0.4]]), None, np.array([[0.9, 0.1], [0.8, 0.2]])]
    tables = []
    for form in ("csv", "json"):
        writer = Writer(tmp_path / f"own.{form}", form, "key", names, ("a", "b"), calibration=CombinedCalibration())  # type: ignore[arg-type]
        writer.add(answers, ["", "is empty", ""])
        writer.finish()
        tables.append(tmp_path / f"own.{form}")
    save_table(tables[0], tmp_path / "saved.csv")
    save_table(tables[0], tmp_path / "saved.json")
    assert (tmp_path / "saved.csv").read_bytes() == tables[0].read_bytes()
    assert json.loads((tmp_path / "saved.json").read_text()) == json.loads(tables[1].read_text())


def test_estimated_shares_stand_largest_first_with_their_limits() -> None:
    shares = ClassShare("a", 0.7, Interval(0.3, 0.2, 0.41)), ClassShare("b\x1b[2J", 0.3, Interval(0.7, 0.59, 0.8))
    text = shares_text(shares).plain
    assert text.startswith("estimated shares, % (label shift): b")
    assert "70.0 [59.0 80.0]  ·  a 30.0 [20.0 41.0]" in text
    assert "\x1b" not in text


def test_shares_have_their_interval_and_probabilities_are_cut_to_the_likeliest() -> None:
    rows = PredictionRows([f"c{code}" for code in range(12)])
    reader_rows = _rows_of(rows, 40)
    assert "c0 40 (100.0 %, 91.2 to 100.0)" in counts_text(reader_rows).plain
    lines = probabilities_of(reader_rows, 0, 5)
    assert len(lines) == 5
    assert "8 more classes together" in str(lines[-1])
    assert [each.count for each in filters_of(reader_rows)][:4] == [40, 0, 0, 40]


def _rows_of(rows: PredictionRows, count: int) -> PredictionRows:
    from aimic_tui.workspace.prediction_rows import NewRows

    probabilities = np.full((count, 12), 0.1 / 11, np.float32)
    probabilities[:, 0] = 0.9
    rows.add(
        NewRows(
            images=[f"{number}.png" for number in range(count)],
            predicted=np.zeros(count, np.int32),
            probabilities=probabilities,
            agreement=np.full(count, np.nan, np.float32),
            problems=[""] * count,
            rejected=np.full(count, -1, np.int8),
            calibrated=None,
            more=False,
        )
    )
    return rows


def test_earlier_predictions_are_found_newest_first_and_damaged_ones_left_out(
    workspace: Workspace, prediction: Prediction
) -> None:
    (workspace.root / "predictions" / "20270101-000000-broken").mkdir()
    assert [job.folder.name for job in list_predictions(workspace)] == ["20261122-190512-cells"]
    assert list_predictions(Workspace(workspace.root / "elsewhere")) == ()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_prediction_whose_request_cant_be_read_is_named(
    workspace: Workspace, prediction: Prediction, until: Until, size: tuple[int, int]
) -> None:
    for name in ("20270101-000000-deep", "20270101-000001-deep"):
        (workspace.root / "predictions" / name).mkdir()
        (workspace.root / "predictions" / name / "request.json").write_text("[" * 100_000)
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "1 other can't be read either" in " ".join(screen_text(app).split()))
        shown = screen_text(app)
        assert "20270101-000000-deep" in "".join(shown.split()) and "Earlier predictions" in shown
        assert "nested more than 64 levels" in " ".join(shown.split())


def test_a_request_without_a_value_is_said_to_miss_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folder = tmp_path / "predictions" / "old"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text('{"version": 1}')
    assert unreadable_predictions(workspace) == (f"{folder} holds no prediction that can be read: process is missing.",)


@pytest.mark.slow
async def test_a_real_model_predicts_from_the_app(workspace: Workspace, cells: Path, until: Until) -> None:
    import torch

    from aimic_tui.engine.models.build import build_network
    from aimic_tui.engine.models.model_folder import save_model

    run = make_run(workspace.root, cells, networks=("squeezenet1_1",), folds=2)
    torch.manual_seed(0)
    network = build_network("squeezenet1_1", 3, 32)
    for trial in read_recorded(run).trials:
        card = ModelCard("squeezenet1_1", CLASSES, Preprocessing(32, "stretch", "auto", (0.5,) * 3, (0.5,) * 3))
        save_model(run.trial(trial.key).model_folder, card, network.state_dict())
    app = AimicApp(workspace, place="predict")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "2 models together" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        app.screen.query_one(Input).value = str(cells)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TablePrompt))
        await pilot.press("enter")
        for _ in range(6):
            try:
                await until(pilot, lambda: "✓ done" in screen_text(app))
                break
            except AssertionError:
                continue
        assert len(table(app).shown) == 60
        with (list_predictions(workspace)[0].output).open(newline="") as file:
            assert len(list(csv.reader(file))) == 61

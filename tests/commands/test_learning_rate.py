"""`aimic learning-rate` from outside."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from aimic_tui.commands.learning_rate import _answer
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.runs.prepare.first_trial_answers import RangeTestAnswer
from aimic_tui.engine.training.range_test import RangeTest
from aimic_tui.engine.training.rate_curve import Suggestion
from tests.commands.calling import call
from tests.commands.test_train import program, sets
from tests.screens.made_run import make_data

TINY = [
    "model.networks=test_efficientnet",
    "model.weights=none",
    "model.image_size=32",
    "training.batch_size=8",
    "training.precision=fp32",
    "compute.devices=cpu",
    "compute.threads=1",
    "split.folds=3",
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "images")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "aimic learning-rate --data FOLDER"),
        (["--data", "nowhere"], 3, "nowhere"),
        (["--data", "IMAGES", "--from", "1", "--to", "0.1"], 2, "must rise"),
        (["--data", "IMAGES", "--network", "resnet50", *sets(TINY)], 2, "not one of the experiment's networks"),
        (["--data", "IMAGES", "--output", "/nowhere/at/all.json", *sets(TINY)], 2, "--output"),
        (["--data", "IMAGES", "--set", "training.epoch=3"], 2, "Did you mean training.epochs?"),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, images: Path, arguments: list[str], code: int, words: str) -> None:
    given = [str(images) if argument == "IMAGES" else argument for argument in arguments]
    answer = call(tmp_path / "space", "learning-rate", *given)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_it_answers_in_json_tells_its_steps_and_leaves_only_what_was_asked_for(tmp_path: Path, images: Path) -> None:
    output, events = tmp_path / "curve.json", tmp_path / "events.jsonl"
    answer = call(
        tmp_path / "space",
        "learning-rate",
        *["--data", str(images), "--steps", "40", "--to", "10", "--json"],
        *["--output", str(output), "--events", str(events), *sets(TINY)],
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert json.loads(output.read_text()) == found
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert found["suggested"] is None or found["rates"][0] <= found["suggested"] <= found["rates"][-1]
    assert found["batch_size"] == 8
    told = EventReader(events).new()
    steps = [event for event in told if event["event"] == "step"]
    assert [event["rate"] for event in steps] == found["rates"]
    assert told[-1]["event"] == "finished"
    assert told[-1]["suggested"] == found["suggested"]
    assert not (tmp_path / "space").exists()
    assert any(event["event"] == "progress" and event["phase"] == "step" for event in told)
    again = call(
        tmp_path / "space",
        "learning-rate",
        *["--data", str(images), "--steps", "40", "--to", "10", "--json", *sets(TINY)],
    )
    assert json.loads(again.stdout)["losses"] == found["losses"]


@pytest.mark.slow
def test_ctrl_c_ends_it_with_130(tmp_path: Path, images: Path) -> None:
    events = tmp_path / "events.jsonl"
    arguments = ["learning-rate", "--data", str(images), "--steps", "5000", "--to", "1e-5", "--events", str(events)]
    process = subprocess.Popen(
        program(tmp_path / "space", *arguments, *sets(TINY)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 200
    while not (events.exists() and '"step"' in events.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=200)
    assert (process.returncode, stdout) == (130, "")
    assert "leaves nothing behind" in stderr
    assert not (tmp_path / "space").exists()


def test_a_curve_that_suggests_no_rate_is_an_answer() -> None:
    nothing = Suggestion(None, None, None, None, "No suggestion: the loss never clearly fell.")
    level = RangeTest((1e-6, 1e-5), (0.7, 0.7), (0.7, 0.7), 2, False, nothing, 8, "fp32", None)
    answer = _answer(level, "resnet18", "cpu")
    assert (answer.suggested, answer.rule) == (None, None)
    assert RangeTestAnswer.model_validate_json(answer.model_dump_json()) == answer

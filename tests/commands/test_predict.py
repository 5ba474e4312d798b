from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aimic_tui.cli import main
from aimic_tui.engine.event_log import EventReader, last_event
from aimic_tui.engine.files import read_table
from tests.commands.calling import call
from tests.engine.inference.conftest import make_images, make_model
from tests.engine.inference.test_predict import believed
from tests.run_folders import make_run


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with one run of two folds, and a folder of nine images beside it."""
    folder = make_run(
        tmp_path / "workspace", "20261122-190512-cells", "finished", networks=["test_resnet"], folds=2, done=2
    )
    for fold in (1, 2):
        make_model(folder.path / "trials" / "test_resnet" / f"fold-{fold}" / "model", fold)
    make_images(tmp_path / "images", 9)
    return tmp_path / "workspace"


def run(capsys: pytest.CaptureFixture[str], workspace: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(workspace), "predict", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_a_run_is_meant_by_latest_by_name_by_its_beginning_and_by_its_path(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    path = workspace / "runs" / "20261122-190512-cells"
    output = tmp_path / "p.csv"
    for model in ("latest", path.name, "20261122", str(path), str(path / "trials/test_resnet/fold-1")):
        output.unlink(missing_ok=True)
        code, out, err = run(capsys, workspace, model, str(tmp_path / "images"), "--output", str(output))
        assert (code, out) == (0, f"{output}\n"), err
        assert len(read_table(output)) == 9
    assert "9 images" in err


def test_a_program_gets_the_table_and_what_it_counts(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    output = tmp_path / "p.csv"
    code, out, err = run(capsys, workspace, "latest", str(tmp_path / "images"), "-o", str(output), "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert (answer["table"], answer["images"], answer["unreadable"], answer["rejected"]) == (str(output), 9, 0, None)
    assert sum(answer["counts"].values()) == 9


def test_progress_can_be_followed_in_a_file(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    code, _, _ = run(
        capsys, workspace, "latest", str(tmp_path / "images"), "-o", str(tmp_path / "p.json"), "--events", str(events)
    )
    assert code == 0
    story = EventReader(events).new()
    assert [event["event"] for event in story] == ["message", "progress", "progress", "progress", "finished"]
    reports = [event for event in story if event["event"] == "progress"]
    assert [(now["phase"], now["done"], now["total"]) for now in reports] == [
        ("load", 0, 9),
        ("predict", 0, 9),
        ("predict", 9, 9),
    ]
    assert reports[-1]["per_second"] > 0
    assert story[-1]["summary"]["images"] == 9
    assert len(json.loads((tmp_path / "p.json").read_bytes())["predictions"]) == 9


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nothing", "images", "-o", "p.csv"), 3, "nothing"),
        (("latest", "missing", "-o", "p.csv"), 3, "missing"),
        (("latest", "images", "-o", "nowhere/p.csv"), 2, "does not exist"),
        (("latest", "images", "-o", "p.csv", "--network", "vgg16"), 3, "it has test_resnet"),
        (("latest", "images", "-o", "p.csv", "--device", "cuda:99"), 2, "cuda:99"),
        (("latest", "-o", "p.csv"), 2, "IMAGES"),
    ],
)
def test_what_cant_be_done_is_a_sentence(
    *,
    capsys: pytest.CaptureFixture[str],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(workspace.parent)
    found, out, err = run(capsys, workspace, *arguments)
    assert (found, out) == (code, "")
    assert words in err


@pytest.mark.slow
def test_ctrl_c_leaves_with_130_and_the_same_command_goes_on(workspace: Path, tmp_path: Path) -> None:
    images = make_images(tmp_path / "many", 60)
    for number in range(15):  # the same pictures over and over: many rows, little to write
        for name, path in images:
            (tmp_path / "many" / f"{number:02}-{name}").hardlink_to(path)
    output, partial, events = tmp_path / "p.csv", tmp_path / "p.csv.partial", tmp_path / "events.jsonl"
    command = [
        sys.executable,
        "-m",
        "aimic_tui",
        "--workspace",
        str(workspace),
        "predict",
        "latest",
        str(tmp_path / "many"),
    ]
    command += ["--output", str(output), "--events", str(events), "--batch-size", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 120
    while not (partial.exists() and len(read_table(partial)) > 5) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "goes on from there" in err
    end = last_event(events)
    assert end is not None and (end["event"], end["code"]) == ("error", "interrupted")
    done = len(read_table(partial))
    assert 5 < done < 960
    again = call(workspace, *command[command.index("predict") :], "--batch-size", "64")
    assert again.returncode == 0
    assert f"{done:,} images kept from an earlier call" in again.stderr
    assert len(read_table(output)) == 960
    assert not partial.exists()


def test_unsure_images_are_rejected_for_a_wanted_error_rate(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    output = tmp_path / "p.csv"
    asked = ("latest", str(tmp_path / "images"), "--output", str(output), "--max-error")
    code, _, err = run(capsys, workspace, *asked, "0.2")
    assert code == 3
    assert "No error rate can be promised for this model" in err
    assert not output.exists()
    assert run(capsys, workspace, *asked, "2")[0] == 2, "a share, not per cent"
    believed(workspace / "runs" / "20261122-190512-cells", boast=1.0)
    code, _, err = run(capsys, workspace, *asked, "0.2")
    assert code == 0, err
    rejected = sum(row["rejected"] == "yes" for row in read_table(output))
    assert f"{rejected} rejected (probability below 0." in err
    assert "With 90 % confidence at most 20 % of the answered images are wrong" in err
    assert "the mean of 2 models was not tested" in err

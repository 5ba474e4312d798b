from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimic_tui.cli import main
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.event_log import EventReader
from tests.engine.inference.trained_run import train_run
from tests.engine.training.small import draw_images


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    train_run(folder, epochs=1)
    draw_images(folder / "elsewhere", each=12)
    (folder / "elsewhere" / "red").rename(folder / "elsewhere" / "rot")
    return folder


def run(capsys: pytest.CaptureFixture[str], workspace: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(workspace), *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_a_class_that_cant_be_matched_is_asked_for_and_the_option_it_names_works(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    data = str(workspace / "elsewhere")
    code, out, err = run(capsys, workspace, "evaluate", "latest", data)
    assert (code, out) == (2, "")
    assert "--map red=rot" in err
    output = tmp_path / "evaluation"
    code, out, err = run(
        capsys, workspace, "evaluate", "latest", data, "--map", "red=rot", "--json", "--output", str(output)
    )
    assert code == 0, err
    found = json.loads(out)
    assert {"images", "pooled", "confusion"} <= set(found)
    assert found["images"] == 36 == sum(map(sum, found["confusion"]))
    assert json.loads((output / "evaluation.json").read_text()) == found
    assert len(read_predictions(output / "predictions.csv").images) == 36


def test_how_the_data_were_read_is_said_before(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    for part in ("train", "test"):
        draw_images(tmp_path / part, each=2)
    code, _, err = run(capsys, workspace, "evaluate", "latest", str(tmp_path), "--map", "nothing=else")
    assert code == 2
    assert "! Layout: test (test) and train (train) are parts." in err
    assert "evaluated together, its training images too" in err


def test_progress_can_be_followed_in_a_file_and_each_class_is_beside_its_figures_at_home(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    options = ("--leave-out", "rot", "--json", "--events", str(events))
    code, out, err = run(capsys, workspace, "evaluate", "latest", str(workspace / "elsewhere"), *options)
    assert code == 0, err
    story = EventReader(events).new()
    assert list(dict.fromkeys(event["event"] for event in story)) == ["progress", "finished"]
    last = {event["phase"]: event for event in story if event["event"] == "progress"}
    assert list(last) == ["load", "predict", "resample"]
    assert (last["predict"]["done"], last["predict"]["total"], last["predict"]["seconds_left"]) == (24, 24, 0)
    assert (last["resample"]["done"], last["resample"]["seconds_left"]) == (last["resample"]["total"], 0)
    found = json.loads(out)
    assert len(found["verdict_kinds"]) == len(found["verdict"])
    blue = found["per_class"]["blue"]
    here, home = blue["recall"]["value"], blue["home"]["recall"]["value"]
    assert blue["differences"]["recall"]["value"] == pytest.approx(here - home)


def test_the_table_says_here_at_home_and_what_is_lost_disturbed(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    options = ("--leave-out", "rot", "--robustness", "--group", "none", "--device", "cpu")
    code, out, err = run(capsys, workspace, "evaluate", "latest", str(workspace / "elsewhere"), *options)
    assert code == 0, err
    assert "Not evaluated" in err
    assert "rot (12 images)" in err
    assert "at home" in out
    assert "JPEG" not in out.split("disturbed;")[0]
    assert "jpeg" in out
    assert "quality 10" in out


def test_a_runs_test_images_are_disturbed_and_the_answer_is_kept(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    code, out, err = run(capsys, workspace, "robustness", "latest", "--json")
    assert code == 0, err
    found = json.loads(out)
    (run_folder,) = (workspace / "runs").iterdir()
    assert json.loads((run_folder / "robustness.json").read_text())["networks"].keys() == found["networks"].keys()
    code, out, _ = run(capsys, workspace, "robustness", "latest")
    assert (code, "undisturbed" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("evaluate", "nothing", "elsewhere"), 3, "nothing"),
        (("evaluate", "latest", "missing"), 3, "missing"),
        (("evaluate", "latest", "elsewhere", "--map", "red"), 2, "MODEL_CLASS=DATA_CLASS"),
        (("evaluate", "latest", "elsewhere", "--output", "no/where"), 2, "does not exist"),
        (("robustness", "latest", "--network", "vgg16"), 2, "no network vgg16"),
    ],
)
def test_what_cant_be_judged_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
    workspace: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    more = ("--map", "red=rot") if "--output" in arguments else ()
    there = [str(workspace / "elsewhere") if argument == "elsewhere" else argument for argument in arguments]
    found, out, err = run(capsys, workspace, *there, *more)
    assert (found, out) == (code, "")
    assert words in err


def test_an_output_that_cant_be_written_is_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], workspace: Path
) -> None:
    data = str(workspace / "elsewhere")
    for output in ("/proc/nowhere", data):
        code, out, err = run(capsys, workspace, "evaluate", "latest", data, "--map", "red=rot", "--output", output)
        assert code in (1, 2)
        assert out == ""
        assert "--output" in err
        assert "predict" not in err  # no image was looked at


def test_robustness_of_a_run_that_cant_be_written_is_printed_and_goes_to_output(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimic_tui.commands.evaluate.folder_problem", lambda folder, locks: "It is read-only.")
    output = tmp_path / "robustness.json"
    stored = next((workspace / "runs").iterdir()) / "robustness.json"
    stored.unlink(missing_ok=True)  # of another test
    code, out, err = run(capsys, workspace, "robustness", "latest", "--json", "--output", str(output))
    assert code == 0, err
    assert "It is read-only. The figures go to --output." in err
    assert json.loads(output.read_text()) == json.loads(out)
    assert not stored.exists()


def test_robustness_names_the_folder_of_images_that_were_moved_and_how_to_tell_where_they_are(
    capsys: pytest.CaptureFixture[str], workspace: Path, tmp_path: Path
) -> None:
    images = next((workspace / "runs").iterdir()) / "images"
    images.rename(tmp_path / "moved")
    try:
        code, _, err = run(capsys, workspace, "robustness", "latest")
        assert code == 3
        assert f"the folder {images} is not there" in err
        assert "--data FOLDER" in err
    finally:
        (tmp_path / "moved").rename(images)

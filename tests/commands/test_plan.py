"""`aimic plan` from outside: nothing is opened, nothing is left behind."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.test_train import aimic, cells, sets
from tests.drawn_cells import draw_cells

__all__ = ["cells"]

PLAIN = ["model.weights=none", "split.folds=2", "training.batch_size=4", "compute.devices=cpu"]


def test_it_says_what_a_training_would_do(tmp_path: Path, cells: Path) -> None:
    answer = aimic(tmp_path / "space", "plan", "--data", str(cells), *sets(PLAIN))
    assert answer.returncode == 0, answer.stderr
    assert "1 network × 2 folds = 2 trials" in answer.stdout
    assert "nothing similar ran here yet" in answer.stdout
    assert "The best epoch is a guess" in answer.stdout
    assert not (tmp_path / "space").exists()


def test_what_is_said_of_the_folders_is_said_once(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        draw_cells(tmp_path / "cells" / part, 6, f"{part}{{label}}{{number}}")
    for command in (("plan", "--data"), ("inspect",)):
        settings = sets(PLAIN) if command[0] == "plan" else []
        answer = aimic(tmp_path / "space", *command, str(tmp_path / "cells"), *settings)
        assert answer.stdout.count("Layout: TEST (test) and TRAIN (train) are parts.") == 1, answer.stderr
        sentences = [line for line in answer.stdout.splitlines() if line.startswith(("!", "Layout"))]
        assert len(sentences) == len(set(sentences)) > 0


def test_the_same_as_json(tmp_path: Path, cells: Path) -> None:
    answer = aimic(tmp_path / "space", "plan", "--data", str(cells), "--json", *sets(PLAIN))
    found = json.loads(answer.stdout)
    assert (found["images"], found["classes"], found["trials"]) == (20, {"dark": 10, "light": 10}, 2)
    assert found["train"] + found["validation"] + found["test"] == 20
    assert found["seconds"] is None
    assert found["problems"] == []
    assert found["version"] == 1
    assert "split.validation" in {item["key"] for item in found["advice"]}


def test_it_foresees_intervals_and_the_groups_that_a_width_takes(tmp_path: Path, cells: Path) -> None:
    space = tmp_path / "space"
    answer = aimic(space, "plan", "--data", str(cells), "--width", "0.03", "--expect", "0.8", *sets(PLAIN))
    assert "Intervals to expect from 20 test images of 20 groups and 2 classes" in answer.stdout
    assert "groups for ±.030" in answer.stdout
    assert "each at 0.8" in answer.stdout
    assert "images are independent" in answer.stdout

    found = json.loads(aimic(space, "plan", "--data", str(cells), "--json", *sets(PLAIN)).stdout)["intervals"]
    assert (found["expect"], found["icc"], found["width"]) == (0.9, 0.1, None)
    assert [figure["metric"] for figure in found["figures"]] == [
        *("accuracy", "balanced_accuracy", "macro_f1", "auroc", "recall"),
    ]
    assert 0.1 < found["figures"][0]["half_width"] < 0.2
    assert found["figures"][0]["groups_needed"] is None
    assert aimic(space, "plan", "--data", str(cells), "--expect", "0.4", *sets(PLAIN)).returncode == 2


def test_that_no_interval_will_be_possible_is_said_before_training(tmp_path: Path) -> None:
    draw_cells(tmp_path / "few", 4, "{label}{number}")
    answer = aimic(tmp_path / "space", "plan", "--data", str(tmp_path / "few"), *sets(PLAIN))
    assert "No interval: 8 groups; 10 are needed." in answer.stdout, answer.stderr
    assert "! No figure will have an interval: 8 groups; 10 are needed." in answer.stdout


def test_what_stands_in_the_way_is_said_all_at_once_with_3(tmp_path: Path, cells: Path) -> None:
    wrong = ["model.networks=no_such_network", "split.folds=11", "model.weights=none", "compute.devices=cuda:99"]
    answer = aimic(tmp_path / "space", "plan", "--data", str(cells), "--json", *sets(wrong))
    assert answer.returncode == 3
    assert {problem["key"] for problem in json.loads(answer.stdout)["problems"]} == {
        "model.networks",
        "split.folds",
        "compute.devices",
    }
    assert len(answer.stderr.splitlines()) == 3


def test_a_runs_folder_is_an_experiment(tmp_path: Path, cells: Path) -> None:
    folder = tmp_path / "a-run"
    folder.mkdir()
    (folder / "experiment.toml").write_text(
        f'[data]\npath = "{cells}"\n[model]\nweights = "none"\n[split]\nfolds = 4\n'
    )
    answer = aimic(tmp_path / "space", "plan", str(folder), "--set", "split.folds=3")
    assert "3 folds" in answer.stdout


def test_what_is_no_number_is_refused(tmp_path: Path, cells: Path) -> None:
    for option in ("--width", "--expect", "--icc"):
        answer = aimic(tmp_path / "space", "plan", "--data", str(cells), option, "nan", *sets(PLAIN))
        assert answer.returncode == 2
        assert f"Invalid value for '{option}': nan is not in the range" in answer.stderr

"""`aimic samples` from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.commands.calling import call
from tests.commands.test_train import sets
from tests.screens.made_run import make_data

TINY = ["model.networks=test_efficientnet", "model.image_size=32", "split.folds=3"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "images")


@pytest.mark.parametrize("output", ["sheet.jpg", "/nowhere/at/all.png", "."])
def test_an_output_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path, images: Path, output: str) -> None:
    answer = call(tmp_path / "space", "samples", "--data", str(images), "--output", output)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert ".png" in answer.stderr


def test_no_data_is_a_sentence(tmp_path: Path) -> None:
    answer = call(tmp_path, "samples", "--output", str(tmp_path / "sheet.png"))
    assert answer.returncode == 2
    assert "aimic samples --data FOLDER" in answer.stderr


def test_a_picture_of_each_preset_with_what_is_where(tmp_path: Path, images: Path) -> None:
    sheet = tmp_path / "sheet.png"
    answer = call(
        tmp_path / "space",
        "samples",
        *["--data", str(images), "--output", str(sheet), "--images", "4", "--epochs", "2"],
        *["--every-preset", "--json", *sets(TINY)],
    )
    assert answer.returncode == 0, answer.stderr  # also without any weights: the picture needs none
    found = json.loads(answer.stdout)
    assert found["preset"] == "cells"
    assert {"none", "cells", "strong"} <= set(found["files"])
    assert len(found["images"]) == len(found["tiles"]["tops"]) == 4
    assert len(found["tiles"]["lefts"]) == 3
    for file in found["files"].values():
        with Image.open(file) as picture:
            assert picture.width >= found["tiles"]["lefts"][-1] + found["tiles"]["side"]
    assert not sheet.exists()
    assert not (tmp_path / "space").exists()
    one = call(tmp_path / "space", "samples", "--data", str(images), "--output", str(sheet), *sets(TINY))
    assert one.stdout == f"{sheet}\n"
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"


def test_a_split_of_a_run_that_is_not_there_is_a_sentence(tmp_path: Path, images: Path) -> None:
    wish = ["--set", "split.from=no-such-run", *sets(TINY)]
    output = str(tmp_path / "sheet.png")
    answer = call(tmp_path / "space", "samples", "--data", str(images), "--output", output, *wish)
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "no-such-run" in answer.stderr
    assert not (tmp_path / "sheet.png").exists()

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.workspace_folder import Workspace


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, count in {"round": 20, "long": 10}.items():
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "cells" / name / f"slide{number % 5}_{number}.png")
    return tmp_path / "cells"


def aimic(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aimic_tui", "--workspace", str(folder / "workspace"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
    )


def test_the_answer_as_json(images, tmp_path):
    done = aimic("inspect", str(images), "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["images"] == 30
    assert answer["classes"] == {"long": 10, "round": 20}
    assert answer["groups"] == 5
    assert answer["suggested_group"] == r"^(slide\d+)"
    assert answer["problems"] == []
    assert not (tmp_path / "workspace").exists()  # to look is no reason to make one


def test_the_answer_for_people(images, tmp_path):
    (images / "round" / "\x1b[31mred.png").write_bytes(b"")
    (tmp_path / "workspace").mkdir()
    done = aimic("inspect", str(images), "--group", "none", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "31 images  2 classes  no groups" in done.stdout
    assert "The names suggest --group" in done.stdout
    assert "! 1 empty file" in done.stdout
    assert r"\x1b[31mred.png is empty" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    (known,) = Workspace(tmp_path / "workspace").data_sets()
    assert (known.images, known.classes, known.groups, known.problems) == (31, 2, None, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 3, "nowhere does not exist. Name a folder"),
        (["cells/round/none"], 3, "does not exist"),
        (["cells", "--group", "("], 2, "neither a column nor a regular expression"),
        (["cells", "--set", "data.colour=red"], 2, "data.colour is not a setting"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(images, tmp_path, arguments, code, words):
    done = aimic("inspect", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_images_that_are_all_broken_are_listed_and_the_code_says_so(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        (tmp_path / "cells" / name).parent.mkdir(parents=True)
        (tmp_path / "cells" / name).write_bytes(b"")
    done = aimic("inspect", "cells", "--json", folder=tmp_path)
    assert done.returncode == 3
    assert [problem["kind"] for problem in json.loads(done.stdout)["problems"]] == ["empty", "empty"]


def test_progress_and_the_end_are_events(images, tmp_path):
    events = tmp_path / "events.jsonl"
    done = aimic("inspect", str(images), "--json", "--events", str(events), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in events.read_text().splitlines()]
    read = [event for event in told if event["event"] == "progress" and event["phase"] == "read"]
    assert (read[-1]["done"], read[-1]["total"]) == (30, 30)
    assert told[-1]["event"] == "finished"
    done = aimic("inspect", "nowhere", "--json", "--events", str(events), folder=tmp_path)
    last = json.loads(events.read_text().splitlines()[-1])
    assert (done.returncode, last["event"], last["code"]) == (3, "error", "input")


def test_shortcuts_are_told_in_words(tmp_path):
    random = np.random.default_rng(0)
    for number in range(40):
        place = tmp_path / "cells" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        side = 24 if number % 2 else 30
        Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(place / f"{number}.png")
    done = aimic("inspect", "cells", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "shortcut: image size alone 1.000" in done.stdout
    assert "chance 0.500" in done.stdout
    assert "    b: b/" in done.stdout


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc here")
def test_a_manifest_that_cant_be_written_is_refused_before_the_images_are_read(tmp_path):
    (tmp_path / "cells").mkdir()  # no image in it: reading them would be refused by another sentence
    done = aimic("inspect", "cells", "--write-manifest", "/proc/cells.csv", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--write-manifest /proc/cells.csv can't be written" in done.stderr

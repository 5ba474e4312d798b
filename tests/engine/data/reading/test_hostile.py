"""A folder of hostile files through everything that reads images: each is read or named with its kind."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.listing.image_files import find_image_files
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage, image_facts, read_image
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.text import printable
from tests.engine.data.reading.hostile_files import fill, picture

KINDS = {"empty", "truncated", "unreadable", "not-an-image", "too-large"}
WAY = Preprocessing(32, "pad", "auto", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
pytestmark = pytest.mark.timeout(600)  # what hangs is a fault


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    listed = fill(root / "odd")
    (root / "plain").mkdir()
    for seed in range(3):
        picture(300 + seed).save(root / "plain" / f"{seed}.png")
    return root, listed


def printed_safely(text: str) -> bool:
    return all(char == "\n" or char.isprintable() for char in text)


def test_there_are_many_kinds(folder):
    assert len(folder[1]) > 60


def test_only_images_are_listed(folder):
    root, listed = folder
    data_set = find_data_set(DataSettings(path=str(root), group="none"))
    assert {name.removeprefix("odd/") for name in data_set.images if name.startswith("odd/")} == set(listed)


def test_each_is_read_or_named_with_its_kind(folder):
    root, listed = folder
    data_set = find_data_set(DataSettings(path=str(root), group="none"))
    checks = check_images(data_set)
    kinds = {problem.path: problem.kind for problem in checks.problems}
    assert set(kinds.values()) == KINDS
    for name, allowed in listed.items():
        index = data_set.images.index(f"odd/{name}")
        found = next((kind for path, kind in kinds.items() if path == printable(f"odd/{name}")), "")
        assert found in allowed, (name, found)
        assert (checks.widths[index] > 0) == (found == ""), name
    for problem in checks.problems:
        assert printed_safely(problem.path + problem.detail)
        assert "\n" not in problem.path + problem.detail


def test_a_prediction_reads_the_same_ones_and_says_why_it_can_not_read_the_others(folder):
    root, listed = folder
    for name, path in find_image_files([root / "odd"]).files:
        try:
            assert WAY.load(path).shape == (32, 32, 3)
            assert "" in listed[name], name
            assert np.isfinite(image_facts(path).low)
        except UnreadableImage as problem:
            assert problem.kind in listed[name], name
            assert printed_safely(problem.sentence)
            assert "\n" not in problem.sentence


@pytest.mark.parametrize(
    "name", ["pipe.png", "folder.png", "socket.png", "broken-link.png", "loop-a.png", "endless.png", "nowhere.png"]
)
def test_what_is_no_file_is_named_where_it_is_asked_for(folder, name):
    with pytest.raises(UnreadableImage) as caught:
        read_image(folder[0] / "odd" / name)
    assert caught.value.kind == "unreadable"


def test_a_manifest_may_list_anything(folder, tmp_path):
    root, listed = folder
    names = [*listed, "pipe.png", "folder.png", "loop-a.png", "broken-link.png", "endless.png"]
    rows = ['"' + str(root / "odd" / name).replace('"', '""') + f'",{at % 2}' for at, name in enumerate(names)]
    (tmp_path / "list.csv").write_bytes(os.fsencode("path,label\n" + "\n".join(rows)))
    data_set = find_data_set(DataSettings(path=str(tmp_path / "list.csv"), group="none"))
    checks = check_images(data_set)
    kinds = {Path(problem.path).name: problem.kind for problem in checks.problems}
    assert kinds["pipe.png"] == kinds["folder.png"] == kinds["loop-a.png"] == kinds["endless.png"] == "unreadable"


def test_a_file_that_is_not_ours_to_read(tmp_path):
    if os.geteuid():
        path = tmp_path / "secret.png"
        picture().save(path)
        path.chmod(0)
        with pytest.raises(UnreadableImage, match=r"can't be read \(Permission denied\)"):
            read_image(path)
        return
    with tempfile.TemporaryDirectory() as open_to_all:  # root reads everything, so become someone else for a moment
        path = Path(open_to_all) / "secret.png"
        picture().save(path)
        path.chmod(0)
        path.parent.chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(UnreadableImage, match=r"can't be read \(Permission denied\)"):
                read_image(path)
        finally:
            os.seteuid(0)


def aimic(*arguments: str, workspace: Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "aimic_tui", "--workspace", str(workspace), *arguments]
    return subprocess.run(command, capture_output=True, timeout=580, check=False)


@pytest.mark.slow
def test_the_audit_of_the_command_line(folder, tmp_path):
    root, listed = folder
    done = aimic("inspect", str(root), "--group", "none", workspace=tmp_path)
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, said[-2000:]
    assert "Traceback" not in said
    assert printed_safely(said)
    done = aimic("inspect", str(root), "--group", "none", "--json", workspace=tmp_path)
    answer = json.loads(done.stdout)
    assert printed_safely(done.stderr.decode())
    kinds = {
        path: problem["kind"] for problem in answer["problems"] for path in problem["paths"] if problem["kind"] in KINDS
    }
    for name, allowed in listed.items():
        assert kinds.get(f"odd/{name}", "") in allowed, name


def test_a_prediction_of_the_command_line(folder, tmp_path):
    from tests.commands.calling import call
    from tests.engine.inference.conftest import make_model

    root, listed = folder
    model = make_model(tmp_path / "model", 1)
    output = tmp_path / "table.csv"
    done = call(tmp_path, "predict", str(model), str(root / "odd"), "--output", str(output))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-2000:]
    assert printed_safely(said)
    with output.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(listed)
    for row in rows:
        assert not row["image"].startswith(("=", "-", "+", "@"))  # a spreadsheet would calculate it
        assert row["predicted"] or row["problem"]

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from aimic_tui.engine.data.audit.audit_data_set import Audit, audit_data_set
from aimic_tui.engine.data.audit.audit_report import AuditReport
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.progress import Progress
from tests.engine.data.conftest import MakeFolder


def inspect(path: Path, **settings: str) -> Audit:
    return audit_data_set(DataSettings(path=str(path), **settings))


def found(audit: Audit) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.kind, finding.paths) for finding in audit.findings]


def test_a_sound_folder(make_folder: MakeFolder):
    reports: list[Progress] = []
    root = make_folder({"a": 12, "b": 8})
    answer = audit_data_set(DataSettings(path=str(root)), reports.append).report().to_json()
    assert answer["images"] == 20
    assert answer["classes"] == {"a": 12, "b": 8}
    assert answer["groups"] is None
    assert answer["suggested_group"] is None
    assert answer["problems"] == ()
    assert answer["formats"] == {"PNG": 20}
    assert answer["sizes"] == ({"width": 24, "height": 20, "images": 20},)
    assert Progress("find", 20) in reports
    assert Progress("read", 20, 20) in reports
    json.dumps(answer, allow_nan=False)


def test_every_kind_of_fault_has_its_name(make_folder: MakeFolder):
    root = make_folder({"a": 6, "b": 6})
    good = (root / "a/000.png").read_bytes()
    (root / "a/001.png").write_bytes(b"")
    (root / "a/002.png").write_bytes(good[:150])
    (root / "a/003.png").write_bytes(b"not at all")
    (root / "a/notes.txt").write_text("not at all")
    (root / "README.txt").write_text("beside the class folders")
    (root / "b/001.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50 + b"IEND")
    Image.new("RGB", (5, 40)).save(root / "b/002.png")
    (root / "b/003.png").write_bytes(good)
    Image.new("RGB", (30, 40), (9, 8, 7)).save(root / "b/004.png")
    Image.new("RGBA", (30, 40), (0, 0, 0, 0)).save(root / "b/005.png")
    (root / "lonely.png").write_bytes(good)
    assert found(inspect(root)) == [
        ("label-conflict", ("a/000.png", "b/003.png")),
        ("empty", ("a/001.png",)),
        ("truncated", ("a/002.png",)),
        ("unreadable", ("b/001.png",)),
        ("not-an-image", ("a/003.png",)),
        ("not-an-image", ("a/notes.txt",)),
        ("blank", ("b/002.png",)),
        ("blank", ("b/004.png",)),
        ("blank", ("b/005.png",)),
        ("too-small", ("b/002.png",)),
        ("duplicate", ("a/000.png", "b/003.png")),
        ("unlabelled", ("lonely.png",)),
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((20, 24), np.uint8), "one value in all its pixels"),
        (np.full((20, 24, 3), (200, 10, 30), np.uint8), "one value in all its pixels"),
        (np.full((20, 24), 4095, np.uint16), "one value in all its pixels"),
        (np.dstack([np.arange(480).reshape(20, 24) % 256] * 3 + [np.zeros((20, 24))]).astype(np.uint8), "transparent"),
        ((np.zeros((20, 24)) + (np.arange(24) == 23)).astype(np.uint8), ""),
        (np.full((20, 24), 4000, np.uint16) + (np.arange(24) % 2).astype(np.uint16), ""),
        (np.dstack([np.full((20, 24), 90)] * 3 + [np.arange(480).reshape(20, 24) % 2 * 255]).astype(np.uint8), ""),
    ],
    ids=["black", "one colour", "one deep value", "transparent", "one other column", "two deep values", "a shape"],
)
def test_an_image_that_shows_nothing_is_blank(make_folder: MakeFolder, values, words):
    root = make_folder({"a": 4, "b": 4})
    Image.fromarray(values).save(root / "a/x.png")
    blank = [finding for finding in inspect(root).findings if finding.kind == "blank"]
    assert [finding.paths for finding in blank] == ([("a/x.png",)] if words else [])
    assert all(words in finding.detail for finding in blank)


def test_duplicates_are_found_by_their_pixels_not_their_bytes(make_folder: MakeFolder):
    root = make_folder({"a": 4, "b": 4})
    with Image.open(root / "a/000.png") as image:
        image.save(root / "a/copy.bmp")
        image.save(root / "a/copy.tif")
    assert found(inspect(root)) == [("duplicate", ("a/000.png", "a/copy.bmp", "a/copy.tif"))]


def test_dark_deep_images_are_not_taken_for_one_another(make_folder: MakeFolder):
    root = make_folder({"a": 0, "b": 0})
    random = np.random.default_rng(0)
    for index in range(6):
        values = random.integers(0, 120, (200, 200), dtype=np.uint16)
        values[7, 7] = 60_000  # one hot pixel, so that the brightest value says nothing of the others
        tifffile.imwrite(root / "ab"[index % 2] / f"{index}.tif", values)
    audit = inspect(root)
    assert audit.findings == ()
    assert "data.intensity = percentiles" in audit.notes[0].sentence


def test_a_single_class_and_repeated_rows_are_findings_not_errors(make_folder: MakeFolder):
    root = make_folder({"a": 3})
    assert "single class" in inspect(root).notes[0].sentence
    rows = ["path,label", "a/000.png,x", "a/000.png,y", "a/001.png,y", "a/001.png,y", "a/002.png,"]
    (root / "list.csv").write_text("\n".join(rows))
    assert found(inspect(root / "list.csv")) == [
        ("label-conflict", ("a/000.png",)),
        ("duplicate", ("a/001.png",)),
        ("unlabelled", ("a/002.png",)),
    ]


def test_groups_and_what_the_names_suggest(make_folder: MakeFolder):
    root = make_folder({"a": 0, "b": 0})
    random = np.random.default_rng(0)
    for index in range(40):
        pixels = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "ab"[index % 2] / f"slide{index // 8}_{index}.png")
    answer = inspect(root).report().to_json()
    assert (answer["groups"], answer["suggested_group"], answer["group_rule"]) == (5, r"^(slide\d+)", r"^(slide\d+)")
    answer = inspect(root, group="none").report().to_json()
    assert (answer["groups"], answer["suggested_group"]) == (None, r"^(slide\d+)")


def test_hostile_names_come_through(make_folder: MakeFolder):
    root = make_folder({"a": 2, "b": 2})
    for name in (b"\xff.png", b"\x1b[31m.png", b"new\nline.png", b"=1.png"):
        (root / "a" / os.fsdecode(name)).touch()
    audit = inspect(root)
    assert len(audit.findings) == 4
    assert "\\udcff" in json.dumps(audit.report().to_json())


def test_it_can_be_stopped(make_folder: MakeFolder):
    with pytest.raises(Interrupted):
        audit_data_set(DataSettings(path=str(make_folder({"a": 2, "b": 2}))), should_stop=lambda: True)


def test_the_real_images(shared: Path):
    answer = inspect(shared / "data/cell-types").report().to_json()
    assert answer["classes"] == {"platelet": 361, "red_cell": 1144, "white_cell": 372}
    assert answer["suggested_group"] == r"^(smear\d+)"
    assert answer["groups"] == 364
    kinds = Counter(problem["kind"] for problem in answer["problems"])
    # cells that were photographed twice, and crops of one cell that show another
    assert kinds == {"near-duplicate": 20, "outlier": 9}


def test_classes_and_groups_that_look_the_same_are_findings_with_an_image_of_each(make_folder: MakeFolder):
    root = make_folder({"Blast": 6, "blast ": 5, "normal": 6})
    rows = [
        f"{path.relative_to(root)},{path.parent.name},P{number % 3}"
        for number, path in enumerate(sorted(root.rglob("*.png")))
    ]
    rows[0] = rows[0].replace(",P0", ",P00")
    table = root / "list.csv"
    table.write_text("path,label,patient\n" + "\n".join(rows) + "\n")
    audit = inspect(root, group="none")
    (classes,) = [finding for finding in audit.findings if finding.kind == "look-alike-classes"]
    assert classes.paths == ("Blast/000.png", "blast /000.png")
    assert classes.detail == (
        '"Blast" (6 images) and "blast " (5 images) differ only in case and spaces or punctuation'
    )
    report = AuditReport.from_json(json.loads(json.dumps(audit.report().to_json())))
    assert report.merged_classes == {"blast ": "Blast"}
    assert not any("look the same" in note for note in report.notes)  # said once
    (groups,) = [finding for finding in inspect(table).findings if finding.kind == "look-alike-groups"]
    assert groups.detail == '"P0" and "P00" differ only in how a number is written'
    assert len(groups.paths) == 2


def test_an_audit_of_an_earlier_version_is_read(make_folder: MakeFolder):
    answer = json.loads(json.dumps(inspect(make_folder({"a": 3, "b": 3})).report().to_json()))
    del answer["merged_classes"]
    assert AuditReport.from_json(answer).merged_classes is None


def test_a_declared_depth_that_values_exceed_is_a_note(make_folder: MakeFolder):
    root = make_folder({"a": 6, "b": 6})
    values = np.random.default_rng(0).integers(20_000, 65_000, (20, 24), dtype=np.uint16)
    tifffile.imwrite(root / "a/deep.tif", values, extratags=[(281, "H", 1, 4095, True)])
    notes = {note.kind: note.sentence for note in inspect(root).notes}
    assert notes["declared-depth-exceeded"] == (
        "1 image with values beyond the declared bit depth, which is ignored there: a/deep.tif declares 12 bits, for "
        "example."
    )


def test_what_helps_stands_with_a_compression_that_is_not_read(make_folder: MakeFolder):
    root = make_folder({"a": 6, "b": 6})
    tifffile.imwrite(root / "a/x.tif", np.ones((20, 24), np.complex64))
    details = [finding.detail for finding in inspect(root).findings if finding.paths == ("a/x.tif",)]
    assert details == ["stores values of the type complex64, which have no brightness; save real numbers instead"]

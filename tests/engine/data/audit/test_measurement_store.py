from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.audit import measures as measures_module
from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
from aimic_tui.engine.data.audit.measurement_store import (
    MeasurementStore,
    keys_of,
    measurements_file,
    measurements_files,
)
from aimic_tui.engine.data.audit.measures import ROW, Measures, measure_images
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.data.reading.read_image import read_bytes
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.progress import Progress
from tests.engine.data.conftest import MakeFolder


def images(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.png"))


def assert_same(one: Measures, other: Measures) -> None:
    assert one.rows.tobytes() == other.rows.tobytes()
    assert np.array_equal(one.readable, other.readable)


def swap_content(path: Path, content: bytes) -> None:
    """Change what a file holds, but neither its size nor its time of change."""
    state = path.stat()
    path.write_bytes(content[: state.st_size].ljust(state.st_size, b"x"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def read_in(paths: list[Path], store: Path, rule: InputRule = AS_STORED) -> list[Path]:
    """Measure images and return those that were read for it."""
    read: list[Path] = []

    def noted(path: Path) -> bytes:
        read.append(path)
        return read_bytes(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures_module, "read_bytes", noted)
        measure_images(paths, rule, store=store)
    return sorted(read)


def test_what_was_measured_is_not_read_again(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 8, "b": 8})), tmp_path / "audits/x.measures"
    first = measure_images(paths, AS_STORED, store=store)
    assert read_in(paths, store) == []
    assert_same(measure_images(paths, AS_STORED, store=store), first)


def test_an_image_that_was_replaced_with_the_same_size_and_time_is_read_again(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 8, "b": 8})), tmp_path / "x.measures"
    measure_images(paths, AS_STORED, store=store)
    swap_content(paths[3], b"no image any more")
    assert list(measure_images(paths, AS_STORED, store=store).faults) == [3]
    assert read_in(paths, store) == [paths[3]]


def test_a_changed_image_is_read_again(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 8, "b": 8})), tmp_path / "x.measures"
    measure_images(paths, AS_STORED, store=store)
    paths[3].write_bytes(b"no image any more")
    assert list(measure_images(paths, AS_STORED, store=store).faults) == [3]


def test_another_way_of_reading_is_another_measure(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 4, "b": 4})), tmp_path / "x.measures"
    measure_images(paths, AS_STORED, store=store)
    assert read_in(paths, store, InputRule("min-max")) == paths


def test_an_audit_that_was_stopped_goes_on_where_it_was(make_folder: MakeFolder, tmp_path: Path):
    root, store = make_folder({"a": 150, "b": 150}), tmp_path / "x.measures"
    settings = DataSettings(path=str(root))
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > 29  # 17 times while the exposure is measured, then in the midst of the images

    with pytest.raises(Interrupted):
        audit_data_set(settings, should_stop=enough, store=store)
    reports: list[Progress] = []
    audit = audit_data_set(settings, reports.append, store=store)
    read = [progress.done for progress in reports if progress.phase == "read"]
    assert read[0] >= 100  # it began behind what was measured, not at nothing
    assert read[-1] == 300
    assert_same(audit.measures, measure_images(audit.data_set.paths(), AS_STORED))


@pytest.mark.parametrize("damage", [b"", b"\0" * 7, b"\xff" * 3000])
def test_a_damaged_store_costs_time_and_nothing_else(make_folder: MakeFolder, tmp_path: Path, damage: bytes):
    paths, store = images(make_folder({"a": 5, "b": 5})), tmp_path / "x.measures"
    clean = measure_images(paths, AS_STORED)
    store.write_bytes(damage)
    assert_same(measure_images(paths, AS_STORED, store=store), clean)
    assert_same(measure_images(paths, AS_STORED, store=store), clean)


def test_a_row_cut_off_by_a_crash_is_dropped(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 5, "b": 5})), tmp_path / "x.measures"
    clean = measure_images(paths, AS_STORED, store=store)
    whole = store.read_bytes()
    store.write_bytes(whole[:-5])
    assert_same(measure_images(paths, AS_STORED, store=store), clean)
    assert len(store.read_bytes()) == len(whole)


def test_a_store_that_cannot_be_written_is_done_without(make_folder: MakeFolder, tmp_path: Path):
    paths = images(make_folder({"a": 3, "b": 3}))
    (tmp_path / "file").write_text("in the way of the folder")
    assert_same(
        measure_images(paths, AS_STORED, store=tmp_path / "file/x.measures"),
        measure_images(paths, AS_STORED),
    )


def test_rows_of_images_that_are_gone_do_not_pile_up(make_folder: MakeFolder, tmp_path: Path):
    paths, store = images(make_folder({"a": 4, "b": 4})), tmp_path / "x.measures"
    measurements = MeasurementStore(store, ROW)
    for key in range(1, 2001):
        measurements.save(np.array([key, key], np.uint64), np.zeros(1, ROW))
    measurements.close()
    large = store.stat().st_size
    measure_images(paths, AS_STORED, store=store)
    keys = keys_of(paths, json.dumps(AS_STORED.to_json()))
    known = MeasurementStore(store, ROW).load(keys, np.zeros(len(paths), ROW))
    assert known.all()
    assert store.stat().st_size < large / 100


def test_each_data_set_has_a_file(tmp_path: Path):
    files = {measurements_file(tmp_path, tmp_path / name) for name in ("a", "b", "b/../a")}
    assert len(files) == 2
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert measurements_files(tmp_path) == sorted(files)

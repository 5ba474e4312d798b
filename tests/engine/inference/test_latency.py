from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.inference.latency import describe_device, drawn_files, measure_network
from aimic_tui.engine.inference.timings import FILE, NetworkTiming, read_timings, write_timings
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.progress import Progress
from tests.engine.inference.conftest import make_images

TIMING = NetworkTiming("test_resnet", 160, (0.03, 0.01, 0.02), (0.4, 0.8, 0.5), 100, 0.2, 900.0, "2026-11-22T19:05:12")


def test_a_network_is_measured_with_real_files_as_often_as_asked(tmp_path: Path) -> None:
    reports: list[Progress] = []
    files = make_images(tmp_path / "images", 5)
    timing = measure_network(find_network("test_resnet"), files, "cpu", repetitions=2, report=reports.append)
    assert (timing.network, timing.images, len(timing.one), len(timing.hundred)) == ("test_resnet", 100, 2, 2)
    assert 0 < timing.seconds_1 < timing.seconds_100
    assert timing.limit_images_per_second > 0
    assert timing.load > 0
    assert reports == [Progress("measure", done, 3) for done in range(4)]


def test_an_image_that_cant_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputProblem, match=r"empty\.png is empty"):
        measure_network(find_network("test_resnet"), [("empty.png", tmp_path / "empty.png")], "cpu", repetitions=1)
    with pytest.raises(InputProblem, match="no images"):
        measure_network(find_network("test_resnet"), [], "cpu")


def test_a_device_that_is_not_there_is_a_sentence() -> None:
    assert "threads" in describe_device("cpu")
    with pytest.raises(UsageProblem, match="no device"):
        describe_device("cuda:99")


def test_drawn_images_are_of_the_published_kind_and_are_gone_afterwards() -> None:
    with drawn_files() as files:
        assert len(files) == 100
        with Image.open(files[0][1]) as image:
            assert (image.format, image.size) == ("JPEG", (360, 360))
    assert not files[0][1].exists()


def test_medians_and_ratio() -> None:
    assert (TIMING.seconds_1, TIMING.seconds_100, TIMING.ratio, TIMING.images_per_second) == (0.02, 0.5, 25.0, 200.0)


def test_measurements_are_kept_by_device_and_network_the_latest_of_each(tmp_path: Path) -> None:
    write_timings(tmp_path / "ws", "a processor", [TIMING])
    write_timings(tmp_path / "ws", "a GPU", [replace(TIMING, load=1.0)])
    write_timings(tmp_path / "ws", "a processor", [replace(TIMING, load=3.0), replace(TIMING, network="resnet10t")])
    found = read_timings(tmp_path / "ws")
    assert found["a GPU"] == {"test_resnet": replace(TIMING, load=1.0)}
    assert {name: timing.load for name, timing in found["a processor"].items()} == {
        "test_resnet": 3.0,
        "resnet10t": 0.2,
    }


@pytest.mark.parametrize("content", ["", "[]", '{"devices": []}', '{"devices": {"x": {"n": {"one": []}}}}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert read_timings(tmp_path) == {}
    write_timings(tmp_path, "cpu", [TIMING])
    assert json.loads((tmp_path / FILE).read_text())["devices"]["cpu"]["test_resnet"]["seconds_100"] == 0.5

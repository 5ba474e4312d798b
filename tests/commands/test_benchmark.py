from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimic_tui.cli import main
from aimic_tui.commands.benchmark import Benchmark
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.models.catalogue import PAPER_NETWORKS, all_networks
from aimic_tui.engine.study.published_paper import AVERAGES, DATA_SETS, LATENCY
from tests.engine.inference.conftest import make_images


def run(capsys: pytest.CaptureFixture[str], workspace: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["--workspace", str(workspace), "benchmark", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_the_measurements_are_printed_kept_and_said_with_their_device(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    make_images(tmp_path / "images", 3)
    options = ("--images", str(tmp_path / "images"), "--repetitions", "1", "--device", "cpu")
    code, out, err = run(capsys, tmp_path / "ws", "test_resnet", *options, "--json")
    assert code == 0, err
    found = json.loads(out)
    network = found["networks"]["test_resnet"]
    assert {"seconds_1", "seconds_100", "images_per_second", "limit_images_per_second", "ratio"} <= set(network)
    assert network["published"] is None
    assert read_timings(tmp_path / "ws")[found["device"]]["test_resnet"].seconds_100 == network["seconds_100"]
    code, out, _ = run(capsys, tmp_path / "ws", "test_resnet", *options)
    assert code == 0
    assert out.splitlines()[0].split()[0] == "network"
    assert "Liu et al. 2022" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mobilnet_v2",), 2, "mobilenet_v2"),
        (("test_resnet", "--images", "missing"), 3, "does not exist"),
        (("test_resnet", "--device", "cuda:99"), 2, "no device"),
    ],
)
def test_what_cant_be_measured_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, out, err = run(capsys, tmp_path / "ws", *arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_the_published_numbers_agree_with_each_other() -> None:
    assert [info.name for info in all_networks() if info.paper] == list(PAPER_NETWORKS)
    assert set(LATENCY) == set(PAPER_NETWORKS) >= set(AVERAGES)
    for latency in LATENCY.values():  # printed from unrounded seconds
        assert latency.seconds_100 / latency.seconds_1 == pytest.approx(latency.ratio, abs=0.1)
    for record in DATA_SETS.values():
        assert min(record.f1.values()) <= record.mean_f1 + 1
        assert max(record.f1.values()) <= record.best + 0.01
    assert max(AVERAGES, key=lambda network: AVERAGES[network]["macro_f1"]) == "resnext50_32x4d"


def test_published_networks_stand_beside_the_published_times() -> None:
    timing = NetworkTiming("vgg16", 224, (0.2,), (9.0,), 100, 1.0, 12.0, "2026-11-22T19:05:12+00:00")
    assert Benchmark("cpu", (timing,)).to_json()["networks"]["vgg16"]["published"]["seconds_100"] == 17.179

from __future__ import annotations

import json

import pytest

from aimic_tui.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["networks", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_the_list_begins_with_the_papers_ten(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    lines = out.splitlines()
    assert code == 0
    assert len(lines) > 1200
    assert [line[0] for line in lines[1:12]] == ["*"] * 10 + [" "]
    assert len({line.index("torchvision") for line in lines[1:11]}) == 1


def test_a_text_finds_names(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "mobilenet", "v2")
    assert any(line.split()[1] == "mobilenet_v2" for line in out.splitlines()[1:])
    code, out, err = run(capsys, "no-such-network")
    assert (code, out) == (0, "")
    assert "no-such-network" in err


def test_json_has_what_is_known_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "--json", "resnet50")
    (network,) = [entry for entry in json.loads(out)["networks"] if entry["name"] == "resnet50"]
    assert network["library"] == "torchvision"
    assert network["parameters"] == 25_557_032
    assert network["gmacs"] == pytest.approx(4.09, abs=0.01)
    assert (network["input_size"], network["paper"]) == (224, True)
    assert network["weights"] == ["IMAGENET1K_V2", "IMAGENET1K_V1"]

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from aimic_tui.cli import main
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.models import published
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.published import Publication
from aimic_tui.engine.models.weights import load_initial_weights
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.progress import Progress


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    (tmp_path / "site").mkdir()
    torch.save({"state_dict": build_network("test_resnet", 10, 64).state_dict()}, tmp_path / "site" / "resnet.pth")
    return tmp_path / "site" / "resnet.pth"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["weights", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_an_imported_file_is_listed_and_verified(capsys: pytest.CaptureFixture[str], file: Path, folder: Path) -> None:
    assert "yet" in run(capsys, "list")[2]
    code, out, _ = run(capsys, "import", str(file), "--network", "test_resnet", "--tag", "mine")
    assert (code, out.startswith("test_resnet mine")) == (0, True)
    assert "test_resnet" in run(capsys, "list")[1]
    (entry,) = json.loads(run(capsys, "list", "--json")[1])["weights"]
    assert (entry["network"], entry["tag"], entry["source"]) == ("test_resnet", "mine", "resnet.pth")
    assert entry["sha256"] == hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    code, out, _ = run(capsys, "verify")
    assert (code, out.startswith("1 file")) == (0, True)
    (folder / entry["file"]).write_bytes(b"changed")
    code, _, err = run(capsys, "verify")
    assert (code, "digest differs" in err) == (3, True)


def test_a_file_of_another_network_is_not_imported(
    capsys: pytest.CaptureFixture[str], file: Path, folder: Path
) -> None:
    code, _, err = run(capsys, "import", str(file), "--network", "test_efficientnet")
    assert (code, "does not fit test_efficientnet" in err) == (3, True)
    code, _, err = run(capsys, "import", str(file), "--network", "test_resnet", "--tag", "../up")
    assert (code, "can't be a tag" in err) == (2, True)
    assert not folder.exists()


@pytest.fixture
def site(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that publishes `file`; the list of what was asked of it."""
    asked: list[str] = []

    class Site(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(file.parent))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    digest, half = hashlib.sha256(file.read_bytes()).hexdigest()[:8], (0.5, 0.5, 0.5)
    monkeypatch.setattr(
        published,
        "find_publication",
        lambda info, tag: Publication(
            info.name,
            tag or "r160_in1k",
            f"http://127.0.0.1:{server.server_port}/resnet.pth",
            digest,
            half,
            half,
            160,
            "mit",
        ),
    )
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetched_weights_lie_in_the_folder_and_are_not_fetched_again(
    capsys: pytest.CaptureFixture[str], site: list[str], folder: Path
) -> None:
    events = folder.parent / "events.jsonl"
    code, out, err = run(capsys, "fetch", "test_resnet", "--events", str(events))
    assert (code, "test_resnet r160_in1k" in out) == (0, True)
    assert "connecting" in err
    reports = [progress for event in EventReader(events).new() if (progress := Progress.read(event)) is not None]
    assert (reports[0].phase, reports[-1].complete) == ("download", True)
    (entry,) = json.loads(run(capsys, "list", "--json")[1])["weights"]
    assert (entry["licence"], entry["size"], entry["mean"]) == ("mit", 160, [0.5, 0.5, 0.5])
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "manifest.json", entry["file"]]
    code, out, err = run(capsys, "fetch", "test_resnet", "--json")
    assert (code, "already" in err) == (0, True)
    assert json.loads(out) == {"folder": str(folder), "weights": [entry]}
    assert len(site) == 1


def test_what_cant_be_kept_is_not_downloaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, site: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "file" / "weights"))
    code, _, err = run(capsys, "fetch", "test_resnet")
    assert (code, site) == (1, [])
    assert "Weights can't be kept here" in err
    assert "AIMIC_WEIGHTS sets another folder" in err


def test_fetching_needs_a_name_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "fetch")[0] == 2
    code, _, err = run(capsys, "fetch", "resnet-50")
    assert (code, "resnet50" in err) == (2, True)


def test_without_a_network_fetch_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    half = (0.5, 0.5, 0.5)
    monkeypatch.setattr(
        published,
        "find_publication",
        lambda info, tag: Publication(info.name, "t", "http://no-such-host.invalid/f.pth", "", half, half, 224, ""),
    )
    code, _, err = run(capsys, "fetch", "mobilenet_v2")
    assert code == 1
    assert "no-such-host.invalid can't be reached" in err
    assert "aimic weights fetch mobilenet_v2" in err


def test_the_real_weights_of_lite0_become_what_imagenet_means(
    capsys: pytest.CaptureFixture[str], shared: Path, folder: Path
) -> None:
    path = shared / "weights" / "tf_efficientnet_lite0.safetensors"
    code, _, _ = run(capsys, "import", str(path), "--network", "tf_efficientnet_lite0")
    assert code == 0
    check_weights("imagenet", ["tf_efficientnet_lite0"], folder)
    report = load_initial_weights(
        build_network("tf_efficientnet_lite0", 4, 224), "imagenet", find_network("tf_efficientnet_lite0"), folder
    )
    assert (report.loaded, report.total) == (294, 296)

"""Downloading, against a server of our own in a thread."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from aimic_tui.engine.errors import AimicError, Interrupted, UsageProblem
from aimic_tui.engine.models import published
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.published import Publication, download, find_publication, recognise
from aimic_tui.engine.progress import Progress

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Publisher(BaseHTTPRequestHandler):
    """Serves CONTENT: /file, /redirected (whose redirect names the digest), /whole (no ranges), /cut, /wrong, /gone."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Range"))
        place = self.path.rsplit("/", 1)[-1].partition("-")[0]
        if place == "gone":
            self.send_error(404)
        elif place == "redirected":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.send_header("X-Linked-ETag", f'"{DIGEST}"')
            self.end_headers()
        else:
            self._send(place)

    def _send(self, place: str) -> None:
        asked = self.headers.get("Range")
        start = int(asked[6:-1]) if asked and place != "whole" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:] if place != "wrong" else b"x" * (len(CONTENT) - start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if place == "cut" else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Publisher.asked = []
    publisher = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    thread = threading.Thread(target=publisher.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{publisher.server_port}"
    publisher.shutdown()
    publisher.server_close()
    thread.join()


def publication(address: str, sha256: str = "") -> Publication:
    half = (0.5, 0.5, 0.5)
    return Publication("mobilenet_v2", "IMAGENET1K_V2", address, sha256, half, half, 224, "bsd-3-clause")


def test_a_file_arrives_with_progress(server: str, tmp_path: Path) -> None:
    reports: list[Progress] = []
    download(publication(f"{server}/file"), tmp_path / "f", reports.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert reports[-1] == Progress("download", len(CONTENT), len(CONTENT))
    assert [report.done for report in reports] == sorted(report.done for report in reports)


@pytest.mark.parametrize("place", ["file", "whole"])
def test_an_interrupted_download_goes_on_where_it_was(server: str, tmp_path: Path, place: str) -> None:
    target = tmp_path / "f"
    with pytest.raises(Interrupted, match="goes on"):
        download(publication(f"{server}/{place}"), target, should_stop=lambda: True)
    there = target.stat().st_size
    assert 0 < there < len(CONTENT)
    download(publication(f"{server}/{place}", DIGEST[:8]), target)
    assert target.read_bytes() == CONTENT
    assert Publisher.asked == [None, f"bytes={there}-"]
    download(publication(f"{server}/{place}", DIGEST[:8]), target)  # all of it is there
    assert target.read_bytes() == CONTENT


def test_a_connection_that_ends_early_keeps_what_came(server: str, tmp_path: Path) -> None:
    target = tmp_path / "f"
    with pytest.raises(AimicError, match="bytes are kept"):
        download(publication(f"{server}/cut"), target)
    assert target.read_bytes() == CONTENT[: len(CONTENT) // 2]
    download(publication(f"{server}/file", DIGEST), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("place", "digest"), [("wrong", DIGEST[:8]), ("file", "00000000")])
def test_content_that_is_not_what_was_published_is_thrown_away(
    server: str, tmp_path: Path, place: str, digest: str
) -> None:
    with pytest.raises(AimicError, match="digest differs"):
        download(publication(f"{server}/{place}", digest), tmp_path / "f", lambda *_: None)
    assert not (tmp_path / "f").exists()


def test_the_digest_that_a_redirect_names_is_checked(server: str, tmp_path: Path) -> None:
    target = tmp_path / "f"
    download(publication(f"{server}/redirected"), target)
    assert target.read_bytes() == CONTENT
    target.write_bytes(b"something else that was there before")
    with pytest.raises(AimicError, match="digest differs"):
        download(publication(f"{server}/redirected"), target)


def test_what_the_server_does_not_have_is_a_sentence(server: str, tmp_path: Path) -> None:
    with pytest.raises(AimicError, match="answered 404"):
        download(publication(f"{server}/gone"), tmp_path / "f", lambda *_: None)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/f", "http://no-such-host.invalid/f"])
def test_no_network_is_a_sentence_with_the_command_for_a_connected_machine(address: str, tmp_path: Path) -> None:
    with pytest.raises(AimicError) as problem:
        download(publication(address), tmp_path / "f", lambda *_: None)
    assert "can't be reached" in problem.value.sentence
    assert "`aimic weights fetch mobilenet_v2 --tag IMAGENET1K_V2`" in problem.value.sentence


def test_where_the_libraries_publish_their_weights() -> None:
    first = find_publication(find_network("resnet50"))
    assert (first.tag, first.sha256, first.licence) == ("IMAGENET1K_V2", "11ad3fa6", "bsd-3-clause")
    assert find_publication(find_network("resnet50"), "IMAGENET1K_V1").sha256 == "0676ba61"
    lite = find_publication(find_network("tf_efficientnet_lite0"))
    assert lite.address.endswith("tf_efficientnet_lite0.in1k/resolve/main/model.safetensors")
    assert (lite.mean, lite.size, lite.licence) == ((0.5, 0.5, 0.5), 224, "apache-2.0")
    with pytest.raises(UsageProblem, match="it has IMAGENET1K_V2"):
        find_publication(find_network("resnet50"), "IMAGENET21K")


def test_a_published_file_is_recognised_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.pth").write_bytes(CONTENT)
    info = find_network("resnet50")
    assert recognise(tmp_path / "some.pth", info) is None
    digests = {"IMAGENET1K_V2": "00000000", "IMAGENET1K_V1": DIGEST[:8]}
    found = find_publication(info, "IMAGENET1K_V1")
    monkeypatch.setattr(published, "find_publication", lambda _, tag: replace(found, tag=tag, sha256=digests[tag]))
    recognised = recognise(tmp_path / "some.pth", info)
    assert recognised is not None
    assert recognised.tag == "IMAGENET1K_V1"

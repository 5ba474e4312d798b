from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aimic_tui.engine.event_log import EventReader, append_event, last_event, to_time


def names(reader: EventReader) -> list[str]:
    return [event["event"] for event in reader.new()]


def test_a_reader_gets_each_event_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert names(reader) == []  # nobody has written yet
    append_event(path, "run-created")
    append_event(path, "run-started", pid=7)
    assert names(reader) == ["run-created", "run-started"]
    append_event(path, "run-finished")
    assert names(reader) == ["run-finished"]
    assert names(reader) == []


def test_an_unfinished_line_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    with path.open("ab") as file:
        file.write(b'{"event": "epo')
    assert names(reader) == []
    with path.open("ab") as file:
        file.write(b'ch"}\n')
    assert names(reader) == ["epoch"]


def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\n[]\n{"event": 3}\n\xff\xfe\nnonsense\n{"event": "from-a-later-version"}\n')
    assert names(EventReader(path)) == ["from-a-later-version"]


def test_an_event_after_a_line_that_a_full_disk_cut_short_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append_event(path, "epoch", epoch=1)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:30])
    append_event(path, "epoch", epoch=2)
    assert [event["epoch"] for event in EventReader(path).new()] == [1, 2]


def test_a_file_that_shrank_or_vanished_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append_event(path, "one")
    append_event(path, "two")
    reader = EventReader(path)
    reader.new()
    path.unlink()
    assert names(reader) == []
    assert reader.restarted
    append_event(path, "three")
    assert names(reader) == ["three"]
    assert not reader.restarted


def test_of_progress_only_the_last_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for batch in range(3):
        append_event(path, "progress", batch=batch)
    append_event(path, "epoch", epoch=1)
    append_event(path, "progress", batch=9)
    events = EventReader(path, latest_only=("progress",)).new()
    assert [(event["event"], event.get("batch")) for event in events] == [("epoch", None), ("progress", 9)]


def test_what_is_no_number_is_written_as_null(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append_event(path, "epoch", train_loss=float("nan"), test={"auroc": float("inf")}, seen=[1.5, float("nan")])
    event = json.loads(path.read_text())
    assert (event["train_loss"], event["test"], event["seen"]) == (None, {"auroc": None}, [1.5, None])
    assert to_time(event["time"]) is not None
    assert to_time("yesterday") is None


def test_a_line_without_end_or_deep_as_a_well_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    deep = b'{"event": "deep", "a": ' + b"[" * 100_000
    number = b'{"event": "epoch", "epoch": ' + b"9" * 100_000 + b"}"
    path.write_bytes(b"\n".join([deep, number, b"x" * (9 << 20), b'{"event": "epoch"}', b""]))
    assert names(EventReader(path)) == ["epoch"]
    assert last_event(path) == {"event": "epoch"}


def test_a_file_of_many_blocks_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = json.dumps({"event": "warning", "sentence": "x" * 900_000})
    path.write_text("".join(f"{line}\n" for _ in range(20)) + '{"event": "last"}\n')
    assert names(EventReader(path)) == ["warning"] * 20 + ["last"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless"])
def test_what_is_no_file_holds_no_events(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "events.jsonl"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    assert names(EventReader(path)) == []
    assert last_event(path) is None

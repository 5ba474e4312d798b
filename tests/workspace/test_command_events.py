"""What a followed command tells of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.progress import Progress
from aimic_tui.workspace.command_events import CommandEnd, CommandEvents, command_end


def test_progress_own_events_and_the_end_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    events = CommandEvents(file)
    assert (events.update(), events.progress, events.end) == ([], None, None)
    for done in (0, 5):
        append_event(file, "progress", **Progress("read", done, 9).to_json())
    append_event(file, "step", rate=0.1)
    assert [event["event"] for event in events.update()] == ["step"]
    assert events.progress == Progress("read", 5, 9)
    append_event(file, "finished", images=9)
    assert [event["images"] for event in events.update()] == [9]
    assert events.end == CommandEnd("finished")


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (ErrorRecord("No such image.", "data.path", False, "input"), "failed"),
        (ErrorRecord("stopped after 8 images.", code="interrupted"), "stopped"),
    ],
)
def test_why_a_command_did_not_finish(tmp_path: Path, error: ErrorRecord, ending: str) -> None:
    file = tmp_path / "events.jsonl"
    append_event(file, "error", **error.to_json())
    end = command_end(file)
    assert end is not None
    assert (end.ending, end.error) == (ending, error)


def test_a_command_that_goes_on_has_not_ended(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert command_end(file) is None
    append_event(file, "error", sentence="stopped after 8 images.", code="interrupted")
    append_event(file, "progress", **Progress("predict", 8, 9).to_json())
    assert command_end(file) is None


def test_the_last_event_is_found_behind_a_long_story_and_a_line_that_is_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("x" * (1 << 17) + "\n")
    append_event(file, "finished")
    with file.open("a") as more:
        more.write('not json\n{"time": "2026-11-29')
    assert command_end(file) == CommandEnd("finished")

"""What a study reports is written and read in one place."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.event_log import EventReader, append_event
from aimic_tui.engine.study.study_events import StudyEvent, StudyEventReader, append_study_event


def test_an_event_comes_back_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written = StudyEvent("trouble", data="cells", protocol="honest", sentence="No images.")
    append_study_event(path, written)
    (read,) = StudyEventReader(path).new()
    assert (read.kind, read.cell, read.sentence) == ("trouble", ("cells", "honest"), "No images.")
    assert read.time is not None
    (record,) = EventReader(path).new()
    assert set(record) == {"time", "event", "data", "protocol", "sentence"}, "what says nothing is left out"


def test_unknown_events_are_passed_over_and_odd_fields_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append_event(path, "of-a-later-version", what=1)
    append_event(path, "study-started", cells="four")
    append_study_event(path, StudyEvent("study-started", cells=4))
    reader = StudyEventReader(path)
    assert [event.cells for event in reader.new()] == [0, 4]
    assert reader.new() == []
    path.write_text("")
    reader.new()
    assert reader.restarted

"""The meter of all long commands: on a terminal, in a pipe, in an event file."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest

from aimic_tui.commands import progress as progress_module
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.progress import Progress


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress_module, "time", made)
    return made


def on_a_terminal(program: str, **environment: str) -> str:
    """Return what a program, in which a `meter` is there, writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    head = "from aimic_tui.commands.progress import *\nfrom aimic_tui.engine.progress import Progress\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{head}with ProgressMeter() as meter:\n{textwrap.indent(program, '    ')}"],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # the other side is gone
        pass
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode("utf-8", "replace")


def test_a_terminal_shows_a_bar_that_goes_away_and_lines_that_stay() -> None:
    shown = on_a_terminal(
        "meter.message('10 images')\nmeter.report(Progress('read', 0, 10))\nmeter.report(Progress('read', 10, 10))"
    )
    assert "10 images\r\n" in shown
    assert "reading images" in shown
    assert "━" in shown
    assert "10 of 10 images" in shown
    assert shown.endswith("\x1b[2K"), "the bar's line is empty at the end"


def test_a_name_from_outside_is_no_markup_and_no_control_sequence() -> None:
    shown = on_a_terminal("meter.name('[red]a\\x1b[2J:smile:')\nmeter.report(Progress('read', 5, 10, '[/]b\\x07'))")
    assert "[red]a\\x1b[2J:smile:: reading" in shown
    assert "[/]b\\x07" in shown


def test_where_the_locale_is_not_utf_8_all_is_ascii() -> None:
    shown = on_a_terminal("meter.message('µ …')\nmeter.report(Progress('read', 5, 10, '×'))", AIMIC_ASCII="1")
    assert shown.isascii()
    assert "5 of 10 images, x" in shown


def test_a_pipe_gets_a_line_every_ten_seconds_at_most(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressMeter() as meter:
        meter.name("resnet18")
        for second in range(35):
            clock.now = 100.0 + second
            meter.report(Progress("read", second, 40, seconds_left=9.0))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "resnet18: reading images: 10 of 40 images",
        "resnet18: reading images: 20 of 40 images",
        "resnet18: reading images: 30 of 40 images",
    ]


def test_events_hold_the_turns_of_the_work_and_little_between(clock: Clock, tmp_path: Path) -> None:
    with ProgressMeter(tmp_path / "events") as meter:
        for hundredth in range(101):
            clock.now = 100.0 + hundredth / 100
            meter.report(Progress("read", hundredth, 100))
        meter.report(Progress("compare", 0, 7))
        meter.finish_with(images=100)
    *story, last = EventReader(tmp_path / "events").new()
    assert [(event["phase"], event["done"]) for event in story] == [
        ("read", 0),
        ("read", 50),
        ("read", 100),
        ("compare", 0),
    ]
    assert (last["event"], last["images"]) == ("finished", 100)


def test_a_command_that_fails_is_not_finished(tmp_path: Path) -> None:
    @click.command()
    @click.option("--broken", is_flag=True)
    @shows_progress
    def command(*, broken: bool, meter: ProgressMeter) -> None:
        meter.report(Progress("read", 1, 2))
        if broken:
            raise InputProblem("No such image.")

    given = ["--events", str(tmp_path / "events")]
    with pytest.raises(InputProblem):
        command.main(["--broken", *given], standalone_mode=False)
    command.main(given, standalone_mode=False)
    assert [event["event"] for event in EventReader(tmp_path / "events").new()] == ["progress", "progress", "finished"]


def test_without_the_option_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with ProgressMeter() as meter:
        meter.report(Progress("read", 1, 2))
    assert list(tmp_path.iterdir()) == []

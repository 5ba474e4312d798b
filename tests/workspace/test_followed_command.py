"""A command that is followed to its end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from aimic_tui.engine.progress import Progress
from aimic_tui.workspace import processes
from aimic_tui.workspace.followed_command import follow_command

# Stands for `python -m aimic_tui --workspace W COMMAND --events=FILE ARGUMENTS`.
PROGRAM = """
import os, sys, time
from pathlib import Path
from aimic_tui.engine.event_log import append_event
events = Path(sys.argv[4].removeprefix("--events="))
append_event(events, "progress", phase="read", done=1, total=2)
append_event(events, "step", rate=0.5)
if sys.argv[5] == "wait":
    Path(sys.argv[6]).write_text(str(os.getpid()))
    time.sleep(60)
if sys.argv[5] == "fail":
    append_event(events, "error", sentence="No such image.", code="input")
    print("aimic: something else", file=sys.stderr)
    sys.exit(3)
if sys.argv[5] == "die":
    print("ValueError: x", file=sys.stderr)
    sys.exit(1)
print('{"answer": 42}')
append_event(events, "finished")
"""


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROGRAM", (sys.executable, "-c", PROGRAM))


async def test_progress_events_and_the_answer_arrive(tmp_path: Path) -> None:
    reports: list[Progress] = []
    events: list[dict[str, Any]] = []
    answer = await follow_command(tmp_path, "inspect", "answer", report=reports.append, on_event=events.append)
    assert (json.loads(answer.text), answer.error) == ({"answer": 42}, None)
    assert reports[-1] == Progress("read", 1, 2)
    assert [event["event"] for event in events] == ["step", "finished"]


@pytest.mark.parametrize(
    ("how", "sentence", "code"), [("fail", "No such image.", "input"), ("die", "ValueError: x", "failed")]
)
async def test_what_went_wrong_is_read_from_the_events_and_else_from_what_it_wrote(
    tmp_path: Path, how: str, sentence: str, code: str
) -> None:
    answer = await follow_command(tmp_path, "inspect", how)
    assert answer.error is not None
    assert (answer.error.sentence, answer.error.code) == (sentence, code)


async def test_cancelled_it_ends_the_command(tmp_path: Path) -> None:
    file = tmp_path / "process"
    following = asyncio.ensure_future(follow_command(tmp_path, "inspect", "wait", str(file)))
    await asyncio.to_thread(wait_until, lambda: file.exists() and bool(file.read_text()))
    process = psutil.Process(int(file.read_text()))
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    await asyncio.to_thread(wait_until, lambda: has_ended(process))


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

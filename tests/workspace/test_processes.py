"""Commands as processes of their own, on real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import pytest

from aimic_tui.workspace.processes import Outcome, command_line, run_command, start_command


async def test_a_command_gives_its_code_and_its_words(tmp_path: Path) -> None:
    outcome = await run_command(command_line(tmp_path, "results", "latest"))
    assert outcome.code == 3
    assert outcome.stdout == ""
    assert outcome.sentence.startswith("There is no run in")


def test_an_outcome_without_words_still_has_a_sentence() -> None:
    assert Outcome(7, "", "").sentence == "The command ended with exit code 7 and no message."
    assert Outcome(1, "", "Traceback\nValueError: x\x1b[2J\n").sentence == "ValueError: x\\x1b[2J"
    assert Outcome(1, "", "epoch 1\naimic: The disk is full.\n").sentence == "The disk is full."


async def test_leaving_ends_the_command(tmp_path: Path) -> None:
    program = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(run_command([sys.executable, "-c", program]))
    pid = await asyncio.to_thread(wait_for_text, tmp_path / "pid")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(is_gone, int(pid))


def test_a_started_command_is_in_a_session_of_its_own_and_writes_to_files(tmp_path: Path) -> None:
    program = (
        "import os, sys; print(os.getsid(0) == os.getpid(), os.environ.get('TEXTUAL_FPS')); print('x', file=sys.stderr)"
    )
    process = start_command([sys.executable, "-c", program], tmp_path / "out", tmp_path / "err")
    assert process.wait(30) == 0
    assert (tmp_path / "out").read_text() == "True None\n"
    assert (tmp_path / "err").read_text() == "x\n"


def test_both_streams_can_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_FPS", "10")
    program = "import os, sys; print(os.environ.get('TEXTUAL_FPS'), os.environ['MARK'], file=sys.stderr); print('y')"
    log = tmp_path / "log"
    process = start_command([sys.executable, "-c", program], log, log, environment={"MARK": "m"})
    assert process.wait(30) == 0
    assert sorted(log.read_text().split("\n")) == ["", "None m", "y"]


def wait_for_text(path: Path) -> str:
    for _ in range(200):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written")


def is_gone(pid: int) -> bool:
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False

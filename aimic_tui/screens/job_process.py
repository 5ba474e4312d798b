"""The process of a job that outlives the app, and how a job stands, in words: predictions and evaluations share it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from textual.content import Content

from aimic_tui.engine.text import one_line
from aimic_tui.process import Outcome
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording import SIGNS, duration, plural, rate

State = Literal["running", "finished", "stopped", "failed"]
ProcessId = tuple[int, float]
"""A process's number, and when it began: a number may be used again."""

_STATE_WORDS = {"finished": "done", "stopped": "stopped", "failed": "failed", "running": ""}
_STATE_STYLES = {"finished": "$success", "stopped": "$warning", "failed": "$error"}


def identity_of(process: subprocess.Popen[bytes]) -> ProcessId:
    """Return what tells a process from every other."""
    import psutil

    try:
        return process.pid, psutil.Process(process.pid).create_time()
    except psutil.Error:  # it is gone already; its log says why
        return process.pid, 0.0


def is_alive(process: ProcessId | None) -> bool:
    """Tell whether a process still works."""
    import psutil

    if process is None:
        return False
    try:
        found = psutil.Process(process[0])
        return bool(abs(found.create_time() - process[1]) < 2 and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def ask_to_stop(process: ProcessId | None) -> None:
    """Ask a process to end, if it is still there."""
    if process is not None and is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process[0], signal.SIGTERM)


def process_from(record: Any) -> ProcessId | None:
    """Read what a job's file says of its process.

    Raises:
        ValueError, TypeError, IndexError: it is none.
    """
    return None if record is None else (int(record[0]), float(record[1]))


def log_text(log: Path) -> str:
    """Return what a command said; nothing where it left no log."""
    try:
        return log.read_text("utf-8", "replace")
    except OSError:
        return ""


def last_words(log: Path) -> str:
    """Return the sentence that a command ended with; empty where it said none."""
    lines = [line for line in log_text(log).splitlines() if line.startswith("aimic: ")]
    return one_line(lines[-1].removeprefix("aimic: ")) if lines else ""


def problem_in(log: Path) -> str:
    """Return why a command failed, in a sentence."""
    return last_words(log) or Outcome(1, "", log_text(log)).sentence


def progress_line(state: str, said: Mapping[str, Any], done: int) -> Content:
    """Write how a job stands: a bar, images done, images a second and the time left; or how it ended.

    Args:
        state: as `State` has it.
        said: the latest event of its process, empty where there is none.
        done: images.
    """
    total = said.get("total")
    if state != "running":
        of = f" of {total:,}" if total and state != "finished" else ""
        word = f"{SIGNS[state]} {_STATE_WORDS[state]}"
        return Content.assemble(
            (word, _STATE_STYLES[state]), f"   {f'{done:,}{of}' if of else plural(done, 'image')}" if done or of else ""
        )
    if said.get("event") == "judging":
        return Content.styled(f"{SIGNS['running']} making the figures", "$text-muted")
    if not total or not done:
        return Content.styled(f"{SIGNS['running']} loading the network", "$text-muted")
    left = f"   {duration(said['seconds_left'])} left" if said.get("seconds_left") is not None else ""
    return Content.assemble(
        progress_bar(done / total, 10),
        f" {done:,} of {total:,}",
        (f"   {rate(said.get('images_per_second'))}", "$text-muted"),
        (left, "$text-muted"),
    )

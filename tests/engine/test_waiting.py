"""Waiting that needs no right clock."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import aimic_tui
from aimic_tui.engine.waiting import happened, pause

# A system whose clocks stand before their beginning, as a dead battery or a tool that fakes the date leaves them.
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, now);
    now->tv_sec -= 3000000000L;
    return answer;
}
"""
PROGRAM = """
import threading, time
from aimic_tui.engine.waiting import happened, pause
began = time.monotonic()
assert began < 0
pause(0.02)
assert not happened(threading.Event(), 0.02)
assert 0.04 <= time.monotonic() - began < 10
"""


@pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="needs a compiler")
def test_a_wait_lasts_as_long_as_it_should_under_a_clock_before_1970(tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c", "-ldl"], check=True, timeout=60
    )
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"LD_PRELOAD": str(tmp_path / "clock.so"), "PYTHONPATH": str(Path(aimic_tui.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_an_event_ends_the_wait() -> None:
    event = threading.Event()
    threading.Timer(0.02, event.set).start()
    began = time.monotonic()
    assert happened(event, 60.0)
    assert time.monotonic() - began < 30
    pause(-1.0)


def test_no_module_sleeps_by_the_clock() -> None:
    package = Path(aimic_tui.__file__).parent
    sleeping = [file.name for file in package.rglob("*.py") if "time.sleep(" in file.read_text("utf-8")]
    assert sleeping == []

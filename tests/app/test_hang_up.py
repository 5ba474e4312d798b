"""A terminal that is gone takes the app with it, also where nobody passes the signal on."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil

# What `make` is to the app: the leader of the terminal's session, which hears of its end and waits for its child.
LEADER = """
import fcntl, os, signal, subprocess, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, lambda *_: None)
child = subprocess.Popen([sys.executable, "-m", "aimic_tui", "--workspace", sys.argv[1]])
os.write(int(sys.argv[2]), b"%d\\n" % child.pid)
child.wait()
"""


def test_the_app_ends_with_its_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    told, tell = os.pipe()
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, str(tmp_path), str(tell)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=[tell],
        env={**os.environ, "TERM": "xterm-256color", "AIMIC_SETTINGS": str(tmp_path / "settings.toml")},
    )
    os.close(theirs)
    app = psutil.Process(int(os.read(told, 20)))
    try:
        drawn, deadline = b"", time.monotonic() + 60
        while b"Predict" not in drawn:
            assert time.monotonic() < deadline, drawn[-500:]
            if select.select([ours], [], [], 0.5)[0]:
                drawn += os.read(ours, 65536)
        assert app.is_running()
        os.close(ours)
        assert leader.wait(60) == 0  # it outlives the signal, and leaves only when the app has
        assert not app.is_running()
    finally:
        for process in (leader.pid, app.pid):
            if psutil.pid_exists(process):
                os.kill(process, 9)
        leader.wait()
        os.close(told)
        os.close(tell)


def test_without_a_terminal_the_app_does_not_wait_for_keys_forever(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "aimic_tui", "--workspace", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        program, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "The app needs a terminal, and its standard input is none." in ended.stderr
    assert "\x1b" not in ended.stderr

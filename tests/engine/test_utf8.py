"""Names are UTF-8 whatever the locale, and no character ends a command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine import utf8

# What an old server's locale does: Python decodes names by it. (C itself would turn UTF-8 on, so that is forbidden.)
OTHER_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **environment}, capture_output=True, check=False
    )


def test_a_program_under_another_locale_starts_anew_in_utf8_mode() -> None:
    program = (
        "import os, sys; from aimic_tui.engine.utf8 import insist_on_utf8; insist_on_utf8()\n"
        "print(sys.flags.utf8_mode, sys.argv[1:], os.environ['PYTHONUTF8'])"
    )
    answer = run(["-c", program, "gr\u00f6\u00dfe", "a b"], **OTHER_LOCALE)
    assert answer.stdout.decode() == "1 ['gr\u00f6\u00dfe', 'a b'] 1\n"


def test_class_names_are_the_same_under_every_locale(tmp_path: Path) -> None:
    for name in ("gr\u00f6\u00dfe", "\u65e5\u672c"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "data" / name / "1.png")
    command = ["-m", "aimic_tui", "inspect", str(tmp_path / "data"), "--json"]
    assert run(command, **OTHER_LOCALE).stdout == run(command, PYTHONUTF8="1").stdout != b""


def test_what_an_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="strict"))
    utf8.settle_output()
    sys.stdout.write("gr\u00f6\u00dfe \u25cf\n")
    sys.stdout.flush()
    assert written.getvalue() == b"gr\\xf6\\xdfe \\u25cf\n"


def test_output_that_is_no_stream_of_text_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    utf8.settle_output()


def test_an_ascii_pipe_ends_no_command(tmp_path: Path) -> None:
    answer = run(["-m", "aimic_tui", "results", "gr\u00f6\u00dfe"], PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert answer.returncode == 3
    assert b"gr\\xf6\\xdfe" in answer.stderr

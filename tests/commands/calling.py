"""Calling a command in this process: what it prints and how it leaves, without importing everything once more."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from aimic_tui.cli import main


def call(workspace: Path, *arguments: str) -> CompletedProcess[str]:
    """Return what `aimic --workspace WORKSPACE ...` does."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(["--workspace", str(workspace), *arguments])
    return CompletedProcess(list(arguments), int(end.value.code or 0), out.getvalue(), err.getvalue())

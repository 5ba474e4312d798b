"""What is done once when a run is through: its baselines and its report, by commands that anyone can type."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import aimic_tui
from aimic_tui.engine.evaluation.baseline_record import read_baseline_record
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import one_line

_PATIENCE = 1800.0  # seconds: a million predictions take minutes
_PACKAGE_PARENT = Path(aimic_tui.__file__).resolve().parent.parent


def leave_report(folder: RunFolder, *, patience: float = _PATIENCE) -> str:
    """Have report.html written into a run's folder; return what went wrong in a sentence, "" where nothing did.

    Whatever happens to it, the run is what it is, and `aimic report` makes the page at any time.

    Args:
        patience: seconds that it may take.
    """
    if not folder.has_predictions():
        return ""  # nothing to report on
    return _run(["report", str(folder.path)], "The report", "`aimic report` makes it.", patience)


def leave_baselines(folder: RunFolder, *, patience: float = _PATIENCE) -> str:
    """Have a run's baselines predicted from its images; return what went wrong in a sentence, "" where nothing did.

    A process of its own does it, so that the run ends whatever happens: too little memory, images that are gone.

    Args:
        patience: seconds that it may take.
    """
    if not folder.has_predictions() or read_baseline_record(folder.baseline_record) is not None:
        return ""  # nothing to compare with, or a run that was resumed and had them already
    remedy = "`aimic results RUN --baselines` makes them."
    return _run(["results", str(folder.path), "--baselines", "--json"], "The baselines", remedy, patience)


def _run(arguments: Sequence[str], what: str, remedy: str, patience: float) -> str:
    verb = "were" if what.endswith("s") else "was"
    try:
        ended = subprocess.run(
            python_command("aimic_tui", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=python_environment(os.environ),
            cwd=_PACKAGE_PARENT,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{what} took more than {patience / 60:.0f} minutes and {verb} left. {remedy}"
    except OSError as error:
        return f"{what} could not be made: {one_line(str(error))}. {remedy}"
    if ended.returncode == 0:
        return ""
    words = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{what} could not be made: {one_line(words[-1]) if words else f'exit code {ended.returncode}'}"

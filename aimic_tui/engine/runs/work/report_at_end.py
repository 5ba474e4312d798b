"""What is done once when a run is through: its report, by a process of the command that anyone can type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import aimic_tui
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
    command = [sys.executable, "-m", "aimic_tui", "report", str(folder.path)]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=_PACKAGE_PARENT,  # not a folder whose files could be imported instead of modules
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"The report took more than {patience / 60:.0f} minutes and was left. `aimic report` makes it."
    except OSError as error:
        return f"The report could not be made: {one_line(str(error))}. `aimic report` makes it."
    if ended.returncode == 0:
        return ""
    words = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"The report could not be made: {one_line(words[-1]) if words else f'exit code {ended.returncode}'}"

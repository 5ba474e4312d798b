"""Starting a study and stopping it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import aimic_tui
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.runs.workspace import Workspace
from aimic_tui.engine.study.folder import StudyFolder, study_folder
from aimic_tui.engine.study.study_file import Study
from aimic_tui.engine.text import one_line, printable

_START_PATIENCE = 60.0  # seconds until the process must have taken its study
_PACKAGE_PARENT = Path(aimic_tui.__file__).resolve().parent.parent


def start_study(study: Study, workspace: Workspace) -> StudyFolder:
    """Start the process that carries a study out, or goes on with it, in a session of its own.

    Raises:
        InputProblem: it is going on already.
        AimicError: the process did not live long enough to take it.
        OSError: the workspace can't be written.
    """
    folder = study_folder(workspace, study.name)
    if folder.alive:
        raise InputProblem(
            f"The study {printable(folder.name)} is going on: `aimic stop {printable(folder.name)}` stops it, "
            "`aimic runs` shows how far it is."
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    write_atomically(folder.study_file, study.to_toml())
    environment = dict(os.environ)
    if environment.get("AIMIC_WEIGHTS"):
        environment["AIMIC_WEIGHTS"] = str(Path(environment["AIMIC_WEIGHTS"]).expanduser().absolute())
    with folder.walker_log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aimic_tui.engine.study.walker", str(folder.path), str(workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # Not the person's folder: a file there named like a module would be imported in its place.
            cwd=_PACKAGE_PARENT,
            env=environment,
        )
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline:
        if folder.alive or process.poll() == 0:
            return folder
        if process.poll() is not None:
            break
        time.sleep(0.05)
    words = folder.walker_log.read_text("utf-8", "replace").strip().splitlines()
    said = one_line(words[-1]) if words else "it said nothing"
    raise AimicError(
        f"The study {printable(folder.name)} could not be started: {said}. "
        f"{printable(str(folder.walker_log))} has the details."
    )


def find_going_study(workspace: Workspace, name: str) -> StudyFolder | None:
    """Return the study of this name if it is going on."""
    folder = study_folder(workspace, name)
    return folder if folder.name == name and folder.alive else None


def stop_study(folder: StudyFolder) -> None:
    """Ask a study to stop, and with it the run that is on.

    Raises:
        OSError: its folder can't be written.
    """
    folder.stop_file.touch()

"""Starting a study and stopping it."""

from __future__ import annotations

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import folder_problem, is_locked, touch_unlinked, write_atomically
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.proposed_command import proposed_command
from aimic_tui.engine.runs.detached import Work, start_detached
from aimic_tui.engine.sign_of_life import RECENT, life_elsewhere
from aimic_tui.engine.study.study_file import Study
from aimic_tui.engine.study.study_folder import StudyFolder, study_folder
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


def start_study(study: Study, workspace: Workspace) -> StudyFolder:
    """Start the process that carries a study out, or goes on with it, in a session of its own.

    Raises:
        InputProblem: it is going on already, perhaps on another host, or nothing can be kept in the workspace.
        AimicError: the process did not live long enough to take it.
        OSError: the workspace can't be written.
    """
    folder = study_folder(workspace, study.name)
    elsewhere = None if is_locked(folder.lock_file) else life_elsewhere(folder.lock_file)
    if elsewhere is not None:
        raise InputProblem(
            f"The study {printable(folder.name)} is going on on {printable(elsewhere.host)}, which gave a sign of life "
            f"{duration(elsewhere.seconds)} ago. Two hosts at work on it would spoil it. If that host has failed, "
            f"start the study again in {duration(RECENT)}: it goes on where it was."
        )
    if folder.alive:
        raise InputProblem(
            f"The study {printable(folder.name)} is going on: "
            f"{proposed_command('stop', folder.name, workspace=workspace.root)} stops it, "
            f"{proposed_command('runs', workspace=workspace.root)} shows how far it is."
        )
    if problem := workspace.problem() or folder_problem(folder.path):
        raise InputProblem(problem, code="storage")
    folder.path.mkdir(parents=True, exist_ok=True)
    write_atomically(folder.study_file, study.to_toml())
    work = Work(
        f"study {folder.name}",
        "aimic_tui.engine.study.scheduler",
        [str(folder.path), str(workspace.root)],
        folder.scheduler_log,
    )
    start_detached(work, lambda process: folder.alive or process.poll() == 0)
    return folder


def find_running_study(workspace: Workspace, name: str) -> StudyFolder | None:
    """Return the study of this name if it is going on."""
    folder = study_folder(workspace, name)
    return folder if folder.name == name and folder.alive else None


def stop_study(folder: StudyFolder) -> None:
    """Ask a study to stop, and with it the run that is on.

    Raises:
        OSError: its folder can't be written.
    """
    touch_unlinked(folder.stop_file)

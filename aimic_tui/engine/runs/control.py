"""Starting, stopping and resuming a run. Importing this module is cheap, since screens do it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import InputProblem, StorageProblem
from aimic_tui.engine.files import folder_problem, is_locked, refuse_outward_links, touch_unlinked
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.detached import Work, start_detached
from aimic_tui.engine.runs.status import RunStatus, read_recorded, read_status
from aimic_tui.engine.sign_of_life import RECENT, life_elsewhere
from aimic_tui.engine.system_errors import why_not_writable
from aimic_tui.engine.text import printable
from aimic_tui.engine.waiting import pause

if TYPE_CHECKING:
    from aimic_tui.engine.runs.same_data import Told

SCHEDULER = "aimic_tui.engine.runs.work.scheduler"
_LEAVE_PATIENCE = 10.0  # seconds for a scheduler whose run is over to be gone


def start_scheduler(folder: RunFolder) -> int:
    """Start the process that carries the run out, in a session of its own, and return its process number.

    Returns once the scheduler has taken the run, so that the status read afterwards is the new one.

    Raises:
        InputProblem: a link in the run's folder leads out of it.
        AimicError: the process did not live long enough to take the run.
    """
    refuse_outward_links(folder.path)
    work = Work(f"run {folder.name}", SCHEDULER, [str(folder.path)], folder.scheduler_log)
    return start_detached(work, lambda process: read_recorded(folder).pid == process.pid)


def request_stop(folder: RunFolder) -> None:
    """Ask a run to stop; its workers do so at their next step, on whatever host they are.

    Raises:
        InputProblem: the run is not running.
        StorageProblem: its folder can't be written, and its scheduler is not found.
    """
    status = read_status(folder)
    if not status.alive:
        raise InputProblem(f"The run {printable(folder.name)} is {status.state}: there is nothing to stop.")
    try:
        touch_unlinked(folder.stop_file)
    except OSError as error:  # on a full disk a signal still gets through, to a scheduler of this host
        if status.pid is None or not _is_scheduler(status.pid, folder):
            raise StorageProblem(
                f"The run {printable(folder.name)} can't be asked to stop: {printable(str(folder.stop_file))} can't be "
                f"written ({error.strerror}), and no process of this machine is proved to be its scheduler. Whoever "
                "started it can stop it."
            ) from None
        os.kill(status.pid, signal.SIGTERM)


def _is_scheduler(pid: int, folder: RunFolder) -> bool:
    """Tell whether a process is this run's scheduler: by its command, and because it has the run's lock open.

    The number alone proves nothing: it stands in a file that others may write, and is given out again.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        command, opened = process.cmdline(), [Path(file.path) for file in process.open_files()]
        return SCHEDULER in command and any(folder.lock_file.samefile(file) for file in opened if file.exists())
    except (psutil.Error, OSError):
        return False


def check_resumable(folder: RunFolder, *, take_over: bool = False) -> RunStatus:
    """Return the run's status if it can be gone on with.

    Args:
        take_over: whether a run may be taken over from a scheduler on another host that gave signs of life lately.

    Raises:
        InputProblem: it is already running, it is finished, or its files can't be written.
    """
    status = read_status(folder)
    name = printable(folder.name)
    elsewhere = life_elsewhere(folder.lock_file) if status.alive and not is_locked(folder.lock_file) else None
    if elsewhere is not None and take_over:
        status = replace(status, state="interrupted")
    elif elsewhere is not None:
        raise InputProblem(
            f"The run {name} is {status.state} on {printable(elsewhere.host)}, which gave a sign of life "
            f"{duration(elsewhere.seconds)} ago. Two hosts at work on it would spoil it. If that host has failed, wait "
            f"{duration(RECENT)}, or add --take-over to {run_command('resume', folder)}."
        )
    until = time.monotonic() + _LEAVE_PATIENCE
    while not status.alive and is_locked(folder.lock_file) and time.monotonic() < until:
        pause(0.05)  # its scheduler has written its last words and is about to leave
    if status.alive or is_locked(folder.lock_file):
        raise InputProblem(f"The run {name} is {status.state}: {run_command('watch', folder)} follows it.")
    if status.state == "finished":
        raise InputProblem(
            f"The run {name} is finished: there is nothing left to do. {run_command('results', folder)} shows it."
        )
    if problem := _why_not_writable(folder):
        raise InputProblem(f"The run {name} can't be continued here: {problem}", code="storage")
    return status


def _why_not_writable(folder: RunFolder) -> str:
    """Return why a scheduler could not work in a run's folder, such as one of another user, and what helps."""
    written = (folder.lock_file, folder.events_file, folder.scheduler_log, folder.trials_folder)
    return folder_problem(folder.path) or next(filter(None, map(why_not_writable, written)), "")


def resume(
    folder: RunFolder, told: Told | None = None, report: ReportProgress = no_report, *, take_over: bool = False
) -> tuple[str, ...]:
    """Go on with a run that was stopped, interrupted or failed; failed trials are tried anew.

    Finished trials stay as they are; the others go on from their last checkpoints.

    Args:
        folder: the run's.
        told: what a person says of its data; None for nothing.
        report: hears how many of its images are compared with what they were.
        take_over: as for `check_resumable`.

    Returns:
        Sentences on its data that are worth knowing.

    Raises:
        MissingImages, ChangedData: see `same_data.py`.
        InputProblem: as `check_resumable` raises it, or the run's files are damaged.
        AimicError: the scheduler could not be started.
        OSError: its folder can't be written.
    """
    from aimic_tui.engine.runs import same_data

    status = check_resumable(folder, take_over=take_over)
    said = same_data.check_same_data(folder, status, told or same_data.Told(), report)
    folder.stop_file.unlink(missing_ok=True)
    start_scheduler(folder)
    return said


def tell_where_images_are(folder: RunFolder, told: Told, report: ReportProgress = no_report) -> tuple[str, ...]:
    """Note where the images of a finished run are, for whatever still reads them; returns and raises as `resume`."""
    from aimic_tui.engine.data.manifest_check import why_not_noted
    from aimic_tui.engine.runs import same_data

    if problem := why_not_noted(folder):
        raise InputProblem(problem, code="storage")
    return same_data.check_same_data(folder, read_status(folder), told, report)

"""Opening the app: what has to be settled before Textual is imported."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path

from aimic_tui import __version__
from aimic_tui.app.hang_up import leave_with_terminal
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.files import append_line
from aimic_tui.engine.machine.own_limits import require_threads
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.user_folders import state_folder

_STDIN, _STDERR = 0, 2  # where Textual reads keys, and where it draws
_THREADS = 8  # of the app, about: what draws, reads keys, looks at runs, loads images


def open_app(
    workspace: Path,
    *,
    run: Path | None = None,
    place: str | None = None,
    slow_link: bool = False,
    read_only: bool = False,
) -> None:
    """Run the app until the user leaves it.

    Args:
        workspace: the folder that runs are kept in.
        run: the run to have in hand; the app opens on it.
        place: the place to open with, by its name in `context.PLACES`; without one Home, or Run where there is a run.
        slow_link: draw less often and without animation.
        read_only: nothing can be started, stopped or written.

    Raises:
        UsageProblem: there is no terminal.
        AimicError: this user or container may not have the threads that the app needs.
    """
    _require_terminal()
    require_threads(_THREADS)
    from aimic_tui.app.settings import user_settings

    settings, problems = user_settings()
    slow_link = slow_link or settings.slow_link
    if settings.signs != "auto":
        os.environ["AIMIC_ASCII"] = "1" if settings.signs == "ascii" else "0"
    # Textual reads these when it is imported.
    if slow_link:
        os.environ.update(TEXTUAL_FPS="10", TEXTUAL_ANIMATIONS="none", TEXTUAL_SMOOTH_SCROLL="0")
    os.environ.setdefault("ESCDELAY", "25")
    # A tenth of the way to the first picture; the app collects again when that is drawn.
    gc.disable()

    from aimic_tui.app.app import AimicApp
    from aimic_tui.engine.workspace_folder import Workspace

    app = AimicApp(
        Workspace(workspace),
        read_only=read_only,
        slow_link=slow_link,
        place=place or ("run" if run else "home"),
        settings=settings,
        problems=problems,
    )
    app.context.run = run
    leave_with_terminal(_STDIN)
    app.call_later(app.leave_on_signals)
    app.run()
    if app.fault is not None:
        raise AimicError(_sentence_of(app.fault), code="fault") from app.fault
    if app.return_code:
        sys.exit(app.return_code)


def _require_terminal() -> None:
    """Do nothing where there is a terminal; without one the app would wait for keys forever, and draw into a file."""
    for handle, what in ((_STDIN, "input"), (_STDERR, "error, which it draws on,")):
        if not os.isatty(handle):
            raise UsageProblem(
                f"The app needs a terminal, and its standard {what} is none. Start it in one (over SSH: `ssh -t`), "
                "without redirections; or use the commands, which need none: `aimic --help` lists them."
            )


def _sentence_of(fault: Exception) -> str:
    """Note a fault of the program down, and say where."""
    text = f"{datetime.now().astimezone().isoformat(timespec='seconds')} aimic {__version__}\n"
    text += "".join(traceback.format_exception(fault))
    try:
        log = state_folder("the log of faults", "XDG_STATE_HOME") / "faults.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        for line in text.splitlines():
            append_line(log, line)
        where = f"{printable(str(log))} has the details"
    except (OSError, InputProblem):
        where = f"its last words: {one_line(text.splitlines()[-1])}"
    return (
        f"The app ended because of a fault in the program; {where}. Runs go on, and what was saved is kept: "
        "open the app again."
    )

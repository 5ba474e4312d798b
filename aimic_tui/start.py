"""Where the program starts: the app at once where nothing else was asked for, and else the command line.

The command line's own library takes a tenth of the way to the app's first picture, so `aimic` alone goes round it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from aimic_tui.engine.machine.own_limits import allow_open_files
from aimic_tui.engine.python_process import leave_current_folder
from aimic_tui.engine.utf8 import insist_on_utf8, settle_output


def main() -> None:
    """Run the program and leave with its exit code."""
    insist_on_utf8()
    settle_output()
    leave_current_folder()
    allow_open_files()
    if len(sys.argv) > 1:
        from aimic_tui.cli import main as command_line

        command_line()
    from aimic_tui.commands.open_app import open_app
    from aimic_tui.engine.user_folders import usual_workspace

    try:
        open_app(usual_workspace())
    except (Exception, KeyboardInterrupt) as problem:
        from aimic_tui.cli import leave_after

        leave_after(_raiser(problem))


def _raiser(problem: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise problem

    return work

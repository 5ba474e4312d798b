"""Opening the app: what has to be settled before Textual is imported."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from aimic_tui.app.hang_up import leave_with_terminal

_STDIN = 0


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
    """
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
    app.run()

"""Resuming a run from Home and from Run: with a question where its images were moved or have changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.screens.place import Place
from aimic_tui.widgets.dialogs import Confirm, PathPrompt

if TYPE_CHECKING:
    from aimic_tui.engine.runs.same_data import Told


async def resume_run(place: Place, folder: RunFolder) -> None:
    """Go on with a run; ask where its images are if they are gone, and whether to go on if they have changed.

    What can't be done is said on the place's message line.
    """
    from aimic_tui.engine.runs.control import resume
    from aimic_tui.engine.runs.same_data import ChangedData, MissingImages, Told

    told: Told | None = Told()
    place.shell.tell("Comparing the images with those that the run was made with ...")
    try:
        while told is not None:
            try:
                said = await asyncio.to_thread(resume, folder, told)
                place.shell.tell(" ".join(said) or f"{folder.title} goes on from its last checkpoints.")
                return
            except MissingImages as problem:
                place.app.clear_notifications()  # they would lie over the question
                told = await _ask_for_place(place, problem.question, told)
            except ChangedData as problem:
                place.app.clear_notifications()
                told = await _ask_to_accept(place, problem.question, told)
        place.shell.tell("The run was not resumed.")
    except AimicError as problem:
        place.shell.tell(problem.sentence, "error")
    except OSError as error:
        place.shell.tell(f"{folder.path} can't be written: {error.strerror}.", "error")


async def _ask_for_place(place: Place, question: str, told: Told) -> Told | None:
    prompt = PathPrompt(
        "Where are the run's images now?",
        detail=f"{question} Name the folder that they are in now; their digests are compared. "
        "If they are on a drive or a server that is away, press esc, connect it and resume again.",
        suffixes=(".npz",),
        action="Use",
        check=lambda path: None if path.exists() else "There is no such folder.",
    )
    answer = await place.app.push_screen_wait(prompt)
    return None if answer is None else replace(told, places=(*told.places, Path(answer)))


async def _ask_to_accept(place: Place, question: str, told: Told) -> Told | None:
    detail = f"{question} What is trained from now on sees what is there now; the run's story and report will say so."
    sheet = Confirm("Go on with data that has changed?", detail, yes="Go on", no="Leave it stopped")
    return replace(told, accept_changed=True) if await place.app.push_screen_wait(sheet) else None

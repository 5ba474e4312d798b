"""What happened to a run's data after it was made, in words: for the log, the report and the app."""

from __future__ import annotations

from aimic_tui.engine.run_events import FilesAccepted, ImagesAccepted, ImagesMoved, RunEvent, run_events
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import listed, one_line, plural, printable

_NAMED = 5  # images


def data_sentence(event: RunEvent) -> str | None:
    """Return what an event says of the run's data, None where it says nothing."""
    if isinstance(event, ImagesMoved):
        return (
            f"The images of {printable(event.before)} are read from {printable(event.after)}; the digests of "
            f"{event.compared:,} of {event.images:,} were compared."
        )
    if isinstance(event, ImagesAccepted):
        more = event.changed - min(_NAMED, len(event.first))
        names = [one_line(name, 200) for name in event.first[:_NAMED]] + ([f"{more:,} more"] if more > 0 else [])
        return (
            f"{event.changed:,} of {plural(event.images, 'image')} had changed since the run was made, and were "
            f"accepted: {listed(names)}. What was trained and tested before saw the old ones."
        )
    if isinstance(event, FilesAccepted):
        names = [printable(name) for name in event.files or ()]
        return f"{listed(names)} had been changed by hand since the run was made, which was accepted."
    return None


def data_story(folder: RunFolder) -> tuple[str, ...]:
    """Return what happened to a run's data after it was made, in order."""
    said = (data_sentence(event) for event in run_events(folder).new())
    return tuple(sentence for sentence in said if sentence is not None)

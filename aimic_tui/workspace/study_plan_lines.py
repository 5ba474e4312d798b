"""A study's plan as lines of text, for the Studies place and for `aimic study --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.study.plan import CellPlan
from aimic_tui.engine.study.study_file import Study
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.text_tables import aligned


def plan_lines(study: Study, cells: Sequence[CellPlan]) -> Iterator[str]:
    """Write every data set and protocol with its images and trials, and the time that all of them take at most."""
    rows = [["data set", "protocol", "images", "classes", "trials done", "of", "time left, at most"]]
    for cell in cells:
        rows.append(
            [
                printable(cell.cell.data.name),
                cell.cell.protocol,
                f"{cell.images:,}",
                f"{cell.classes}",
                f"{cell.trials_done}",
                f"{cell.trials}",
                "done" if cell.trials and cell.trials_done == cell.trials else duration(cell.seconds),
            ]
        )
    width = max(cell_len(row[0]) for row in rows)
    yield from aligned([[row[0] + " " * (width - cell_len(row[0])) + "   " + row[1], *row[2:]] for row in rows])
    yield ""
    networks = plural(len(study.networks), "network")
    done, trials = sum(cell.trials_done for cell in cells), sum(cell.trials for cell in cells)
    known = [cell.seconds for cell in cells if cell.seconds is not None]
    sources = ", ".join(sorted({cell.source for cell in cells if cell.source}))
    yield f"{networks}, {done:,} of {plural(trials, 'trial')} done. " + (
        f"The rest takes at most {duration(sum(known))} ({sources}); early stopping may shorten it."
        if len(known) == len(cells)
        else "The time for the rest is unknown: `aimic benchmark` gives a rough estimate, the first run an exact one."
    )
    if outdated := [run for cell in cells for run in cell.outdated]:
        yield outdated_sentence(outdated)


def outdated_sentence(runs: Sequence[str]) -> str:
    """Say which runs no longer count."""
    counts = "no longer counts" if len(runs) == 1 else "no longer count"
    return f"! {plural(len(runs), 'run')} made with other settings {counts}: {printable(', '.join(runs))}."


def plan_problems(cells: Sequence[CellPlan]) -> list[str]:
    """Return a sentence for each reason why a cell can't be run as it stands."""
    return list(dict.fromkeys(f"{cell.cell.title}: {cell.problem}" for cell in cells if cell.problem))

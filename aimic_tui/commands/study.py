"""`aimic study`: networks on several data sets, under one protocol or both, from one file."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.following import Follower
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import AimicError, InputProblem, Interrupted, UsageProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.study.figures import StudyFigures
    from aimic_tui.engine.study.preview import CellPreview
    from aimic_tui.engine.study.study_file import Study
    from aimic_tui.engine.study.study_folder import StudyFolder

_LOOK_EVERY = 0.3  # seconds


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="STUDY.toml")
@click.option("--paper", is_flag=True, help="Print the file of the published evaluation, its paths to be filled in.")
@click.option("--dry-run", is_flag=True, help="Show the plan, with trials and time; start nothing.")
@click.option("--tables", is_flag=True, help="Make the tables of what is finished; start nothing.")
@click.option("--detach", is_flag=True, help="Don't wait: print the study's folder and leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan, or the figures, as one JSON object.")
@click.pass_context
@shows_progress
def study(  # the options of one command
    context: click.Context,
    *,
    file: Path | None,
    paper: bool,
    dry_run: bool,
    tables: bool,
    detach: bool,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Run every network of STUDY.toml on every data set of it, under each protocol, and put the figures side by side.

    Each data set and protocol is an ordinary run of the workspace. The same command goes on where it was; Ctrl-C and
    `aimic stop` stop it. The tables are in the study's folder, as a page, Markdown, CSV and JSON.
    """
    from aimic_tui.engine.study.study_file import paper_study, read_study, require_data

    if paper:
        click.echo(paper_study(), nl=False)
        return
    if file is None:
        raise UsageProblem("Name a study's TOML file. `aimic study --paper > paper.toml` writes the published one.")
    from aimic_tui.engine.study.study_folder import study_folder

    found = read_study(file)
    workspace = Workspace(context.obj)
    folder = study_folder(workspace, found.name)
    if not tables:
        require_data(found)
    if dry_run:
        _show_plan(found, folder, workspace, as_json=as_json)
        return
    problem: AimicError | None = None
    if not tables:
        problem = _carried_out(found, workspace, meter, detach=detach, file=file)
        if detach:
            click.echo(json.dumps(_about(folder)) if as_json else printable(str(folder.path)))
            return
    figures, page = _written(found, folder, workspace, meter)
    if as_json:
        from aimic_tui.engine.study.write_tables import to_json

        print_answer({**_about(folder), "page": str(page), **to_json(figures)}, problem)
    else:
        for line in _lines(figures):
            click.echo(signs.as_shown(line))
        click.echo(printable(str(page)))
    if problem is not None:
        raise problem


def _about(folder: StudyFolder) -> dict[str, Any]:
    return {"study": folder.name, "path": str(folder.path), "state": "running" if folder.alive else "over"}


def _written(
    found: Study, folder: StudyFolder, workspace: Workspace, meter: ProgressMeter
) -> tuple[StudyFigures, Path]:
    from aimic_tui.engine.study.figures import read_figures
    from aimic_tui.engine.study.write_tables import write_study

    if not folder.runs():
        raise InputProblem(f"The study {printable(folder.name)} has no run yet: there is nothing to put into tables.")
    meter.message("making the tables")
    figures = read_figures(found, folder, workspace)
    return figures, write_study(figures, folder, workspace)


def _carried_out(
    found: Study, workspace: Workspace, meter: ProgressMeter, *, detach: bool, file: Path
) -> AimicError | None:
    """Start a study and see it through; return why it is not whole, None where it is.

    Raises:
        Interrupted: the person left.
    """
    from aimic_tui.engine.study.control import start_study
    from aimic_tui.engine.study.study_folder import study_folder

    reader = EventReader(study_folder(workspace, found.name).events_file)
    reader.new()  # what earlier calls told
    folder = start_study(found, workspace)
    if detach:
        return None
    try:
        return _Follow(folder, workspace, reader, meter).to_the_end()
    except Interrupted:
        again = f"`aimic study {printable(str(file))}` goes on with it."
        raise Interrupted(f"The study {printable(folder.name)} stops; what is finished is kept. {again}") from None


class _Follow:
    """Follows a study, run by run; Ctrl-C stops it."""

    def __init__(self, folder: StudyFolder, workspace: Workspace, reader: EventReader, meter: ProgressMeter) -> None:
        self._folder = folder
        self._workspace = workspace
        self._reader = reader
        self._meter = meter
        self._asked = False
        self._problem: AimicError | None = None

    def to_the_end(self) -> AimicError | None:
        before = signal.signal(signal.SIGINT, self._ask)
        try:
            while True:
                alive = self._folder.alive  # asked first, so that no last word is missed
                for event in self._reader.new():
                    self._tell(event)
                if self._asked:
                    self._stop()
                if not alive:
                    return self._problem
                time.sleep(_LOOK_EVERY)
        finally:
            signal.signal(signal.SIGINT, before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def _stop(self) -> None:
        from aimic_tui.engine.study.control import stop_study

        stop_study(self._folder)
        raise Interrupted("stopped")

    def _tell(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        where = f"{event.get('data', '')}, {event.get('protocol', '')}"
        if kind == "looking-at-images":
            self._meter.message(f"{where}: reading images")
        elif kind == "run-started":
            self._meter.message(f"{where}: {event['run']}")
            run = RunFolder(self._workspace.runs_folder / str(event["run"]))
            try:
                Follower(run, self._meter, stop_on_interrupt=True).follow(from_now=True)
            except Interrupted:
                self._stop()
        elif kind == "trouble":
            self._meter.message(f"! {where}: {event['sentence']}")
        elif kind == "study-failed":
            self._problem = AimicError(f"Not every run finished: {printable(str(event['sentence']))}")
        elif kind == "study-stopped":
            self._problem = Interrupted("The study was stopped; the same command goes on with it.")


def _show_plan(found: Study, folder: StudyFolder, workspace: Workspace, *, as_json: bool) -> None:
    from aimic_tui.engine.study.preview import preview
    from aimic_tui.workspace.study_plan import plan_lines, plan_troubles

    cells = preview(found, folder, workspace)
    troubles = plan_troubles(cells)
    problem = InputProblem("\n".join(troubles)) if troubles else None
    if as_json:
        print_answer({"study": found.name, "cells": [_plan_record(cell) for cell in cells]}, problem)
    else:
        for line in plan_lines(found, cells):
            click.echo(signs.as_shown(line))
    if problem is not None:
        raise problem


def _plan_record(cell: CellPreview) -> dict[str, Any]:
    values = asdict(cell)
    del values["cell"]
    return {"data_set": cell.cell.data.name, "protocol": cell.cell.protocol, **values}


def _lines(figures: StudyFigures) -> Iterator[str]:
    """Write F1 by network, data set and protocol, the gap between the protocols, in per cent, and the ranks."""
    from aimic_tui.engine.study.document import best_of
    from aimic_tui.engine.study.words import INCOMPLETE, gap_words, percent, ranking_words
    from aimic_tui.wording.printed import number

    study = figures.study
    for protocol in study.protocols:
        rows = [[f"F1, %, {protocol}", *(printable(data.name) for data in study.data_sets), "mean"]]
        for name in study.networks:
            cells = [figures.figure(data.name, protocol, name, "macro_f1") for data in study.data_sets]
            rows.append([printable(name), *map(percent, cells), percent(figures.average(protocol, name, "macro_f1"))])
        yield from aligned(rows)
        if words := best_of(figures, protocol):
            yield printable(words)
        yield ""
    if figures.gaps:
        rows = [["gap, aimic-2022 - honest", *(printable(data.name) for data in study.data_sets)]]
        for name in study.networks:
            gaps = [figures.gaps.get((data.name, name)) for data in study.data_sets]
            rows.append([printable(name), *(percent(None if gap is None else gap["macro_f1"]) for gap in gaps)])
        yield from aligned(rows)
        yield gap_words([gap["macro_f1"] for gap in figures.gaps.values()])
        yield ""
    for protocol, ranking in figures.rankings.items():
        if isinstance(ranking, str):
            yield f"No ranks, {protocol}: {ranking}"
        else:
            rows = [[f"rank by F1, {protocol}", "average", *map(printable, ranking.data_sets)]]
            for place in ranking.by_rank:
                ranks = [f"{row[place]:g}" for row in ranking.ranks]
                rows.append([printable(ranking.networks[place]), number(ranking.average_ranks[place], 2), *ranks])
            yield from aligned(rows)
            yield ranking_words(ranking)
        yield ""
    if not figures.complete:
        yield INCOMPLETE
    for sentence in figures.problems:
        yield f"! {printable(sentence)}"

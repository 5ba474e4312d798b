"""`aimic study`: networks on several data sets, under one protocol or both, from one file."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.following import Follower
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import AimicError, InputProblem, Interrupted, UsageProblem
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.proposed_command import proposed_command
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.engine.waiting import pause
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.study.study_events import StudyEvent, StudyEventReader
    from aimic_tui.engine.study.study_file import Study
    from aimic_tui.engine.study.study_folder import StudyFolder
    from aimic_tui.engine.study.study_results import StudyRanking, StudyResults

_POLL_INTERVAL = 0.3  # seconds


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path), metavar="STUDY.toml")
@click.option("--paper", is_flag=True, help="Print the published evaluation as a study file; fill in its paths.")
@click.option("--dry-run", is_flag=True, help="Show the plan, with trials and time; start nothing.")
@click.option("--tables", is_flag=True, help="Make the tables of finished work; start nothing.")
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
    """Run every network of STUDY.toml on each of its data sets, under each protocol, and compare the figures.

    Each data set and protocol is an ordinary run of the workspace. Ctrl-C and `aimic stop` stop the study; the same
    command resumes it. The tables are in the study's folder, as a page, Markdown, CSV and JSON.
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
        problem = _carry_out(found, workspace, meter, detach=detach, file=file)
        if detach:
            click.echo(json.dumps(_about(folder)) if as_json else printable(str(folder.path)))
            return
    results, page = _make_tables(found, folder, workspace, meter)
    if as_json:
        from aimic_tui.engine.study.study_results_file import study_results_to_json

        answer = {**_about(folder), "page": page and str(page), **study_results_to_json(results)}
        print_answer(answer, problem)
    else:
        for line in _lines(results):
            click.echo(signs.as_shown(line))
        if page is not None:
            click.echo(printable(str(page)))
    if problem is not None:
        raise problem


def _about(folder: StudyFolder) -> dict[str, Any]:
    return {"study": folder.name, "path": str(folder.path), "state": "running" if folder.alive else "over"}


def _make_tables(
    found: Study, folder: StudyFolder, workspace: Workspace, meter: ProgressMeter
) -> tuple[StudyResults, Path | None]:
    """Write a study's tables; return its figures and its page, None where its folder can't be written."""
    from aimic_tui.engine.study.build_study_results import build_study_results
    from aimic_tui.engine.study.figures import read_figures
    from aimic_tui.engine.study.write_tables import write_study

    if not folder.runs():
        raise InputProblem(f"The study {printable(folder.name)} has no run yet, so there are no figures for tables.")
    if unwritable := folder_problem(folder.path, locks=False):
        meter.message(f"! {printable(unwritable)} The figures are printed; no tables are written.")
        return build_study_results(read_figures(found, folder, workspace)), None
    meter.message("making the tables")
    return write_study(read_figures(found, folder, workspace), folder, workspace), folder.page


def _carry_out(
    found: Study, workspace: Workspace, meter: ProgressMeter, *, detach: bool, file: Path
) -> AimicError | None:
    """Start a study and follow it to its end; return why it is not complete, None where it is.

    Raises:
        Interrupted: the person left.
    """
    from aimic_tui.engine.study.control import start_study
    from aimic_tui.engine.study.study_events import StudyEventReader
    from aimic_tui.engine.study.study_folder import study_folder

    reader = StudyEventReader(study_folder(workspace, found.name).events_file)
    reader.new()  # what was reported before
    folder = start_study(found, workspace)
    if detach:
        return None
    try:
        return _StudyFollower(folder, workspace, reader, meter).follow()
    except Interrupted:
        again = f"{proposed_command('study', file, workspace=workspace.root)} resumes it."
        raise Interrupted(f"The study {printable(folder.name)} stops; finished work is kept. {again}") from None


class _StudyFollower:
    """Follows a study, run by run; Ctrl-C stops it."""

    def __init__(
        self, folder: StudyFolder, workspace: Workspace, reader: StudyEventReader, meter: ProgressMeter
    ) -> None:
        self._folder = folder
        self._workspace = workspace
        self._reader = reader
        self._meter = meter
        self._interrupted = False
        self._problem: AimicError | None = None

    def follow(self) -> AimicError | None:
        """Follow it to its end; return why it is not complete, None where it is."""
        before = signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            while True:
                alive = self._folder.alive  # read first, so that no last event is missed
                for event in self._reader.new():
                    self._show(event)
                if self._interrupted:
                    self._stop()
                if not alive:
                    return self._problem
                pause(_POLL_INTERVAL)
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True

    def _stop(self) -> None:
        from aimic_tui.engine.study.control import stop_study

        stop_study(self._folder)
        raise Interrupted("stopped")

    def _show(self, event: StudyEvent) -> None:
        cell = f"{event.data}, {event.protocol}"
        if event.kind == "looking-at-images":
            self._meter.message(f"{cell}: checking the images")
        elif event.kind == "run-started":
            self._meter.message(f"{cell}: {event.run}")
            run = RunFolder(self._workspace.runs_folder / event.run)
            try:
                Follower(run, self._meter, stop_on_interrupt=True).follow(from_now=True)
            except Interrupted:
                self._stop()
        elif event.kind == "trouble":
            self._meter.message(f"! {cell}: {event.sentence}")
        elif event.kind == "study-failed":
            self._problem = AimicError(f"Not every run finished: {printable(event.sentence)}")
        elif event.kind == "study-stopped":
            self._problem = Interrupted("The study was stopped; the same command resumes it.")


def _show_plan(found: Study, folder: StudyFolder, workspace: Workspace, *, as_json: bool) -> None:
    from aimic_tui.engine.study.plan import plan_study, plan_to_json
    from aimic_tui.workspace.study_plan_lines import plan_lines, plan_problems

    cells = plan_study(found, folder, workspace)
    problems = plan_problems(cells)
    problem = InputProblem("\n".join(problems)) if problems else None
    if as_json:
        print_answer(plan_to_json(found, cells), problem)
    else:
        for line in plan_lines(found, cells):
            click.echo(signs.as_shown(line))
    if problem is not None:
        raise problem


def _lines(results: StudyResults) -> Iterator[str]:
    """Write F1 by network, data set and protocol, the gap between the protocols, in per cent, and the ranks."""
    for protocol in results.protocols:
        yield from aligned(_f1_rows(results, protocol))
        if sentence := results.sentences.best[protocol]:
            yield printable(sentence)
        yield ""
    if results.gaps:
        yield from aligned(_gap_rows(results))
        yield results.sentences.gap
        yield ""
    for protocol, sentence in results.sentences.ranking.items():
        ranking = results.rankings[protocol]
        if ranking is None:
            yield f"No ranks, {protocol}: {printable(sentence)}"
        else:
            yield from aligned(_rank_rows(ranking, protocol))
            yield sentence
        yield ""
    if results.sentences.state:
        yield results.sentences.state
    for problem in results.problems:
        yield f"! {printable(problem)}"


def _f1_rows(results: StudyResults, protocol: str) -> Iterator[list[str]]:
    from aimic_tui.engine.study.sentences import percent

    yield [f"F1, %, {protocol}", *map(printable, results.data_sets), "mean"]
    cells, means = results.cells_of(protocol), results.averages[protocol]
    for name in results.networks:
        found = [cell.networks.get(name) for cell in cells]
        figures = [None if one is None else one.figures["macro_f1"].interval for one in found]
        mean = means[name].get("macro_f1")
        yield [printable(name), *map(percent, figures), percent(None if mean is None else mean.interval)]


def _gap_rows(results: StudyResults) -> Iterator[list[str]]:
    from aimic_tui.engine.study.sentences import percent

    yield ["gap, aimic-2022 - honest", *map(printable, results.data_sets)]
    gaps = {(gap.data, gap.network): gap.figures["macro_f1"] for gap in results.gaps}
    for name in results.networks:
        yield [printable(name), *(percent(gaps.get((data, name))) for data in results.data_sets)]


def _rank_rows(ranking: StudyRanking, protocol: str) -> Iterator[list[str]]:
    yield [f"rank by F1, {protocol}", "average", *map(printable, ranking.data_sets)]
    for name, average in sorted(ranking.average_ranks.items(), key=lambda item: item[1]):
        yield [printable(name), number(average, 2), *(f"{rank:g}" for rank in ranking.ranks[name])]

"""A study's tables as files in its folder: a page, Markdown with its figures, CSV, JSON."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.files import write_atomically, write_table
from aimic_tui.engine.inference.timings import read_timings
from aimic_tui.engine.report.write_html import to_html
from aimic_tui.engine.report.write_markdown import to_markdown
from aimic_tui.engine.study.build_study_results import build_study_results
from aimic_tui.engine.study.figures import StudyFigures
from aimic_tui.engine.study.study_document import make_study_document
from aimic_tui.engine.study.study_folder import StudyFolder
from aimic_tui.engine.study.study_results import StudyResults
from aimic_tui.engine.study.study_results_file import write_study_results
from aimic_tui.engine.workspace_folder import Workspace

_FIGURE_COLUMNS = (
    *("data_set", "protocol", "network", "figure", "value", "low", "high", "fold_mean"),
    *("published", "difference", "difference_low", "difference_high", "images", "groups", "complete", "run"),
)
_GAP_COLUMNS = ("data_set", "network", "figure", "gap", "low", "high")


def write_study(figures: StudyFigures, folder: StudyFolder, workspace: Workspace) -> StudyResults:
    """Write study.html, study.md with study-figures/, figures.csv, gaps.csv and results.json; return the results.

    Raises:
        OSError: the disk is full or not writable.
    """
    document = make_study_document(figures, read_timings(workspace.root))
    results = build_study_results(figures)
    folder.path.mkdir(parents=True, exist_ok=True)
    drawings = folder.path / "study-figures"
    text, files = to_markdown(document, drawings.name)
    drawings.mkdir(exist_ok=True)
    for name, content in files.items():
        write_atomically(drawings / name, content)
    write_atomically(folder.path / "study.md", text.encode("utf-8", "replace"))
    write_table(folder.path / "figures.csv", _FIGURE_COLUMNS, _figure_rows(results))
    write_table(folder.path / "gaps.csv", _GAP_COLUMNS, _gap_rows(results))
    write_study_results(folder.results_file, results)
    write_atomically(folder.page, to_html(document).encode("utf-8", "replace"))
    return results


def _figure_rows(results: StudyResults) -> Iterator[list[object]]:
    """Shares from 0 to 1; the published ones, too."""
    for cell in results.cells:
        for name, network in cell.networks.items():
            for metric, figure in network.figures.items():
                interval, difference = figure.interval, figure.difference or Interval(None)
                yield [
                    *(cell.data, cell.protocol, name, metric, interval.value, interval.low, interval.high),
                    *(network.fold_means[metric], figure.published),
                    *(difference.value, difference.low, difference.high),
                    *(network.images, network.groups, "yes" if network.complete else "no", network.run),
                ]


def _gap_rows(results: StudyResults) -> Iterator[list[object]]:
    for gap in results.gaps:
        for metric, figure in gap.figures.items():
            yield [gap.data, gap.network, metric, figure.value, figure.low, figure.high]

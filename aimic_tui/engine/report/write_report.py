"""A run's report as a file: report.html in the run's folder, and other files on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.run_subgroups import check_subgroups
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.report.run_document import make_run_document
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.report.write_html import to_html
from aimic_tui.engine.report.write_markdown import to_markdown
from aimic_tui.engine.report.write_report_folder import write_report_folder
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable

_MARKDOWN = (".md", ".markdown")
_PAGE = (".html", ".htm")


def write_report(
    folder: RunFolder,
    output: Path | None = None,
    parts: Path | None = None,
    report: ReportProgress = no_report,
    *,
    prevalences: Sequence[tuple[str, float]] = (),
    by: Sequence[str] = (),
    table: Path | None = None,
    own: bool = True,
) -> list[Path]:
    """Write a run's report.

    Args:
        parts: a folder for its tables, drawings and model card, see `write_report_folder`.
        output: an .html or .md file besides the run's own report.html; Markdown gets a folder with its figures.
        prevalences: (class, prevalence) to give predictive values at.
        by: columns whose subgroups it compares; none leaves it to the experiment (`evaluation.subgroups`).
        table: the file with these columns; None takes the run's manifest.
        own: whether the run's own report.html is written, too; not where the run's folder can't be.

    Returns:
        The files written, the one that was asked for last.

    Raises:
        UsageProblem: the output is neither HTML nor Markdown, the run has no class of that name, or a table is named
            without a column.
        InputProblem: nothing of the run is tested yet, a file of it is damaged, a folder to write into is missing, or a
            column makes no subgroups.
        OSError: a disk is full or not writable.
    """
    if output is not None:
        if output.suffix.lower() not in (*_PAGE, *_MARKDOWN):
            raise UsageProblem(f"{printable(output.name)} must end in .html or .md.")
        if not output.parent.is_dir():
            raise InputProblem(f"There is no folder {printable(str(output.parent))} to write the report into.")
    record = replace(read_record(folder, prevalences), by=tuple(by), table=table)
    if table is not None and not record.subgroup_columns:
        raise UsageProblem("--table goes with --by COLUMN: it says where the column is.")
    if by:
        check_subgroups(record.tested, by, table)
    document = make_run_document(record, report)
    page = to_html(document).encode("utf-8", "replace")
    written: list[Path] = []
    if own:
        write_atomically(folder.report_file, page)
        written.append(folder.report_file)
    if parts is not None:
        written += write_report_folder(record, document, parts)
    if output is None or output.absolute() == folder.report_file.absolute():
        return written
    if output.suffix.lower() in _PAGE:
        write_atomically(output, page)
        return [*written, output]
    figures = output.with_name(f"{output.stem}-figures")
    text, files = to_markdown(document, figures.name)
    figures.mkdir(exist_ok=True)
    for name, content in files.items():
        write_atomically(figures / name, content)
    write_atomically(output, text.encode("utf-8", "replace"))
    return [*written, *(figures / name for name in files), output]

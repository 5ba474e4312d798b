"""A run's report taken apart: tables, drawings, a model card, the page, its Markdown, a script that makes it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_atomically, write_table
from aimic_tui.engine.report.chart import Chart
from aimic_tui.engine.report.document import Document, Drawing, Facts, Table
from aimic_tui.engine.report.model_card import model_card
from aimic_tui.engine.report.reproduction import FOLDER as REPRODUCE
from aimic_tui.engine.report.reproduction import reproduction_files
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.report.write_html import to_html
from aimic_tui.engine.report.write_markdown import to_markdown
from aimic_tui.engine.text import printable

MODEL_CARD = "MODEL_CARD.md"
_LONGEST = 60  # characters of a file's name


def write_report_folder(record: RunRecord, document: Document, folder: Path) -> list[Path]:
    """Write a report's parts into a folder, which is made where it does not exist; other files in it stay.

    `report.html` and `report.md`, `MODEL_CARD.md`, `tables/` with a CSV for each table, `figures/` with an SVG and a
    PDF for each drawing, numbered in their order in the report, and `reproduce.sh` with what it reads in `reproduce/`.

    Returns:
        The files, the folder's report.html last.

    Raises:
        InputProblem: the folder's own folder does not exist, or it is a file.
        OSError: a disk is full or not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise InputProblem(f"{printable(str(folder))} is a file. Name a folder for the report's parts.")
    if not folder.absolute().parent.is_dir():
        raise InputProblem(f"There is no folder {printable(str(folder.parent))} to make the report's folder in.")
    tables, figures = folder / "tables", folder / "figures"
    for place in (folder, tables, figures, folder / REPRODUCE):
        place.mkdir(exist_ok=True)
    written = []
    for name, table in _tables(document):
        path = tables / f"{name}.csv"
        write_table(
            path, [printable(title) or "-" for title in table.header], [list(map(printable, row)) for row in table.rows]
        )
        written.append(path)
    for name, chart in _charts(document):
        for path, content in ((figures / f"{name}.svg", chart.svg.encode()), (figures / f"{name}.pdf", chart.pdf())):
            write_atomically(path, content)
            written.append(path)
    text, files = to_markdown(document, "report-figures")
    (folder / "report-figures").mkdir(exist_ok=True)
    pages = {f"report-figures/{name}": content for name, content in files.items()}
    pages["report.md"] = text.encode("utf-8", "replace")
    pages[MODEL_CARD] = model_card(record).encode("utf-8", "replace")
    pages |= reproduction_files(record)
    pages["report.html"] = to_html(document).encode("utf-8", "replace")
    for relative, content in pages.items():
        write_atomically(folder / relative, content)
        written.append(folder / relative)
    return written


def _tables(document: Document) -> Iterator[tuple[str, Table]]:
    number = 0
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Facts):
                block = Table("", ["setting", "value"], [list(row) for row in block.rows])  # noqa: PLW2901
            if isinstance(block, Table):
                number += 1
                yield _file_name(number, section.title, block.caption), block


def _charts(document: Document) -> Iterator[tuple[str, Chart]]:
    number = 0
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Drawing):
                number += 1
                yield _file_name(number, section.title, block.name), block.chart


def _file_name(number: int, title: str, what: str) -> str:
    """A name that any file system takes: `07-resnet50-roc`."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{title} {' '.join(what.split()[:4])}".lower()).strip("-")
    return f"{number:02d}-{words[:_LONGEST].rstrip('-')}"

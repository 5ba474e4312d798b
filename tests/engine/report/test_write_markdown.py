"""Markdown shows names as they are, its files beside it."""

from __future__ import annotations

import re
from pathlib import Path

from aimic_tui.engine.report.document import Document, Facts, Paragraph, Picture, Pictures, Section, Table
from aimic_tui.engine.report.write_markdown import escaped, to_markdown
from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder


def test_markdown_has_its_figures_beside_it(run: RunFolder, evil: RunFolder, tmp_path: Path) -> None:
    output = tmp_path / "my report.md"
    written = write_report(run, output)
    assert written[-1] == output
    text = output.read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        assert (tmp_path / link.replace("%20", " ")).is_file()
    assert "## CLAIM 2024" in text
    write_report(evil, output)
    text = output.read_text("utf-8")
    assert "\\<img src=x onerror=alert(1)\\>" in text
    assert "\\|pipe\\|" in text
    tables = [line for line in text.splitlines() if line.startswith("| a")]
    assert tables


def test_signs_of_markdown_in_a_text_are_only_signs() -> None:
    assert escaped("a*b_c|d<e>#f") == "a\\*b\\_c\\|d\\<e\\>\\#f"
    assert escaped("\x1b[31m") == "\\\\x1b\\[31m"


def test_tables_have_as_many_cells_in_every_row() -> None:
    blocks = [
        Table("Of |this|", ["a|b", "c"], [["1", "x|y"]]),
        Facts([("term", "value")]),
        Paragraph("Mind.", strong=True),
    ]
    text, files = to_markdown(Document("Title", ["lead"], [Section("One", blocks, 3)]), "figures")
    assert files == {}
    assert text.startswith("# Title\n\nlead\n")
    assert "### One" in text
    assert "**Mind.**" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_images_become_files_and_missing_ones_words() -> None:
    pictures = Pictures("Two", [Picture(b"jpeg", ["here"]), Picture(None, ["gone"])])
    text, files = to_markdown(Document("T", [], [Section("S", [pictures])]), "my figures")
    assert files == {"01-image.jpg": b"jpeg"}
    assert "![](my%20figures/01-image.jpg)" in text
    assert "| no longer where it was | gone |" in text

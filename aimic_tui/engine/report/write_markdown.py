"""A report as Markdown, its drawings and images as files in a folder beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from aimic_tui.engine.report.document import Block, Bullets, Code, Document, Drawing, Facts, Paragraph, Pictures, Table
from aimic_tui.engine.run_folder import slug
from aimic_tui.engine.text import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def to_markdown(document: Document, folder: str) -> tuple[str, dict[str, bytes]]:
    """Write a document as Markdown.

    Args:
        folder: the name of the folder beside it that takes the files.

    Returns:
        The text, and the files' contents by their names in the folder.
    """
    files: dict[str, bytes] = {}
    lines = [f"# {escaped(document.title)}", *(f"\n{escaped(line)}" for line in document.lead)]
    for section in document.sections:
        lines += ["", f"{'#' * section.level} {escaped(section.title)}"]
        for block in section.blocks:
            lines += ["", *_block(block, quote(folder), files)]
    return "\n".join(lines) + "\n", files


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def _block(block: Block, folder: str, files: dict[str, bytes]) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"**{escaped(block.text)}**" if block.strong else escaped(block.text)
    elif isinstance(block, Bullets):
        yield from (f"- {escaped(item)}" for item in block.items)
    elif isinstance(block, Facts):
        yield from _rows(["", ""], [list(row) for row in block.rows])
    elif isinstance(block, Code):
        yield from (f"    {printable(line)}" for line in block.text.splitlines())
    elif isinstance(block, Table):
        yield from (f"*{escaped(block.caption)}*", "")
        yield from _rows(list(block.header), [list(row) for row in block.rows])
    elif isinstance(block, Drawing):
        name = f"{len(files) + 1:02d}-{slug(block.name, 'figure')}.svg"
        files[name] = block.chart.svg.encode()
        yield from (f"![{escaped(block.caption)}]({folder}/{name})", "", f"*{escaped(block.caption)}*")
    else:
        yield from _pictures(block, folder, files)


def _pictures(block: Pictures, folder: str, files: dict[str, bytes]) -> Iterator[str]:
    yield from (f"*{escaped(block.caption)}*", "")
    rows = []
    for item in block.items:
        shown = "no longer where it was"
        if item.jpeg is not None:
            name = f"{len(files) + 1:02d}-image.jpg"
            files[name] = item.jpeg
            shown = f"![]({folder}/{name})"
        rows.append(f"| {shown} | {'; '.join(escaped(line) for line in item.lines)} |")
    yield from ("| image | |", "| --- | --- |", *rows)


def _rows(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(escaped, header))} |"
    yield f"|{' --- |' * len(header)}"
    yield from (f"| {' | '.join(map(escaped, row))} |" for row in rows)

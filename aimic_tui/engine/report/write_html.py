"""A report as one HTML page that asks nothing of any network: styles, drawings and images are inside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from aimic_tui.engine.report.chart import themed
from aimic_tui.engine.report.document import (
    Block,
    Bullets,
    Code,
    Document,
    Drawing,
    Facts,
    Paragraph,
    Picture,
    Pictures,
    Section,
    Table,
)
from aimic_tui.engine.text import printable

_WIDE = 6  # columns; in a table of more, limits may stand below their figure
_LIMITS = re.compile(r" (\([^)]*\))$")
_UNBROKEN = r' <span class="limits">\1</span>'
# The page may load nothing, run nothing and send nothing, whatever a name in it holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def to_html(document: Document) -> str:
    """Write a document as a page."""
    style = Path(__file__).with_name("report.css").read_text("utf-8")
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{_text(document.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<header>",
            f"<h1>{_text(document.title)}</h1>",
            *(f"<p>{_text(line)}</p>" for line in document.lead),
            "</header>",
            *_contents(document),
            "<main>",
            *(line for number, section in enumerate(document.sections) for line in _section(number, section)),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _contents(document: Document) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    for number, section in enumerate(document.sections):
        if section.level == 2:
            yield f'<li><a href="#s{number}">{_text(section.title)}</a></li>'
    yield "</ul></nav>"


def _section(number: int, section: Section) -> Iterator[str]:
    yield f'<section>\n<h{section.level} id="s{number}">{_text(section.title)}</h{section.level}>'
    places = list(section.blocks)
    while places:
        block = places.pop(0)
        if isinstance(block, Drawing) and places and isinstance(places[0], Drawing) and _narrow(block, places[0]):
            yield '<div class="pair">'
            yield from _block(block)
            yield from _block(places.pop(0))
            yield "</div>"
        else:
            yield from _block(block)
    yield "</section>"


def _narrow(*drawings: Drawing) -> bool:
    return all(drawing.narrow for drawing in drawings)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"<p{' class=strong' if block.strong else ''}>{_text(block.text)}</p>"
    elif isinstance(block, Bullets):
        yield f"<ul>{''.join(f'<li>{_text(item)}</li>' for item in block.items)}</ul>"
    elif isinstance(block, Facts):
        rows = (f'<tr><th scope="row">{_text(term)}</th><td>{_text(value)}</td></tr>' for term, value in block.rows)
        yield f'<div class="wide"><table class="facts">{"".join(rows)}</table></div>'
    elif isinstance(block, Code):
        yield f"<pre>{chr(10).join(map(_text, block.text.splitlines()))}</pre>"
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Drawing):
        label = escape(printable(block.caption), quote=True)
        svg = themed(block.chart.svg).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        yield f"<figure>{svg}<figcaption>{_text(block.caption)}</figcaption></figure>"
    else:
        yield from _pictures(block)


def _table(table: Table) -> Iterator[str]:
    # Not a <caption>: it would be as narrow as the table.
    wide = len(table.header) > _WIDE and table.numeric
    kind = ' class="figures tight"' if wide else " class=figures" if table.numeric else ""
    yield f'<p class="caption" aria-hidden="true">{_text(table.caption)}</p><div class="wide">'
    yield f'<table{kind} aria-label="{escape(printable(table.caption), quote=True)}"><thead><tr>'
    yield "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.header)
    yield "</tr></thead><tbody>"
    for number, row in enumerate(table.rows):
        cells = [f'<th scope="row">{_text(row[0])}</th>']
        for place, cell in enumerate(row[1:]):
            shade = f' style="--shade:{100 * table.shades[number][place]:.0f}%"' if table.shades else ""
            cells.append(f"<td{shade}>{_LIMITS.sub(_UNBROKEN, _text(cell)) if wide else _text(cell)}</td>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _pictures(block: Pictures) -> Iterator[str]:
    yield f'<p class="caption">{_text(block.caption)}</p><div class="pictures">'
    for item in block.items:
        lines = "<br>".join(_text(line) for line in item.lines)
        yield f"<figure>{_image(item)}<figcaption>{lines}</figcaption></figure>"
    yield "</div>"


def _image(item: Picture) -> str:
    if item.jpeg is None:
        return '<div class="missing">the image is no longer where it was</div>'
    alt = escape(printable("; ".join(item.lines)), quote=True)
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{base64.b64encode(item.jpeg).decode()}">'

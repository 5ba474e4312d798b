"""The page is complete in itself, and names from outside are text in it."""

from __future__ import annotations

import re

from aimic_tui.engine.report.document import Bullets, Document, Facts, Paragraph, Picture, Pictures, Section, Table
from aimic_tui.engine.report.write_html import to_html
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.report.report_page import Page, report_of


def test_the_page_refers_to_nothing_outside_itself(run: RunFolder, evil: RunFolder) -> None:
    for folder in (run, evil):
        text, page = report_of(folder)
        for tag, attributes in page.elements:
            assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio"}, tag
            for name, value in attributes.items():
                assert not name.startswith("on"), name
                if name in {"src", "href", "xlink:href", "srcset", "action", "data", "poster"}:
                    assert value is not None
                    assert value.startswith(("#", "data:image/jpeg;base64,")), value
        assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)'\"]+)", text))
        assert "@import" not in text
        without_names = re.sub(r'xmlns(:xlink)?="[^"]*"', "", text)
        assert "http:" not in without_names
        assert "https:" not in without_names
        assert "default-src 'none'" in text


def test_inside_the_page_every_reference_finds_its_one_target(run: RunFolder) -> None:
    text, page = report_of(run)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    targets = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert targets <= set(names)


def test_drawings_are_described_and_take_the_pages_colours(run: RunFolder) -> None:
    _, page = report_of(run)
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawings)
    styles = " ".join(attributes.get("style") or "" for _, attributes in page.elements)
    assert "currentColor" in styles
    assert "var(--series-0)" in styles
    assert "#222222" not in styles


def test_names_from_outside_are_text_and_nothing_else(evil: RunFolder) -> None:
    text, page = report_of(evil)
    assert "\x1b" not in text
    assert "<b>bold" not in text
    assert not any(tag == "img" and attributes.get("src") == "x" for tag, attributes in page.elements)
    for wanted in ("<img src=x onerror=alert(1)>", "a$b_1$ & |pipe|", 'c\\x1b[31m"quoted"', "Report: <b>bold</b>"):
        assert wanted in page.text


def test_tables_of_many_columns_let_limits_stand_below(run: RunFolder) -> None:
    text, page = report_of(run)
    assert '<span class="limits">(' in text
    assert any(attributes.get("class") == "figures tight" for _, attributes in page.elements)


def test_every_kind_of_block_is_escaped_where_it_stands() -> None:
    blocks = [
        Paragraph("<p> & co", strong=True),
        Bullets(["<li>"]),
        Facts([("<term>", "<value>")]),
        Table("<caption>", ["<head>", "x"], [["<row>", "1 (0 to 2)"]]),
        Pictures("<pictures>", [Picture(None, ["<line>"])]),
    ]
    page = Page(to_html(Document("<title>", ["<lead>"], [Section("<section>", blocks)])))
    for name in ("title", "lead", "section", "p", "li", "term", "value", "caption", "head", "row", "pictures", "line"):
        assert f"<{name}>" in page.text, name
    assert "1 (0 to 2)" in page.text
    assert not {"lead", "term", "value", "row", "pictures", "line"} & {tag for tag, _ in page.elements}

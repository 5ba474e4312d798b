"""What a browser would find in a report's page."""

from __future__ import annotations

from html.parser import HTMLParser

from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder

_VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, text, and whether tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def drawings_of(page: Page) -> list[str]:
    return [attributes["aria-label"] or "" for tag, attributes in page.elements if tag == "svg"]


def report_of(folder: RunFolder) -> tuple[str, Page]:
    write_report(folder)
    text = folder.report_file.read_text("utf-8")
    return text, Page(text)

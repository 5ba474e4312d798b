"""What documents and settings say about the code is there: files, functions and tests that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/design.md",
    "docs/decisions.md",
    "docs/files-from-others.md",
    "docs/glossary.md",
    "README.md",
)
# `evaluation/metrics.py: scores`, `tests/engine/test_files.py::test_a_lock_falls`, `screens/results/screen.py`
REFERENCE = re.compile(r"`(?P<path>[\w./-]+\.(?:py|toml|md|txt|xz|sh))(?:(?:::|: )(?P<name>\w+))?`")
FOLDERS = ("", "aimic_tui", "aimic_tui/engine")
MADE_BY_THE_PROGRAM = {"experiment.toml", "study.toml", "log.txt", "settings.toml"}


def references(document: str) -> Iterator[tuple[str, str | None, list[Path]]]:
    """Yield every file that a document names, the name in it, and the folders named before it in the same paragraph."""
    for paragraph in re.split(r"\n\s*\n|\n(?=[|\d-])", (ROOT / document).read_text("utf-8")):
        before: list[Path] = []
        for match in REFERENCE.finditer(paragraph):
            path = match["path"]
            if path not in MADE_BY_THE_PROGRAM:
                yield path, match["name"], before
                before = [Path(path).parent, *before] if "/" in path else before


def found(path: str, before: list[Path]) -> Path | None:
    """Return the file that is meant; one without a folder is in that of a file named before it."""
    named = [path] if "/" in path else [path, *(folder / path for folder in before)]
    candidates = (ROOT / folder / name for name in named for folder in FOLDERS)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_name_in_a_document_exists(document: str) -> None:
    missing = []
    for path, name, before in references(document):
        file = found(path, before)
        if file is None:
            missing.append(path)
        elif name and not re.search(rf"^\s*(?:(?:async )?def|class) {name}\b|^{name}\b", file.read_text("utf-8"), re.M):
            missing.append(f"{path}: {name}")
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    assert [link for link in links if not (ROOT / document).parent.joinpath(link).exists()] == []


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Promises")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 40
    assert [row for row in rows if "`tests/" not in row] == []


def test_modules_cite_only_documents_that_are_here() -> None:
    cited = {
        (name, str(file.relative_to(ROOT)))
        for folder in ("aimic_tui", "tests", "tools", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\b(?:docs/\w+|[A-Z]{4,})\.md\b", file.read_text("utf-8"))
    }
    assert cited
    assert {(name, file) for name, file in cited if not (ROOT / name).is_file()} == set()


def test_the_files_that_begin_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []

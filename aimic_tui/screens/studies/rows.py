"""A study on one line, and the lines above an open one."""

from __future__ import annotations

from textual.content import Content

from aimic_tui.engine.formatting.times import ago, duration
from aimic_tui.engine.study.study_file import Study
from aimic_tui.engine.text import NOTHING, one_line, plural, printable
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording.paths import short_path
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.studies_overview import StudyRow

STYLES = {"running": "$primary", "stopping": "$primary", "failed": "$error", "interrupted": "$warning"}
_COUNT = 9  # "131/400"
_WHEN = 36  # "interrupted yesterday 17:40 · r resumes"


def _name_width(width: int) -> int:
    return max(12, min(28, width // 4))


def _size_width(width: int) -> int:
    return 24 if width >= 100 else 12


def study_heading(width: int) -> Content:
    """Write the headings above the studies."""
    left = "Studies".ljust(2 + _name_width(width) + 2)
    rest = f"{'size'.ljust(_size_width(width) + 2)}{'trials done'.ljust(_bar_width(width) + _COUNT + 4)}"
    return Content.assemble((left, "bold"), (f"{rest}progress", "$text-muted"))


def _bar_width(width: int) -> int:
    return max(
        4, min(24, width - 2 - _name_width(width) - _size_width(width) - _COUNT - (_WHEN if width >= 100 else 26) - 8)
    )


def study_line(row: StudyRow, width: int) -> Content:
    """Write one study."""
    name, size = _name_width(width), _size_width(width)
    style = STYLES.get(row.state, "")
    begin = Content.assemble(
        (f"{SIGNS[row.state]} ", style),
        Content(printable(row.folder.name)).truncate(name, ellipsis=True, pad=True),
        "  ",
    )
    if row.study is None:
        return Content.assemble(begin, (one_line(row.problem), "$error")).truncate(width, ellipsis=True)
    bar = _bar_width(width)
    return Content.assemble(
        begin,
        Content.styled(_size_text(row.study, width), "$text-muted").truncate(size, ellipsis=True, pad=True),
        "  ",
        progress_bar(row.fraction, bar, "$primary" if row.alive else "$secondary"),
        "  ",
        count_text(row).ljust(_COUNT),
        "  ",
        (when_text(row), style),
    ).truncate(width, ellipsis=True)


def _size_text(study: Study, width: int) -> str:
    networks = plural(len(study.networks), "network") if width >= 100 else str(len(study.networks))
    return f"{networks} × {plural(len(study.cells), 'cell')}"


def count_text(row: StudyRow) -> str:
    """Write how many trials are done, and of how many."""
    return f"{row.done}/{NOTHING if row.trials is None else row.trials}"


def when_text(row: StudyRow) -> str:
    """Say how a study is doing: how long its current run still takes, or when it ended and what to do."""
    if row.state == "stopping":
        return "stopping"
    if row.alive:
        current = row.current
        if current is None:
            return "just started"
        if current.checking:
            return f"checking {printable(current.data)}"
        return "just started" if current.seconds_left is None else f"{duration(current.seconds_left)} left in this run"
    if row.state == "queued":
        return "not started · r starts it"
    helps = "" if row.state == "finished" else " · r resumes"
    return f"{'finished' if row.state == 'finished' else row.state} {ago(row.when)}{helps}"


def head(row: StudyRow, width: int, left: float | None) -> Content:
    """Write what stands above an open study.

    Args:
        left: seconds until the whole study is done at most, None where that is not known.
    """
    page = row.folder.page
    words = [f"{count_text(row)} trials", when_text(row)]
    if row.alive and left is not None:
        words.append(f"at most {duration(left)} in all")
    lines = [
        Content.assemble(
            (f"{SIGNS[row.state]} ", STYLES.get(row.state, "")),
            (printable(row.folder.name), "bold"),
            "  ",
            progress_bar(row.fraction, max(6, min(24, width - 80)), "$primary" if row.alive else "$secondary"),
            "  ",
            " · ".join(words),
        )
    ]
    if row.study is not None:
        study = row.study
        sets = printable(", ".join(data.name for data in study.data_sets))
        lines.append(
            Content.styled(
                f"{plural(len(study.networks), 'network')} on {plural(len(study.data_sets), 'data set')} ({sets}); "
                f"{', '.join(study.protocols)}",
                "$text-muted",
            )
        )
    where = short_path(page) if page.is_file() else "appears with the first figures; e makes it"
    lines.append(Content.styled(f"page of tables: {where}", "$text-muted"))
    shown = [line.truncate(width, ellipsis=True) for line in lines]
    if said := row.problem or row.sentence:
        shown.append(Content.styled(f"{SIGNS['failed']} {one_line(said, 400)}", "$error"))  # to its end, over lines
    return Content("\n").join(shown)

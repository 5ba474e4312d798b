"""A study's file before anything is started: what is missing from it, then its plan."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.bounded_files import TOML_LIMIT, DamagedFile, read_bounded
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.files import stamp_of, write_atomically
from aimic_tui.engine.study.plan import plan_study
from aimic_tui.engine.study.study_file import paper_study, read_study, require_data
from aimic_tui.engine.study.study_folder import study_folder
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.study_plan_lines import plan_lines, plan_problems

_PAUSE = 1.0  # seconds between two looks at the file
_AGAIN = 5  # readings after which data sets and weights that were missing are looked for once more
_KNOWN = 20  # files that the arrow keys walk through


@dataclass(frozen=True)
class FileCheck:
    """What a study's file amounts to: sentences on what is wrong, or the plan in lines, and whether it is running."""

    problems: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    alive: bool = False


def check_file(path: Path, workspace: Workspace) -> FileCheck:
    """Read a study's file and work out what it amounts to; nothing is written and no image is opened."""
    try:
        study = read_study(path)
        require_data(study)
        folder = study_folder(workspace, study.name)
        cells = plan_study(study, folder, workspace)
    except AimicError as problem:
        source = f"{printable(str(path))}: "
        return FileCheck(tuple(line.removeprefix(source) for line in problem.sentence.splitlines()))
    except OSError as error:
        return FileCheck((f"{printable(str(error.filename or path))}: {error.strerror or error}.",))
    return FileCheck(tuple(plan_problems(cells)), tuple(plan_lines(study, cells)), folder.alive)


class StudyFile(Dialog[bool]):
    """Follows a study's file while a person fills it in; gives whether it is to be started."""

    DEFAULT_CSS = """
    StudyFile { align: left bottom; background: $background 60%; }
    StudyFile #sheet { height: 100%; background: $background; }
    StudyFile #title { padding: 0 1; height: auto; max-height: 3; }
    StudyFile #said { height: 1fr; padding: 0 1; }
    StudyFile #said Static { height: auto; }
    StudyFile #plan { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r,f5", "start", "Start", id="study-file.start", tooltip="Start the study, or resume it"),
        Binding("escape,q", "close", "Close", id="study-file.close", tooltip="Back; the file stays unchanged"),
    ]

    def __init__(self, path: Path, *, may_start: bool = True) -> None:
        """Make the screen.

        Args:
            path: the study's file.
            may_start: whether the study can be started from here.
        """
        super().__init__()
        self._path = path
        self._may_start = may_start
        self._checked: FileCheck | None = None

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Static("", id="title")
            yield Rule()
            with VerticalScroll(id="said"):
                yield Static("", id="lines")
                yield Static("", id="plan")
                yield Static("", id="amounts")
            yield Rule()
            yield KeyLine()

    def on_mount(self) -> None:
        """Follow the file."""
        self._draw()
        self._follow()

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def _follow(self) -> None:
        workspace = cast("Shell", self.app).workspace
        seen: object = None
        looks = 0
        while True:
            looks += 1
            mark = await asyncio.to_thread(stamp_of, self._path)
            wrong = self._checked is not None and bool(self._checked.problems)
            if mark != seen or (wrong and looks % _AGAIN == 0):
                seen = mark
                self._checked = await asyncio.to_thread(check_file, self._path, workspace)
                self._draw()
            await asyncio.sleep(_PAUSE)

    def _draw(self) -> None:
        check, path = self._checked, printable(str(self._path))
        muted = "$text-muted"
        title = [Content.assemble(("Study  ", "bold"), path)]
        lines: list[Content] = []
        if check is None:
            lines.append(Content.styled("listing the data sets ...", muted))
        elif check.problems:
            title.append(Content.styled("Correct this in your editor; this page follows the file.", muted))
            lines += [Content.styled(f"! {printable(sentence)}", "$warning") for sentence in check.problems]
        else:
            title.append(Content.styled("Nothing is started yet.", muted))
        if lines and check is not None and check.plan:
            lines.append(Content(""))
        plan = list(check.plan) if check is not None else []
        table = plan.index("") if "" in plan else len(plan)
        amounts = [Content(line) for line in plan[table:]]
        if check is not None and check.alive:
            amounts += [Content(""), Content.styled("The study is running.", muted)]
        self.query_one("#title", Static).update(Content("\n").join(title))
        self.query_one("#lines", Static).update(Content("\n").join(lines))
        self.query_one("#lines", Static).display = bool(lines)
        self.query_one("#plan", Static).update(Content("\n").join(map(Content, plan[:table])))
        self.query_one("#amounts", Static).update(Content("\n").join(amounts))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start only what can be started."""
        if action == "start":
            check = self._checked
            return self._may_start and check is not None and not check.problems and not check.alive
        return True

    def action_start(self) -> None:
        """Close with a yes."""
        self.dismiss(True)

    def action_close(self) -> None:
        """Close with a no."""
        self.dismiss(False)


def new_prompt() -> PathPrompt:
    """Return the question for the file that takes the paper's study."""
    return PathPrompt(
        "A new study, based on the paper's",
        detail="The file to write: the published evaluation with its settings. Fill in its four paths.",
        value=str(Path.cwd() / "paper.toml"),
        suffixes=(".toml",),
        action="Save",
        check=_why_not_new,
    )


def _why_not_new(path: Path) -> str | None:
    shown = printable(str(path))
    if path.suffix != ".toml":
        return "Its name must end with .toml."
    if path.exists():
        return f"{shown} already exists. Type another name, or press esc and then o to open it."
    return None if path.parent.is_dir() else f"There is no folder {printable(str(path.parent))}."


def write_paper_study(path: Path) -> None:
    """Write the paper's study to a new file.

    Raises:
        OSError: it can't be written.
    """
    write_atomically(path, paper_study())


def open_prompt(workspace: Workspace) -> PathPrompt:
    """Return the question for a study's file that is there."""
    here = [path for path in sorted(Path.cwd().glob("*.toml"))[:200] if _is_study(path)]
    known = [*here[:_KNOWN], *sorted((workspace.root / "studies").glob("*/study.toml"))[:_KNOWN]]
    return PathPrompt(
        "Open a study's file",
        detail="A TOML file with a table [data-sets.NAME] for each data set. Its plan is shown before anything starts.",
        suffixes=(".toml",),
        known=[str(path) for path in known],
        check=lambda path: None if path.is_file() else f"There is no file {printable(str(path))}.",
    )


def _is_study(path: Path) -> bool:
    try:
        return b"[data-sets" in read_bounded(path, TOML_LIMIT)
    except (OSError, DamagedFile):
        return False

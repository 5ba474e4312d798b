"""A study's file before anything is started: what is still to be written into it, then what it amounts to."""

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
from textual.screen import ModalScreen
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.files import stamp_of, write_atomically
from aimic_tui.engine.study.preview import preview
from aimic_tui.engine.study.study_file import paper_study, read_study, require_data
from aimic_tui.engine.study.study_folder import study_folder
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.study_plan import plan_lines, plan_troubles

_PAUSE = 1.0  # seconds between two looks at the file
_AGAIN = 5  # looks after which data sets and weights that were missing are looked for once more
_KNOWN = 20  # files that the arrow keys walk through


@dataclass(frozen=True)
class Looked:
    """What a study's file amounts to: sentences on what is wrong, or the plan in lines, and whether it is going on."""

    problems: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    alive: bool = False


def look_at(path: Path, workspace: Workspace) -> Looked:
    """Read a study's file and work out what it amounts to; nothing is written and no image is opened."""
    try:
        study = read_study(path)
        require_data(study)
        folder = study_folder(workspace, study.name)
        cells = preview(study, folder, workspace)
    except AimicError as problem:
        source = f"{printable(str(path))}: "
        return Looked(tuple(line.removeprefix(source) for line in problem.sentence.splitlines()))
    except OSError as error:
        return Looked((f"{printable(str(error.filename or path))}: {error.strerror or error}.",))
    return Looked(tuple(plan_troubles(cells)), tuple(plan_lines(study, cells)), folder.alive)


class StudyFile(ModalScreen[bool]):
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
        Binding("ctrl+r,f5", "start", "Start", id="study-file.start", tooltip="Start the study, or go on with it"),
        Binding("escape,q", "close", "Close", id="study-file.close", tooltip="Back; the file stays as it is"),
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
        self._looked: Looked | None = None

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
            wrong = self._looked is not None and bool(self._looked.problems)
            if mark != seen or (wrong and looks % _AGAIN == 0):
                seen = mark
                self._looked = await asyncio.to_thread(look_at, self._path, workspace)
                self._draw()
            await asyncio.sleep(_PAUSE)

    def _draw(self) -> None:
        looked, path = self._looked, printable(str(self._path))
        muted = "$text-muted"
        title = [Content.assemble(("Study  ", "bold"), path)]
        lines: list[Content] = []
        if looked is None:
            lines.append(Content.styled("looking at the data sets, by their names ...", muted))
        elif looked.problems:
            title.append(Content.styled("Put this right in your editor; this page follows the file.", muted))
            lines += [Content.styled(f"! {printable(sentence)}", "$warning") for sentence in looked.problems]
        else:
            title.append(Content.styled("Nothing is started yet.", muted))
        if lines and looked is not None and looked.plan:
            lines.append(Content(""))
        plan = list(looked.plan) if looked is not None else []
        table = plan.index("") if "" in plan else len(plan)
        amounts = [Content(line) for line in plan[table:]]
        if looked is not None and looked.alive:
            amounts += [Content(""), Content.styled("The study is going on.", muted)]
        self.query_one("#title", Static).update(Content("\n").join(title))
        self.query_one("#lines", Static).update(Content("\n").join(lines))
        self.query_one("#lines", Static).display = bool(lines)
        self.query_one("#plan", Static).update(Content("\n").join(map(Content, plan[:table])))
        self.query_one("#amounts", Static).update(Content("\n").join(amounts))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start only what can be started."""
        if action == "start":
            looked = self._looked
            return self._may_start and looked is not None and not looked.problems and not looked.alive
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
        "A new study, from the paper's",
        detail="The file to write: the published evaluation with its settings; its four paths are yours to fill in.",
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
        return f"{shown} is there already. Type another name, or press esc and then o to open it."
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
        return "[data-sets" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False

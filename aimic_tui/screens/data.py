"""Data: are these images fit to learn from?"""

from __future__ import annotations

import asyncio
import bisect
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.errors import AimicError, Interrupted
from aimic_tui.engine.runs.workspace import KnownDataSet
from aimic_tui.engine.text import one_line, printable
from aimic_tui.screens.data_audit import Audit, run_audit
from aimic_tui.screens.data_contents import (
    ClassRow,
    FindingRow,
    ImagesOf,
    class_heading,
    class_rows,
    finding_rows,
    headline,
    names_of_class,
)
from aimic_tui.screens.group_prompt import GroupPrompt
from aimic_tui.screens.home_rows import data_line, short_path
from aimic_tui.screens.large_image import LargeImage
from aimic_tui.screens.place import Place
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.table_column import Cell
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.wording import SIGNS, plural

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import DataSettings

_ASKED = ("group", "image_column", "label_column")  # what of the settings decides which images are found
_NARROW = 100  # columns below which the lists and the images take turns


@dataclass(frozen=True)
class _DataChoice:
    """What the search for images asks of the settings; the form's own class would bring its validation along."""

    path: str
    group: str = "auto"
    image_column: str = "path"
    label_column: str = "label"


class DataScreen(Place):
    """The classes and findings of a data set, and the images behind them."""

    PLACE: ClassVar[str] = "data"
    CSS_PATH = "data.tcss"
    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open", id="data.open", tooltip="Open another folder of images, or a manifest"),
        Binding(
            "g",
            "groups",
            "Groups",
            id="data.groups",
            tooltip="What images of one patient or slide share",
            priority=True,
        ),
        Binding(
            "a", "audit", "Audit", id="data.audit", tooltip="Read every image again and look for faults; or stop it"
        ),
        Binding("enter", "look", "Images", id="data.look", tooltip="Go to the images of the class or the finding"),
        Binding("s", "set_up", "Set-up", id="data.set-up", tooltip="Set up a run on these images"),
    ]

    class Found(Message):
        """The images of a path are listed."""

        def __init__(self, data_set: DataSet, suggestion: str | None) -> None:
            super().__init__()
            self.data_set = data_set
            self.suggestion = suggestion

    class NotFound(Message):
        """A path holds nothing to look at."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    class Counting(Message):
        """So many images so far."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    def __init__(self) -> None:
        super().__init__()
        self._opened: tuple[str, dict[str, Any]] | None = None
        self._data_set: DataSet | None = None
        self._suggestion: str | None = None
        self._audit: Audit | None = None
        self._audited: str | None = None  # the path that the audit is of
        self._shown: ClassRow | FindingRow | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the headline, the lists at the left and the images at the right."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("", id="audit")
        yield Rule()
        with Vertical(id="opening"):
            yield Static("", id="opening-words")
            yield RowList[KnownDataSet](data_line, lambda known: known.path, id="known")
        with Horizontal(id="parts"):
            with Vertical(id="left"):
                yield Static("", id="class-heading")
                yield RowList[ClassRow](self._draw_row, lambda row: row.code, id="classes")
                yield Static("Findings", id="findings-heading")
                yield RowList[FindingRow](self._draw_row, lambda row: row.words, id="findings")
                yield Static("", id="detail")
            with Vertical(id="right"):
                yield Static("", id="of-which")
                yield ThumbnailGrid()

    # -- which data set

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        context = self.shell.context
        if context.data_path is None:
            self._ask()
        elif self._opened != (context.data_path, context.data_settings):
            self._open()

    def _ask(self, problem: str = "") -> None:
        """Say what to do where there is no data set."""
        known = self.shell.workspace.data_sets()
        self.query_one("#known", RowList).show(known)
        lines = [Content.styled(f"{SIGNS['attention']}\u00a0{problem}", "$warning"), Content("")] if problem else []
        lines += [
            Content("Which images?"),
            Content.styled("A folder with a folder of images for each class, or a manifest (.csv).", "$text-muted"),
            Content(""),
            Content.assemble(
                ("o", "bold $primary"), "  opens one", "" if not known else "; or choose one seen before:"
            ),
        ]
        self.query_one("#opening-words", Static).update(Content("\n").join(lines))
        self.query_one("#title", Static).update("")
        self._tell_audit(Content(""))
        self.add_class("-nothing")
        self.query_one("#known", RowList).focus()
        self.refresh_bindings()

    @work(exclusive=True, group="question")
    async def action_open(self) -> None:
        """Ask for a data set and look at it."""
        prompt = PathPrompt(
            "Open a data set",
            detail="A folder with a folder of images for each class, or a manifest (.csv) with columns path and label.",
            suffixes=(".csv",),
            known=[known.path for known in self.shell.workspace.data_sets()],
        )
        path = await self.app.push_screen_wait(prompt)
        if path is not None:
            self._take(path)

    def _take(self, path: str) -> None:
        context = self.shell.context
        if context.data_path != path:
            context.data_path, context.data_settings = path, {}
        self._open()

    def _open(self) -> None:
        context = self.shell.context
        assert context.data_path is not None
        path = context.data_path
        if self._opened is None or self._opened[0] != path:
            self.workers.cancel_group(self, "audit")
            self._audit = self._audited = self._data_set = None
            self._tell_audit(Content(""))
        self._opened = (path, dict(context.data_settings))
        self.remove_class("-nothing")
        self.set_class(self._data_set is None, "-busy")
        self._title("looking for images")
        choice = _DataChoice(
            path,
            **{
                name: str(context.data_settings[name])
                for name in ("group", "image_column", "label_column")
                if name in context.data_settings
            },
        )
        self._find(choice)

    @work(thread=True, exclusive=True, group="find", exit_on_error=False)
    def _find(self, choice: _DataChoice) -> None:
        from aimic_tui.engine.data.find import find_everything

        worker = get_current_worker()

        def progress(count: int) -> None:
            if worker.is_cancelled:
                raise Interrupted("Another data set is looked for.")
            self.post_message(self.Counting(count))

        try:
            found = find_everything(cast("DataSettings", choice), progress)
        except Interrupted:
            return
        except AimicError as problem:
            self.post_message(self.NotFound(problem.sentence))
        except OSError as problem:
            self.post_message(self.NotFound(f"{printable(choice.path)} can't be read: {problem}."))
        else:
            self.post_message(self.Found(found.data_set, found.suggested_group))

    @on(Counting)
    def _counting(self, message: Counting) -> None:
        if self.has_class("-busy"):
            self._title(f"looking for images: {message.count:,}")

    @on(NotFound)
    def _not_found(self, message: NotFound) -> None:
        self.remove_class("-busy")
        if self._data_set is not None:  # a pattern that finds nothing; what was shown stays
            self.shell.tell(message.sentence, "warning")
            self.shell.context.data_settings.pop("group", None)
            self._open()
            return
        self._opened = None
        self.shell.context.data_path = None
        self._ask(message.sentence)

    @on(Found)
    def _found(self, message: Found) -> None:
        first = self._data_set is None
        self._data_set, self._suggestion = message.data_set, message.suggestion
        self.remove_class("-busy", "-nothing")
        self._title(headline(message.data_set))
        self.query_one("#classes", RowList).show(class_rows(message.data_set))
        self._head_classes()
        self._show_findings()
        if first:
            self._shown = None
            self.query_one("#classes", RowList).cursor = 0
            self.query_one("#classes", RowList).focus()
            self._show(self.query_one("#classes", RowList).chosen)
        self.refresh_bindings()
        if self._audited != self._path:
            self._remember()
            self._start_audit()

    @work(exclusive=True, group="remember", exit_on_error=False)
    async def _remember(self) -> None:
        """Put the data set on Home's list; the audit adds what it finds."""
        data_set = self._data_set
        if self.shell.read_only or data_set is None:
            return
        with suppress(OSError):  # a workspace that can't be written says so when a run is started
            await asyncio.to_thread(
                self.shell.workspace.remember_data_set,
                Path(self._path),
                images=len(data_set),
                classes=len(data_set.classes),
                groups=len(data_set.group_names) if data_set.grouped else None,
            )

    @property
    def _path(self) -> str:
        return self._opened[0] if self._opened else ""

    def _title(self, words: str) -> None:
        path = Path(self._path)
        shown = printable(path.name) if self.size.width < _NARROW else short_path(path)
        self.query_one("#title", Static).update(Content.assemble((shown, "bold"), "   ", (words, "$text-muted")))

    # -- the audit

    def _start_audit(self) -> None:
        self._audited = self._path
        self._audit = None
        self._show_findings()
        self._follow_audit()

    @work(exclusive=True, group="audit", exit_on_error=False)
    async def _follow_audit(self) -> None:
        """Follow the audit; what it finds is shown when it has read the last image."""
        self._tell_audit(Content.styled("audit begins", "$text-muted"))
        try:
            audit = await run_audit(
                self.shell.workspace.root, self._path, self.shell.context.data_settings, self._audit_progress
            )
        except (AimicError, OSError) as problem:
            self._tell_audit(Content.styled("no audit", "$warning"))
            self.shell.tell(f"The audit ended: {problem}", "warning")
        else:
            self._audit = audit
            many = sum(1 for finding in audit.findings)
            words = f"{SIGNS['attention']} {plural(many, 'finding')}" if many else f"{SIGNS['finished']} audited"
            self._tell_audit(Content.styled(words, "$warning" if many else "$success"))
            self._show_findings()
        self.refresh_bindings()

    def _audit_progress(self, share: float | None, words: str) -> None:
        text = Content.styled("auditing ", "$text-muted")
        if share is not None and self.size.width >= _NARROW:
            text = Content.assemble(text, progress_bar(share, 10), " ")
        self._tell_audit(Content.assemble(text, (one_line(words, 24), "$text-muted")))

    def _tell_audit(self, words: Content) -> None:
        self.query_one("#audit", Static).update(words)

    def _auditing(self) -> bool:
        return any(worker.group == "audit" and worker.is_running for worker in self.workers if worker.node is self)

    def action_audit(self) -> None:
        """Stop the audit, or begin another."""
        if self._data_set is None:
            return
        if self._auditing():
            self.workers.cancel_group(self, "audit")
            self._tell_audit(Content.styled(f"{SIGNS['stopped']} audit stopped", "$text-muted"))
        else:
            self._start_audit()

    # -- lists and images

    def _draw_row(self, row: ClassRow | FindingRow, width: int) -> Content:
        drawn = row.draw(width)
        # The row whose images stand at the right is told apart also while they have the focus.
        same = row == self._shown and not isinstance(self.focused, RowList)
        return drawn.stylize("bold $primary") if same else drawn

    def _head_classes(self) -> None:
        rows = cast("list[ClassRow]", self.query_one("#classes", RowList).rows)
        width = max(self.query_one("#classes", RowList).size.width, 30) - 2
        self.query_one("#class-heading", Static).update(class_heading(rows, width))

    def _show_findings(self) -> None:
        rows = finding_rows(self._audit) if self._audit else ()
        self.query_one("#findings", RowList).show(rows)
        self.query_one("#findings-heading").display = bool(rows)

    @on(RowList.Moved, "#classes")
    @on(RowList.Moved, "#findings")
    def _moved(self, message: RowList.Moved) -> None:
        if self.focused is message.list:
            self._show(cast("ClassRow | FindingRow | None", message.list.chosen))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show what belongs to the row that the focus came to; where it is narrow, the half with the focus."""
        self.set_class(isinstance(event.widget, ThumbnailGrid), "-right")
        if isinstance(event.widget, RowList) and event.widget.id in ("classes", "findings"):
            self._show(cast("ClassRow | FindingRow | None", event.widget.chosen))
        for rows in self.query(RowList):
            rows.refresh()

    def _show(self, row: ClassRow | FindingRow | None) -> None:
        if row is None or row == self._shown or self._data_set is None:
            return
        if isinstance(row, FindingRow) and row.finding is None:  # what is well has no images of its own
            return
        self._shown = row
        names: list[str] = []
        of_which = detail = ""
        if isinstance(row, ClassRow):
            names = names_of_class(self._data_set, row.code)
            of_which = f"{row.name}   {plural(len(names), 'image')}"
        elif row.finding:
            names = list(row.finding.images)
            of_which = row.words
            detail = row.finding.meaning or row.finding.headline
            if len(row.finding.groups) == 1 and row.finding.kind:
                detail = f"{row.finding.details[0]}. {detail}"
        flagged = self._audit.flagged if self._audit and isinstance(row, ClassRow) else frozenset()
        self.query_one("#of-which", Static).update(Content(printable(of_which)))
        self.query_one("#detail", Static).update(Content(printable(detail)))
        self.query_one(ThumbnailGrid).show(ImagesOf(self._data_set.root, names, flagged))

    def action_look(self) -> None:
        """Open the data set with the cursor, or go to the images of the row."""
        known = self.query_one("#known", RowList)
        if self.has_class("-nothing"):
            if known.chosen is not None:
                self._take(cast("KnownDataSet", known.chosen).path)
        elif self.query_one(ThumbnailGrid).items:
            self.query_one(ThumbnailGrid).focus()

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_look()

    @work(exclusive=True, group="large")
    async def _enlarge(self, index: int) -> None:
        grid = self.query_one(ThumbnailGrid)
        items = cast("ImagesOf", grid.items)
        large = LargeImage(len(items), index, lambda at: items[at].path, lambda at: self._words(items.names[at]))
        grid.cursor = await self.app.push_screen_wait(large)

    @on(ThumbnailGrid.Opened)
    def _opened_large(self, message: ThumbnailGrid.Opened) -> None:
        self._enlarge(message.index)

    def _words(self, name: str) -> list[Cell]:
        """Say about an image what is not in its file: its name, label, group, and what was found."""
        assert self._data_set is not None
        lines: list[Cell] = [[(name, "strong")]]
        found = self._index_of(name)
        if found is not None:
            label = self._data_set.classes[self._data_set.labels[found]]
            group = self._data_set.group_names[self._data_set.groups[found]]
            lines.append([(label, "primary"), (f" · {group}" if self._data_set.grouped else "", "")])
        for finding in self._audit.findings if self._audit else ():
            if finding.kind == "shortcut":
                continue
            for images, detail in zip(finding.groups, finding.details, strict=False):
                if name in images:
                    others = ", ".join(image for image in images if image != name)
                    lines.append([(f"{SIGNS['attention']} {detail}" + (f": {others}" if others else ""), "attention")])
        return lines

    def _index_of(self, name: str) -> int | None:
        assert self._data_set is not None
        images = self._data_set.images  # sorted
        at = bisect.bisect_left(images, name)
        return at if at < len(images) and images[at] == name else None

    # -- going on

    @work(exclusive=True, group="question")
    async def action_groups(self) -> None:
        """Ask for the pattern that groups the images."""
        if self._data_set is None:
            return
        now = self._data_set.group_rule if self._data_set.grouped else (self._suggestion or "none")
        pattern = await self.app.push_screen_wait(GroupPrompt(self._data_set.images, now, self._suggestion))
        if pattern is not None:
            self.shell.context.data_settings["group"] = pattern
            self._open()

    def action_set_up(self) -> None:
        """Go on to the set-up of a run on these images."""
        self.shell.go("set-up")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        if action in ("groups", "audit", "set_up"):
            return self._data_set is not None
        return True

    def on_resize(self, event: events.Resize) -> None:
        """Put the halves beside each other where both fit."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        if self._data_set is not None:
            self._title(headline(self._data_set))
        self.call_after_refresh(self._head_classes)

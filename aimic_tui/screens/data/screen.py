"""Data: are these images fit to learn from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static
from textual.worker import get_current_worker

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.workspace_folder import KnownDataSet
from aimic_tui.screens.data.contents import (
    MARKED,
    ClassRow,
    FindingRow,
    ImagesOf,
    class_heading,
    class_rows,
    finding_rows,
    headline,
    marked_rows,
    names_of_class,
    words_on_mark,
)
from aimic_tui.screens.data.marking import ClassList, FindingList, MarkingGrid
from aimic_tui.screens.data.opening import OpeningPlace
from aimic_tui.screens.home.rows import data_line, short_path
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.table_column import Cell
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.audit_process import Audit, run_audit
from aimic_tui.workspace.data_session import OpenData

_NARROW = 100  # columns below which the lists and the images take turns


class DataScreen(OpeningPlace):
    """The classes and findings of a data set, and the images behind them."""

    PLACE: ClassVar[str] = "data"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "look", "Images", id="data.look", tooltip="Go to the images of the class or the finding"),
        Binding("s", "set_up", "Set-up", id="data.set-up", tooltip="Set up a run on these images"),
        Binding(
            "a",
            "audit",
            "Audit",
            show=False,
            id="data.audit",
            tooltip="Read every image again and look for faults; or stop it",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._audit: Audit | None = None
        self._audited: str | None = None  # the path that the audit is of

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
                yield ClassList(self._draw_row, lambda row: row.key, id="classes")
                yield Static("Findings", id="findings-heading")
                yield FindingList(self._draw_row, lambda row: row.key, id="findings")
                yield Static("", id="detail")
            with Vertical(id="right"):
                yield Static("", id="of-which")
                yield MarkingGrid()

    # -- which data set

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self._look_again()

    def _ask(self, problem: str = "") -> None:
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
        self.remove_class("-busy")
        self.add_class("-nothing")
        self.query_one("#known", RowList).focus()
        self.refresh_bindings()

    def _forget(self) -> None:
        self.workers.cancel_group(self, "audit")
        self._audit = self._audited = None
        self._tell_audit(Content(""))

    def _busy(self, words: str) -> None:
        self.remove_class("-nothing")
        self.set_class(self._data is None, "-busy")
        self._title(words)

    def _opened_now(self, data: OpenData, *, first: bool) -> None:
        self.remove_class("-busy", "-nothing")
        if first:
            self._shown = None
        self._decided(data)
        if first:
            classes = self.query_one("#classes", RowList)
            classes.cursor = 0
            classes.focus()
            self._show(cast("ClassRow", classes.chosen))
        if self._audited != self._path:
            self._start_audit()
        self._settle_rule(data.data_set.paths(), self.shell.context.experiment.get("data", {}))

    @work(thread=True, exclusive=True, group="rule", exit_on_error=False)
    def _settle_rule(self, paths: Sequence[Path], table: Mapping[str, Any]) -> None:
        """Have the images drawn as a run that is set up now would see them."""
        # Pillow and the formats' readers come along only where images are looked at.
        from aimic_tui.engine.data.reading.exposure import settled_in

        worker = get_current_worker()
        with suppress(AimicError):
            rule = settled_in(table, paths, lambda: worker.is_cancelled)
            self.app.call_from_thread(setattr, self.query_one(ThumbnailGrid), "rule", rule)

    def _decided(self, data: OpenData) -> None:
        self._keep(data)
        self._title(headline(data))
        self.query_one("#classes", RowList).show(class_rows(data.data_set))
        self.call_after_refresh(self._head_classes)
        self._show_findings()
        if self._shown is not None:
            rows = [*self.query_one("#classes", RowList).rows, *self.query_one("#findings", RowList).rows]
            now = next((row for row in rows if row.key == self._shown.key), None)
            self._show(now or cast("ClassRow", self.query_one("#classes", RowList).chosen), again=True)
        self.refresh_bindings()

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
                self.shell.workspace.root,
                self._path,
                self.shell.context.data_settings,
                self._audit_progress,
                keep=not self.shell.read_only,
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
        if self._data is None:
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
        rows = finding_rows(self._audit, self._data) if self._audit else ()
        if self._data is not None:
            rows += marked_rows(self._data)
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

    def _show(self, row: ClassRow | FindingRow | None, *, again: bool = False) -> None:
        """Show the images of a row; `again` where the row is the same and what was decided about it is not."""
        if row is None or self._data is None or (row == self._shown and not again):
            return
        if isinstance(row, FindingRow) and row.finding is None:  # what is well has no images of its own
            return
        same = self._shown is not None and self._shown.key == row.key
        self._shown = row
        if not same:
            self._chosen = frozenset()
        detail = ""
        if isinstance(row, ClassRow):
            names = names_of_class(self._data, row.code)
        else:
            assert row.finding is not None
            names = list(row.finding.images)
            detail = row.finding.meaning or row.finding.headline
            if len(row.finding.groups) == 1 and row.finding.kind not in ("", MARKED):
                detail = f"{row.finding.details[0]}. {detail}"
        self.query_one("#detail", Static).update(Content(printable(detail)))
        self._show_images(names, at=self._grid.cursor if same else 0)
        self.refresh_bindings()

    def _show_images(self, names: list[str], at: int) -> None:
        assert self._data is not None
        in_class = isinstance(self._shown, ClassRow)
        flagged = self._audit.flagged if self._audit and in_class else frozenset()
        items = ImagesOf(self._data, names, flagged, self._chosen, with_class=not in_class)
        if isinstance(self._grid.items, ImagesOf) and self._grid.items.names == names:
            self._grid.items = items  # where one looks stays where it is
            self._grid.refresh()
        else:
            self._grid.show(items, at)
        self._head_images()

    def _head_images(self) -> None:
        row, items = self._shown, self._grid.items
        words = ""
        if isinstance(row, ClassRow):
            out = len(items) - row.images
            words = f"{row.name}   {plural(row.images, 'image')}" + (f", {out:,} left out" if out else "")
        elif row is not None:
            words = row.words
        chosen = (f"   {len(self._chosen):,} chosen", "$primary")
        head = Content.assemble(printable(words), chosen if self._chosen else "")
        self.query_one("#of-which", Static).update(head)

    def _choice_moved(self) -> None:
        if isinstance(self._grid.items, ImagesOf):
            self._show_images(list(self._grid.items.names), self._grid.cursor)
        self.refresh_bindings()

    def action_look(self) -> None:
        """Open the data set with the cursor, or go to the images of the row."""
        known = self.query_one("#known", RowList)
        if self.has_class("-nothing"):
            if known.chosen is not None:
                self._take(cast("KnownDataSet", known.chosen).path)
        elif self.query_one(ThumbnailGrid).items:
            self.query_one(ThumbnailGrid).focus()

    @on(RowList.Chosen)
    def _row_chosen(self) -> None:
        self.action_look()

    @work(exclusive=True, group="large")
    async def _enlarge(self, index: int) -> None:
        grid = self.query_one(ThumbnailGrid)
        items = cast("ImagesOf", grid.items)
        large = LargeImage(
            len(items), index, lambda at: items[at].path, lambda at: self._words(items.names[at]), grid.rule
        )
        grid.cursor = await self.app.push_screen_wait(large)

    @on(ThumbnailGrid.Opened)
    def _opened_large(self, message: ThumbnailGrid.Opened) -> None:
        self._enlarge(message.index)

    def _words(self, name: str) -> list[Cell]:
        """Say about an image what is not in its file: its name, label, group, marks, and what was found."""
        data = self._data
        assert data is not None
        lines: list[Cell] = [[(name, "strong")]]
        at = data.data_set.index(name)
        if label := data.class_of(name):
            group = "" if at is None else data.data_set.group_names[data.data_set.groups[at]]
            lines.append([(label, "primary"), (f" · {group}" if group and data.data_set.grouped else "", "")])
        lines += [[(words_on_mark(mark), "primary")] for mark in data.marks.get(name, ())]
        for finding in self._audit.findings if self._audit else ():
            if finding.kind == "shortcut":
                continue
            for images, detail in zip(finding.groups, finding.details, strict=False):
                if name in images:
                    others = ", ".join(image for image in images if image != name)
                    lines.append([(f"{SIGNS['attention']} {detail}" + (f": {others}" if others else ""), "attention")])
        return lines

    # -- going on

    def action_set_up(self) -> None:
        """Go on to the set-up of a run on these images."""
        self.shell.go("set-up")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        if action in ("audit", "set_up"):
            return self._data is not None
        return super().check_action(action, parameters)

    def on_resize(self, event: events.Resize) -> None:
        """Put the halves beside each other where both fit."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        if self._data is not None:
            self._title(headline(self._data))
        self.call_after_refresh(self._head_classes)

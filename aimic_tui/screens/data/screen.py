"""Data: are these images fit to learn from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static
from textual.worker import get_current_worker

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import KnownDataSet
from aimic_tui.screens.data.audit_controller import AuditController
from aimic_tui.screens.data.contents import (
    ClassRow,
    FindingRow,
    ImagesOf,
    class_heading,
    class_rows,
    finding_rows,
    headline,
    layout_rows,
    marked_rows,
    words_on_image,
)
from aimic_tui.screens.data.image_lists import ClassList, FindingList, ImageGrid
from aimic_tui.screens.data.opening_controller import OpeningController
from aimic_tui.screens.home.rows import data_line
from aimic_tui.screens.marking.controller import MarkingCommand, MarkingController, MarkingTarget
from aimic_tui.screens.place import Place
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.wording.paths import short_path
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.mark_changes import DuplicateSet

_NARROW = 100  # columns below which the lists and the images take turns
_SETS_OF_COPIES = ("duplicate", "near-duplicate", "label-conflict")  # kinds of findings


class DataScreen(Place):
    """The classes and findings of a data set, and the images behind them."""

    PLACE: ClassVar[str] = "data"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        *OpeningController.BINDINGS,
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
        self.session = DataSession()
        self.opening = OpeningController(self, self.session, self)
        self.marking = MarkingController(self, self.session, self)
        self.auditing = AuditController(self, self.session, self)
        self._shown: ClassRow | FindingRow | None = None  # the row whose images stand at the right

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
                yield ImageGrid()

    # -- which data set

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self.opening.open_from_context()

    def show_nothing(self, problem: str = "") -> None:
        """Say what to do where no data set is open."""
        known = self.shell.workspace.data_sets()
        self.query_one("#known", RowList).show(known)
        lines = [Content.styled(f"{SIGNS['attention']}\u00a0{problem}", "$warning"), Content("")] if problem else []
        lines += [
            Content("Which images?"),
            Content.styled("A folder with one subfolder per class, or a manifest (.csv).", "$text-muted"),
            Content(""),
            Content.assemble(
                ("o", "bold $primary"), "  opens one", "" if not known else "; or choose one seen before:"
            ),
        ]
        self.query_one("#opening-words", Static).update(Content("\n").join(lines))
        self.query_one("#title", Static).update("")
        self.show_audit_line(Content(""))
        self.remove_class("-busy")
        self.add_class("-nothing")
        self.query_one("#known", RowList).focus()
        self.refresh_bindings()

    def show_busy(self, words: str) -> None:
        """Say that images are looked for."""
        self.remove_class("-nothing")
        self.set_class(self.session.data is None, "-busy")
        self._show_title(words)

    def close_data(self) -> None:
        """Stop the audit of the data set that was open."""
        self.auditing.close()

    def show_opened(self, *, other: bool) -> None:
        """Show the data set that was opened, and begin its audit."""
        self.remove_class("-busy", "-nothing")
        if other:
            self._shown = None
        self.show_marks()
        if other:
            classes = self.query_one("#classes", RowList)
            classes.cursor = 0
            classes.focus()
            self._show(cast("ClassRow", classes.chosen))
        self.auditing.start_once(self.opening.path)
        data = self.session.data
        if data is not None:
            self._resolve_rule(data.data_set.paths(), self.shell.context.draft)

    @work(thread=True, exclusive=True, group="rule", exit_on_error=False)
    def _resolve_rule(self, paths: Sequence[Path], draft: Mapping[str, str]) -> None:
        """Have the images drawn as a run that is set up now would see them."""
        # Pillow and the formats' readers come along only where images are looked at.
        from aimic_tui.engine.data.reading.exposure import exposure_for_table
        from aimic_tui.workspace.experiment_draft import data_table

        worker = get_current_worker()
        with suppress(AimicError):
            rule = exposure_for_table(data_table(draft), paths, lambda: worker.is_cancelled)
            self.app.call_from_thread(setattr, self.query_one(ThumbnailGrid), "rule", rule)

    def show_marks(self) -> None:
        """Show the data set as marks, class names and the selection make it now."""
        data = self.session.data
        if data is None:
            return
        self.opening.update_context()
        self._show_title(headline(data))
        self.query_one("#classes", RowList).show(class_rows(data.data_set))
        self.call_after_refresh(self._show_class_heading)
        self.show_findings()
        self.refresh_bindings()

    def _show_title(self, words: str) -> None:
        path = Path(self.opening.path)
        shown = printable(path.name) if self.size.width < _NARROW else short_path(path)
        self.query_one("#title", Static).update(Content.assemble((shown, "bold"), "   ", (words, "$text-muted")))

    def show_audit_line(self, words: Content) -> None:
        """Show how far the audit is."""
        self.query_one("#audit", Static).update(words)

    # -- classes and findings

    def show_findings(self) -> None:
        """Show what the audit found, and which images are marked."""
        data, audit = self.session.data, self.session.audit
        rows = finding_rows(audit, data) if audit else layout_rows(data)
        if data is not None:
            rows += marked_rows(data)
        self.query_one("#findings", RowList).show(rows)
        self.query_one("#findings-heading").display = bool(rows)
        if self._shown is not None:
            self._show_again(self._shown.key)

    def _show_again(self, key: object) -> None:
        """Show what belongs to a row as it is now; where it is gone, what has the cursor instead."""
        classes, findings = self.query_one("#classes", RowList), self.query_one("#findings", RowList)
        now = next((row for row in (*classes.rows, *findings.rows) if row.key == key), None)
        instead = findings if self.focused is findings and findings.rows else classes
        self._show(cast("ClassRow | FindingRow | None", now or instead.chosen), again=True)

    def _draw_row(self, row: ClassRow | FindingRow, width: int) -> Content:
        drawn = row.draw(width)
        # The row whose images stand at the right is told apart also while they have the focus.
        same = row == self._shown and not isinstance(self.focused, RowList)
        return drawn.stylize("bold $primary") if same else drawn

    def _show_class_heading(self) -> None:
        rows = cast("list[ClassRow]", self.query_one("#classes", RowList).rows)
        width = max(self.query_one("#classes", RowList).size.width, 30) - 2
        self.query_one("#class-heading", Static).update(class_heading(rows, width))

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

    def action_look(self) -> None:
        """Open the data set with the cursor, or go to the images of the row."""
        known = self.query_one("#known", RowList)
        if self.has_class("-nothing"):
            if known.chosen is not None:
                self.opening.open_path(cast("KnownDataSet", known.chosen).path)
        elif self._grid.items:
            self._grid.focus()

    @on(RowList.Chosen)
    def _row_chosen(self) -> None:
        self.action_look()

    # -- images

    @property
    def _grid(self) -> ImageGrid:
        return self.query_one(ImageGrid)

    def _show(self, row: ClassRow | FindingRow | None, *, again: bool = False) -> None:
        """Show the images of a row; `again` where the row is the same and what was decided about it is not."""
        data = self.session.data
        if row is None or data is None or (row == self._shown and not again):
            return
        same = self._shown is not None and self._shown.key == row.key
        self._shown = row
        if not same:
            self.session.selected = frozenset()
        detail = ""
        if isinstance(row, ClassRow):
            names = data.images_of_class(row.code)
        elif row.finding is None:  # good news has no images of its own
            names = []
        else:
            names = list(row.finding.images)
            sentences = row.finding.sentences if len(row.finding.sentences) == 1 else ()
            detail = " ".join((*sentences, row.finding.meaning)) or row.finding.title
            if row.finding.title == data.data_set.layout:
                detail += " Press l to choose another."
        self.query_one("#detail", Static).update(Content(printable(detail)))
        self._show_images(names, at=self._grid.cursor if same else 0)
        self.refresh_bindings()

    def _show_images(self, names: list[str], at: int) -> None:
        data, audit = self.session.data, self.session.audit
        assert data is not None
        in_class = isinstance(self._shown, ClassRow)
        flagged = audit.flagged if audit and in_class else frozenset()
        items = ImagesOf(data, names, flagged, self.session.selected, with_class=not in_class)
        if isinstance(self._grid.items, ImagesOf) and self._grid.items.names == names:
            self._grid.items = items  # the view does not scroll
            self._grid.refresh()
        else:
            self._grid.show(items, at)
        self._show_image_heading()

    def _show_image_heading(self) -> None:
        row, items = self._shown, self._grid.items
        words = ""
        if isinstance(row, ClassRow):
            excluded = len(items) - row.images
            words = f"{row.name}   {plural(row.images, 'image')}" + (f", {excluded:,} excluded" if excluded else "")
        elif row is not None:
            words = row.words
        selected = self.session.selected
        chosen = (f"   {len(selected):,} chosen", "$primary") if selected else ""
        self.query_one("#of-which", Static).update(Content.assemble(printable(words), chosen))

    @on(ThumbnailGrid.Opened)
    def _opened_large(self, message: ThumbnailGrid.Opened) -> None:
        self._enlarge(message.index)

    @work(exclusive=True, group="large")
    async def _enlarge(self, index: int) -> None:
        data, grid = self.session.data, self._grid
        items = cast("ImagesOf", grid.items)
        assert data is not None
        large = LargeImage(
            len(items),
            index,
            lambda at: items[at].path,
            lambda at: words_on_image(items.names[at], data, self.session.audit),
            grid.rule,
        )
        grid.cursor = await self.app.push_screen_wait(large)

    # -- what a marking key is for

    def marking_target(self) -> MarkingTarget:
        """Return the image with the cursor, or from the list of findings all images of the finding."""
        finding = self._shown.finding if isinstance(self._shown, FindingRow) else None
        several = [images for images in finding.groups if len(images) > 1] if finding is not None else []
        sets = several if finding is not None and finding.kind in _SETS_OF_COPIES else []
        together = tuple(several) if finding is not None and finding.kind == "look-alike-groups" else ()
        if isinstance(self.focused, ThumbnailGrid):
            items = self._grid.items
            if not isinstance(items, ImagesOf) or not items.names:
                return MarkingTarget()
            image = items.names[self._grid.cursor]
            duplicates = next((DuplicateSet(images, image) for images in sets if image in images), None)
            return MarkingTarget(
                (image,),
                () if duplicates is None else (duplicates,),
                together=tuple(images for images in together if image in images),
            )
        images = finding.images if finding and isinstance(self.focused, FindingList) else ()
        duplicate_sets = tuple(DuplicateSet(images, images[0]) for images in sets)
        return MarkingTarget(images, duplicate_sets, single=False, together=together)

    def focus_next_image(self) -> None:
        """Go on to the next image."""
        self._grid.action_move(1)

    # -- keys

    def action_mark(self, command: MarkingCommand) -> None:
        """Decide about images."""
        self.marking.run(command)

    def action_open(self) -> None:
        """Ask for a data set and open it."""
        self.opening.ask("open")

    def action_classes(self) -> None:
        """Ask what classes are called, which are merged, and which are excluded."""
        self.opening.ask("classes")

    def action_merge(self) -> None:
        """Merge the classes whose names look the same."""
        self.opening.ask("merge")

    def action_pattern(self) -> None:
        """Ask which part of the name is the class."""
        self.opening.ask("pattern")

    def action_layout(self) -> None:
        """Ask what the folders mean."""
        self.opening.ask("layout")

    def action_columns(self) -> None:
        """Ask what the manifest's columns contain."""
        self.opening.ask("columns")

    def action_groups(self) -> None:
        """Ask for the pattern that groups the images."""
        self.opening.ask("groups")

    def action_manifest(self) -> None:
        """Ask where, and write the images with their classes and groups as a manifest."""
        self.opening.ask("manifest")

    def action_audit(self) -> None:
        """Stop the audit, or begin another."""
        self.auditing.toggle()

    def action_set_up(self) -> None:
        """Go on to the set-up of a run on these images."""
        self.shell.go("set-up")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        if action == "mark":
            return self.marking.offers(parameters[0])
        if action in ("audit", "set_up"):
            return self.session.data is not None
        if action in ("open", "classes", "merge", "pattern", "layout", "columns", "groups", "manifest"):
            return self.opening.offers(action)
        return True

    def on_resize(self, event: events.Resize) -> None:
        """Put the halves beside each other where both fit."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        if self.session.data is not None:
            self._show_title(headline(self.session.data))
        self.call_after_refresh(self._show_class_heading)

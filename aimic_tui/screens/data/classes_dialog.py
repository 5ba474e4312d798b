"""Renames, merges and leaves out the classes of a data set, and shows the counts that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from aimic_tui.engine.formatting.numbers import count_text
from aimic_tui.engine.text import plural, printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.row_list import RowList

_NAME = 30  # columns at most
_FEWEST = 2  # classes of which a classifier can be made


@dataclass(frozen=True)
class _Row:
    name: str
    images: int
    other: str  # what it is called; empty where it is excluded
    together: int  # images of all classes of that name
    missing: bool  # a table's word for no label


class ClassesDialog(Dialog[dict[str, str] | None]):
    """Lists the classes by their original names, and what each counts as; gives `data.classes`, or None after `esc`."""

    DEFAULT_CSS = f"""
    ClassesDialog {{
        {SHEET_CSS}
        RowList {{ margin: 1 0 0 0; max-height: 20; }}
        #other {{ margin: 1 1 0 1; }}
        #sum {{ margin-top: 1; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Use", id="classes.take", priority=True, tooltip="Use the classes as shown"),
        Binding(
            "r",
            "rename",
            "Rename or merge",
            id="classes.rename",
            tooltip="A name of another class merges both",
        ),
        Binding("x,space", "leave_out", "Exclude", id="classes.out", tooltip="Exclude the class, or take it back"),
        Binding("u", "own", "Original", id="classes.own", tooltip="Give the class its original name back"),
        Binding("escape", "cancel", "Cancel", id="classes.cancel", tooltip="Leave the classes as they were"),
    ]

    def __init__(
        self, counts: Mapping[str, int], classes: Mapping[str, str], missing: Mapping[str, int] | None = None
    ) -> None:
        """Make the dialog.

        Args:
            counts: the images of each class by its original name.
            classes: what some are called now, as in `data.classes`.
            missing: words of a table for no label, with their images; they become classes where they are named.
        """
        super().__init__()
        self._missing = missing or {}
        self._counts = {**counts, **self._missing}
        self._before = classes
        self._names = {name: "" if name in self._missing else classes.get(name, name) for name in self._counts}
        self._renamed: str | None = None  # the class whose other name is being typed

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static("Classes", id="title")
            yield Static("Folders and files stay as they are; networks learn the names shown here.", id="detail")
            yield RowList[_Row](self._draw, lambda row: row.name)
            yield Input(id="other", suggester=SuggestFromList(list(self._counts), case_sensitive=False))
            yield Static("", id="sum")
            yield Static("", id="space")
            yield KeyLine()

    def on_mount(self) -> None:
        """List the classes."""
        self.query_one("#other").display = False
        self._show()
        self.query_one(RowList).focus()

    def _show(self) -> None:
        sums: dict[str, int] = {}
        for name, other in self._names.items():
            sums[other] = sums.get(other, 0) + self._counts[name]
        rows = [
            _Row(name, self._counts[name], other, sums[other], name in self._missing)
            for name, other in self._names.items()
        ]
        self.query_one(RowList).show(rows)
        left = {other: count for other, count in sums.items() if other}
        words = f"{plural(len(left), 'class', 'classes')} of {plural(sum(left.values()), 'image')}"
        few = "" if len(left) >= _FEWEST else "; a classifier needs two classes"
        style = "$warning" if few else "$text-muted"
        self.query_one("#sum", Static).update(Content.styled(words + few, style))

    def _draw(self, row: _Row, width: int) -> Content:
        name = Content(printable(row.name)).truncate(min(_NAME, max(8, width // 2 - 8)), ellipsis=True, pad=True)
        count = count_text(row.images).rjust(8)
        if not row.other:
            why = "   – no label" if row.missing else "   – excluded"
            return Content.assemble(name.stylize("$text-muted"), (count, "$text-muted"), (why, "$primary"))
        if row.other == row.name and row.together == row.images:
            return Content.assemble(name, count)
        merged = f" {count_text(row.together)}" if row.together != row.images else ""
        return Content.assemble(name, count, ("   → ", "$primary"), printable(row.other), (merged, "$text-muted"))

    @property
    def _here(self) -> str:
        row = self.query_one(RowList).chosen
        assert isinstance(row, _Row)
        return row.name

    def action_rename(self) -> None:
        """Ask for another name of the class in focus."""
        self._renamed = self._here
        field = self.query_one("#other", Input)
        field.value = self._names[self._renamed] or self._renamed
        field.display = True
        field.focus()
        field.action_select_all()

    def action_leave_out(self) -> None:
        """Leave the class in focus out, or take it in again."""
        self._names[self._here] = "" if self._names[self._here] else self._here
        self._show()

    def action_own(self) -> None:
        """Give the class in focus its own name back."""
        self._names[self._here] = self._here
        self._show()

    def action_take(self) -> None:
        """Take the new name, or close with the classes."""
        if self._renamed is not None:
            self._names[self._renamed] = self.query_one("#other", Input).value.strip()
            self._end_naming()
        elif not any(self._names.values()):
            self.query_one("#sum", Static).update(Content.styled("Keep two classes or more.", "$warning"))
        else:
            self.dismiss({name: other for name, other in self._names.items() if self._is_decided(name, other)})

    def _is_decided(self, name: str, other: str) -> bool:
        """Tell whether `data.classes` has to name a class: nobody would know otherwise what it is called."""
        if name in self._missing:
            return other != ""
        return other != name or self._before.get(name) == name

    def _end_naming(self) -> None:
        self._renamed = None
        self.query_one("#other").display = False
        self.query_one(RowList).focus()
        self._show()

    def action_cancel(self) -> None:
        """Leave the name, or the classes, as they were."""
        if self._renamed is not None:
            self._end_naming()
        else:
            self.dismiss(None)

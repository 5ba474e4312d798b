"""Asks which column of a manifest has images, classes, groups and parts, and previews their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.data.listing.manifest_table import Columns
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.field import Choice
from aimic_tui.widgets.frame import KeyLine, Rule

_NONE = "none"
_ROLES = (
    ("image", "Image", "the path of each image, absolute or relative to the manifest's folder"),
    ("label", "Class", "the class that networks learn"),
    ("group", "Group", "the patient or slide; all its images stay on one side of every split"),
    ("part", "Part", "train, validation or test, if the split is given"),
)
_VALUES = 3  # of a column that are shown
_NEEDED = ("image", "label")
_FEWEST = 2  # classes


@dataclass(frozen=True)
class ColumnChoice:
    """Which column of a manifest has what; "none" for groups and parts that no column has."""

    image: str
    label: str
    group: str
    part: str

    def settings(self) -> dict[str, str]:
        """Return it as settings of the experiment's table `data`."""
        return {
            "image_column": self.image,
            "label_column": self.label,
            "group": self.group,
            "part_column": self.part,
        }


class ColumnsPrompt(Dialog[ColumnChoice | None]):
    """A line for each role with the columns to choose from; gives them, or None after `esc`."""

    DEFAULT_CSS = f"""
    ColumnsPrompt {{
        {SHEET_CSS}
        .role {{ height: 1; margin: 1 1 0 1; }}
        .role Static {{ width: 9; padding: 0 1; }}
        .values {{ color: $text-muted; padding: 0 2 0 12; }}
        .role:focus-within {{ color: $primary; }}  /* its own, or what is inside is not drawn anew */
        .role:focus-within Static {{ color: $primary; text-style: bold; }}
        #problem {{ color: $warning; min-height: 1; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Use", id="columns.take", priority=True, tooltip="Read the manifest by these columns"),
        Binding("down,j", "move(1)", "Down", id="columns.down", tooltip="The next line"),
        Binding("up,k", "move(-1)", "Up", show=False, id="columns.up", tooltip="The previous line"),
        Binding("escape", "cancel", "Cancel", id="columns.cancel", tooltip="Don't open the manifest"),
    ]

    def __init__(self, name: str, columns: Columns, settings: Mapping[str, Any]) -> None:
        """Make the prompt.

        Args:
            name: of the manifest's file.
            columns: what it holds.
            settings: of `data`, as they are now.
        """
        super().__init__()
        self._file, self._columns = name, columns
        image = columns.image or _most_like_images(columns)
        usual = {
            "image": image,
            "label": columns.label or ",".join(columns.one_hot) or _most_like_classes(columns, image),
            "group": columns.group or _NONE,
            "part": columns.part or _NONE,
        }
        now = {role: str(settings.get("group" if role == "group" else f"{role}_column", "")) for role in usual}
        known = [*columns.names, *([",".join(columns.one_hot)] if columns.one_hot else [])]
        self._at_first = {role: now[role] if now[role] in known else guess for role, guess in usual.items()}

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(f"What are the columns of {printable(self._file)}?"), id="title")
            yield Static("left and right choose a column; its values are shown below", id="detail")
            for role, title, _ in _ROLES:
                words = self._columns.names if role in _NEEDED else (_NONE, *self._columns.names)
                if role == "label" and self._columns.one_hot:
                    words = (",".join(self._columns.one_hot), *words)
                with Horizontal(classes="role"):
                    yield Static(title)
                    yield Choice(words, self._at_first[role], id=role)
                yield Static("", id=f"{role}-values", classes="values")
            yield Static("", id="problem")
            yield KeyLine()

    def on_mount(self) -> None:
        """Show what the columns hold."""
        for role, _, _ in _ROLES:
            self._preview(role)
        self.query_one("#image", Choice).focus()

    @on(Choice.Changed)
    def _changed(self, event: Choice.Changed) -> None:
        self._preview(event.choice.id or "")
        self.query_one("#problem", Static).update("")

    @on(events.DescendantFocus)
    def _moved(self, event: events.DescendantFocus) -> None:
        said = next((words for role, _, words in _ROLES if role == event.widget.id), "")
        self.query_one("#detail", Static).update(Content(said))

    def _preview(self, role: str) -> None:
        column = self.query_one(f"#{role}", Choice).value
        shown = Content("a column for each class, with 1 where it is the image's" if "," in column else "")
        if column in self._columns.names:
            at = self._columns.names.index(column)
            values = Counter(row[at] for row in self._columns.rows)
            some = ", ".join(one_line(value, 40) or "empty" for value, _ in values.most_common(_VALUES))
            many = plural(len(values), "value") + f" in the first {plural(len(self._columns.rows), 'row')}"
            shown = Content(f"{some}{' ...' if len(values) > _VALUES else ''}   ({many})")
        self.query_one(f"#{role}-values", Static).update(shown)

    def action_move(self, step: int) -> None:
        """Go to the line above or below."""
        roles = [role for role, _, _ in _ROLES]
        here = self.focused.id if self.focused is not None and self.focused.id in roles else "image"
        self.query_one(f"#{roles[(roles.index(here) + step) % len(roles)]}", Choice).focus()

    def action_take(self) -> None:
        """Close with the columns, if each is taken once."""
        chosen = {role: self.query_one(f"#{role}", Choice).value for role, _, _ in _ROLES}
        named = [column for column in chosen.values() if column != _NONE]
        twice = next((column for column in named if named.count(column) > 1), None)
        if twice is not None:
            self.query_one("#problem", Static).update(Content(f"{printable(twice)} is chosen twice."))
            return
        self.dismiss(ColumnChoice(chosen["image"], chosen["label"], chosen["group"], chosen["part"]))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


def _most_like_images(columns: Columns) -> str:
    """Return the column of whose values most end as names of images do."""

    def images(at: int) -> int:
        return sum(row[at][row[at].rfind(".") :].lower() in IMAGE_SUFFIXES for row in columns.rows)

    return columns.names[max(range(len(columns.names)), key=images)] if columns.names else ""


def _most_like_classes(columns: Columns, image: str) -> str:
    """Return the column beside the images' that has fewest values, but more than one."""

    def values(at: int) -> tuple[bool, int]:
        count = len({row[at] for row in columns.rows})
        return count < _FEWEST, count

    others = [at for at, name in enumerate(columns.names) if name != image]
    return columns.names[min(others, key=values)] if others else image

"""Choosing networks from the catalogue: type to search, mark some, take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.models.catalogue import NetworkInfo, all_networks, search_networks
from aimic_tui.engine.models.weights_folder import read_entries
from aimic_tui.engine.text import printable
from aimic_tui.widgets.big_table import BigTable, Cell, Column
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule


class NetworkPicker(Dialog[tuple[str, ...] | None]):
    """All networks, the paper's ten first; gives the names that were marked, or None after `esc`."""

    DEFAULT_CSS = """
    NetworkPicker { align: left bottom; background: $background 60%; }
    NetworkPicker #sheet { height: 90%; background: $background; }
    NetworkPicker .line { padding: 0 1; height: 1; }
    NetworkPicker #search { margin: 0 1; }
    NetworkPicker BigTable { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "mark", "Mark", id="networks.mark", priority=True, tooltip="Mark or unmark the network"),
        Binding(
            "enter",
            "take",
            "Use marked",
            id="networks.take",
            priority=True,
            tooltip="Use the marked networks; where none is marked, the one in focus",
        ),
        Binding("escape", "cancel", "Cancel", id="networks.cancel", tooltip="Leave the networks as they were"),
        Binding(
            "ctrl+u",
            "clear",
            "Unmark all",
            id="networks.clear",
            priority=True,
            tooltip="Clear all marks and the search",
        ),
        Binding("down", "move(1)", "Down", show=False, priority=True, id="networks.down", tooltip="The network below"),
        Binding("up", "move(-1)", "Up", show=False, priority=True, id="networks.up", tooltip="The network above"),
        Binding("pagedown", "page(1)", show=False, priority=True, id="networks.page-down", tooltip="A page down"),
        Binding("pageup", "page(-1)", show=False, priority=True, id="networks.page-up", tooltip="A page up"),
    ]

    def __init__(self, chosen: Sequence[str]) -> None:
        """Make the list.

        Args:
            chosen: the names that are marked at first; unknown ones are kept and given back.
        """
        super().__init__()
        self._networks = all_networks()
        known = {info.name for info in self._networks}
        self._marked: list[str] = [name for name in dict.fromkeys(chosen) if name in known]
        self._unknown = [name for name in chosen if name not in known]
        self._offline = _offline_networks()

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static("", id="told", classes="line")
            yield Input(placeholder="type to search: parts of a name", id="search")
            yield BigTable(empty="No network has such a name.")
            yield Rule()
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the list."""
        infos = self._networks
        columns = [
            Column("name", "network", infos, self._name_cell),
            Column("parameters", "params", infos, _parameters, align="right", width=8),
            Column("gmacs", "GMACs", infos, lambda info: f"{info.gmacs:.2f}", align="right", width=7),
            Column("size", "pixels", infos, lambda info: str(info.input_size), align="right", width=6),
            Column("offline", "weights", infos, self._weights_cell, width=9),
            Column("library", "library", infos, lambda info: info.library, width=11),
        ]
        self.query_one(BigTable).show(columns, len(infos))
        self.query_one("#search", Input).focus()
        if self._marked:
            names = [info.name for info in infos]
            self.query_one(BigTable).go_to(names.index(self._marked[0]))
        self._tell()

    def _name_cell(self, info: NetworkInfo) -> Cell:
        mark = ("✓ ", "primary") if info.name in self._marked else ("  ", "")
        name = (info.name, "strong" if info.name in self._marked else "")
        return (mark, name, ("  paper", "muted")) if info.paper else (mark, name)  # type: ignore[return-value]

    def _weights_cell(self, info: NetworkInfo) -> Cell:
        if info.name in self._offline:
            return (("✓ offline", "primary"),)
        return (("published" if info.weights else "none", "muted"),)

    def _tell(self) -> None:
        names = ", ".join(printable(name) for name in [*self._unknown, *self._marked])
        line = Content.assemble(("Networks  ", "bold"), names or ("none marked", "$text-muted"))
        self.query_one("#told", Static).update(line)

    @on(Input.Changed, "#search")
    def _search(self, event: Input.Changed) -> None:
        text = event.value.strip()
        table = self.query_one(BigTable)
        if not text:
            table.set_filter("", None)
            return
        found = {info.name for info in search_networks(text)}
        keep = np.array([info.name in found for info in self._networks], dtype=np.bool_)

        def part(start: int, stop: int) -> NDArray[np.bool_]:
            return keep[start:stop]

        table.set_filter(f"with “{printable(text)}”", part)
        table.rows.action_move_to(0)

    def action_mark(self) -> None:
        """Mark or unmark the network in focus."""
        table = self.query_one(BigTable)
        if table.row is None:
            return
        name = self._networks[table.row].name
        if name in self._marked:
            self._marked.remove(name)
        else:
            self._marked.append(name)
        table.rows.refresh()
        self._tell()

    @on(BigTable.RowSelected)
    def _clicked(self) -> None:
        self.action_mark()

    def action_take(self) -> None:
        """Close with the marked networks, or the one in focus."""
        table = self.query_one(BigTable)
        names = [*self._unknown, *self._marked]
        if not names and table.row is not None:
            names = [self._networks[table.row].name]
        self.dismiss(tuple(names) or None)

    def action_clear(self) -> None:
        """Unmark everything and empty the search."""
        self._marked.clear()
        self._unknown.clear()
        self.query_one("#search", Input).value = ""
        self.query_one(BigTable).rows.refresh()
        self._tell()

    def action_move(self, step: int) -> None:
        """Move in the list while the search has the focus."""
        self.query_one(BigTable).rows.action_move(step)

    def action_page(self, step: int) -> None:
        """Move by a page in the list while the search has the focus."""
        self.query_one(BigTable).rows.action_page(step)

    def action_cancel(self) -> None:
        """Leave the networks as they were."""
        self.dismiss(None)


def _offline_networks() -> frozenset[str]:
    try:
        return frozenset(entry.network for entry in read_entries())
    except InputProblem:
        return frozenset()


def _parameters(info: NetworkInfo) -> str:
    return f"{info.parameters / 1e6:.1f} M"

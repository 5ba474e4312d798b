"""Which images the Data place is about: a path, and what must be known to read it - columns, patterns, classes."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from aimic_tui.engine.data.listing.data_choice import DataChoice
from aimic_tui.engine.data.listing.list_images import NoClasses
from aimic_tui.engine.data.listing.manifest_table import is_manifest, read_columns
from aimic_tui.engine.data.listing.marks import marks_stamp
from aimic_tui.engine.data.manifest import check_listing_path, write_listing
from aimic_tui.engine.errors import AimicError, Interrupted
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.data.classes_dialog import ClassesDialog
from aimic_tui.screens.data.columns_prompt import ColumnsPrompt
from aimic_tui.screens.data.marking import MarkingPlace
from aimic_tui.screens.marking.pattern_prompts import GroupPrompt, LabelPatternPrompt
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.workspace.data_session import OpenData, open_data, renewed, with_classes

_ON_DATA = ("groups", "classes", "manifest")


class OpeningPlace(MarkingPlace):
    """A place about one data set; a subclass draws it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open", id="data.open", tooltip="Open another folder of images, or a manifest"),
        Binding("c", "classes", "Classes", id="data.classes", tooltip="Rename, merge or leave out classes"),
        Binding(
            "p",
            "pattern",
            "Names",
            show=False,
            id="data.pattern",
            tooltip="How names tell the class",
        ),
        Binding("t", "columns", "Columns", show=False, id="data.columns", tooltip="What the manifest's columns say"),
        Binding(
            "w",
            "manifest",
            "Write manifest",
            show=False,
            id="data.manifest",
            tooltip="Write the images as they are now decided about as a manifest, a data set by itself",
        ),
    ]

    class Found(Message):
        """A data set is listed."""

        def __init__(self, data: OpenData) -> None:
            super().__init__()
            self.data = data

    class NotFound(Message):
        """A path holds nothing to look at; `images` where only their classes are missing."""

        def __init__(self, sentence: str, images: tuple[str, ...] = ()) -> None:
            super().__init__()
            self.sentence = sentence
            self.images = images

    class Counting(Message):
        """So many images so far."""

        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

    def __init__(self) -> None:
        super().__init__()
        self._opened: tuple[str, dict[str, Any]] | None = None
        self._good: dict[str, Any] = {}  # the settings that what is shown was found with
        self._stamp = (0, 0, 0)

    # -- what a subclass draws

    @abstractmethod
    def _ask(self, problem: str = "") -> None:
        """Say what to do where there is no data set."""

    @abstractmethod
    def _forget(self) -> None:
        """Let go of what belongs to the data set before."""

    @abstractmethod
    def _busy(self, words: str) -> None:
        """Say that images are looked for."""

    @abstractmethod
    def _opened_now(self, data: OpenData, *, first: bool) -> None:
        """Show a data set that was found; `first` where another one was shown before."""

    # -- opening

    @property
    def _path(self) -> str:
        return self._opened[0] if self._opened else ""

    @work(exclusive=True, group="question")
    async def action_open(self) -> None:
        """Ask for a data set and look at it."""
        prompt = PathPrompt(
            "Open a data set",
            detail="A folder with a folder of images for each class, or a manifest (.csv) that lists images.",
            suffixes=(".csv", ".tsv", ".npz"),
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

    def _look_again(self) -> None:
        """Look at what the context says now, if it is not what is shown."""
        context = self.shell.context
        if context.data_path is None:
            self._ask()
        elif self._opened != (context.data_path, context.data_settings):
            self._open()
        elif self._data is not None and marks_stamp(self._data.file) != self._stamp:
            self._read_marks()

    def _open(self) -> None:
        context = self.shell.context
        assert context.data_path is not None
        path = context.data_path
        if self._opened is None or self._opened[0] != path:
            self._data = None
            self._chosen = frozenset()
            self._forget()
        self._opened = (path, dict(context.data_settings))
        self._busy("looking for images")
        if is_manifest(Path(path)) and "image_column" not in context.data_settings:
            self._ask_columns(path, only_if_needed=True)
        else:
            self._find(DataChoice.from_table(path, context.data_settings))

    @work(thread=True, exclusive=True, group="find", exit_on_error=False)
    def _find(self, choice: DataChoice) -> None:
        worker = get_current_worker()

        def progress(count: int) -> None:
            if worker.is_cancelled:
                raise Interrupted("Another data set is looked for.")
            self.post_message(self.Counting(count))

        try:
            data = open_data(choice, self.shell.workspace.marks_folder, progress)
        except Interrupted:
            return
        except NoClasses as problem:
            self.post_message(self.NotFound(problem.sentence, problem.images))
        except AimicError as problem:
            self.post_message(self.NotFound(problem.sentence))
        except OSError as problem:
            self.post_message(self.NotFound(f"{printable(choice.path)} can't be read: {problem}."))
        else:
            self.post_message(self.Found(data))

    @on(Counting)
    def _counting(self, message: Counting) -> None:
        if self._data is None:
            self._busy(f"looking for images: {message.count:,}")

    @on(NotFound)
    def _not_found(self, message: NotFound) -> None:
        context = self.shell.context
        if self._data is not None:  # a setting that finds nothing; what was shown stays
            self.shell.tell(message.sentence, "warning")
            context.data_settings = dict(self._good)
            self._opened = (self._path, dict(self._good))
            self._decided(self._data)
        elif message.images:
            self._ask_pattern(message.images, message.sentence)
        else:
            self._nothing(message.sentence)

    def _nothing(self, sentence: str = "") -> None:
        self._opened = None
        self.shell.context.data_path = None
        self._ask(sentence)

    @on(Found)
    def _found(self, message: Found) -> None:
        if message.data.choice.path != self._path:
            return
        first = self._data is None
        self._keep(message.data)
        self._opened_now(message.data, first=first)
        self._remember()

    def _keep(self, data: OpenData) -> None:
        """Hold on to what is open, and let the other places know what was decided."""
        context = self.shell.context
        if data.choice.marks != str(context.data_settings.get("marks", "auto")):
            context.data_settings["marks"] = data.choice.marks
        self._data, self._stamp = data, marks_stamp(data.file)
        self._good = dict(context.data_settings)
        self._opened = (data.choice.path, dict(context.data_settings))

    @work(exclusive=True, group="remember", exit_on_error=False)
    async def _remember(self) -> None:
        """Put the data set on Home's list; the audit adds what it finds."""
        if self.shell.read_only or self._data is None:
            return
        data_set = self._data.data_set
        with suppress(OSError):  # a workspace that can't be written says so when a run is started
            await asyncio.to_thread(
                self.shell.workspace.remember_data_set,
                Path(self._path),
                images=len(data_set),
                classes=len(data_set.classes),
                groups=len(data_set.group_names) if data_set.grouped else None,
            )

    @work(exclusive=True, group="renew", exit_on_error=False)
    async def _read_marks(self) -> None:
        """Take marks that another place or program made meanwhile."""
        data = self._data
        assert data is not None
        try:
            after = await asyncio.to_thread(renewed, data)
        except (AimicError, OSError) as problem:
            self.shell.tell(str(problem), "warning")
            return
        if self._data is data:
            self._decided(after)

    # -- what must be known to read it

    @work(exclusive=True, group="question")
    async def _ask_columns(self, path: str, *, only_if_needed: bool = False) -> None:
        context = self.shell.context
        try:
            columns = await asyncio.to_thread(read_columns, Path(path))
        except AimicError as problem:
            self.post_message(self.NotFound(problem.sentence))
            return
        if only_if_needed and (not columns.names or (columns.image and columns.label)):
            self._find(DataChoice.from_table(path, context.data_settings))
            return
        chosen = await self.app.push_screen_wait(ColumnsPrompt(Path(path).name, columns, context.data_settings))
        if chosen is not None:
            self._settle(chosen)
        elif self._data is None:
            self._nothing()

    @work(exclusive=True, group="question")
    async def _ask_pattern(self, images: tuple[str, ...], problem: str = "") -> None:
        now = str(self.shell.context.data_settings.get("pattern", ""))
        pattern = await self.app.push_screen_wait(LabelPatternPrompt(images, now, None))
        if pattern is not None:
            self._settle({"pattern": pattern})
        elif self._data is None:
            self._nothing(problem)

    def _settle(self, settings: Mapping[str, Any]) -> None:
        self.shell.context.data_settings.update(settings)
        self._open()

    def action_columns(self) -> None:
        """Ask which columns of the manifest say what."""
        self._ask_columns(self._path)

    def action_pattern(self) -> None:
        """Ask how names tell the class."""
        assert self._data is not None
        self._ask_pattern(self._data.listed.images)

    @work(exclusive=True, group="question")
    async def action_groups(self) -> None:
        """Ask for the pattern that groups the images."""
        if self._data is None:
            return
        data_set, suggestion = self._data.data_set, self._data.listed.suggested_group
        now = data_set.group_rule if data_set.grouped else (suggestion or "none")
        pattern = await self.app.push_screen_wait(GroupPrompt(data_set.images, now, suggestion))
        if pattern is not None:
            self._settle({"group": pattern or "none"})

    @work(exclusive=True, group="question")
    async def action_classes(self) -> None:
        """Ask what classes are called, which are merged, and which are left out."""
        data = self._data
        assert data is not None
        classes = await self.app.push_screen_wait(ClassesDialog(data.found.own_classes, data.choice.classes))
        if classes is None or self._data is not data:
            return
        try:
            after = await asyncio.to_thread(with_classes, data, classes)
        except AimicError as problem:
            self.shell.tell(problem.sentence, "warning")
            return
        self.shell.context.data_settings["classes"] = classes
        self._decided(after)

    @work(exclusive=True, group="question")
    async def action_manifest(self) -> None:
        """Ask where, and write the images as they are decided about as a manifest."""
        data = self._data
        assert data is not None
        if not self.may_change("write a manifest"):
            return
        offered = Path(data.choice.path)
        prompt = PathPrompt(
            "Write the cleaned manifest as",
            detail=f"{plural(len(data.data_set), 'image')} with classes and groups as shown; a data set by itself.",
            value=str(offered.with_name(f"{offered.stem}-clean.csv")),
            suffixes=(".csv",),
            check=lambda path: _cannot_be_written(path, data.choice.path),
        )
        path = await self.app.push_screen_wait(prompt)
        if path is None:
            return
        try:
            await asyncio.to_thread(write_listing, Path(path), data.data_set)
        except OSError as problem:
            self.shell.tell(f"{path} can't be written: {problem.strerror or problem}.", "error")
        else:
            self.shell.tell(f"Written: {path}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense for what is open."""
        if action in _ON_DATA:
            return self._data is not None
        if action == "columns":
            return is_manifest(Path(self._path)) if self._path else False
        if action == "pattern":
            return self._data is not None and not Path(self._path).is_file()
        return super().check_action(action, parameters)


def _cannot_be_written(path: Path, data: str) -> str | None:
    try:
        check_listing_path(path, data)
    except AimicError as problem:
        return problem.sentence
    return f"{printable(str(path))} is there already. Choose another name." if path.exists() else None

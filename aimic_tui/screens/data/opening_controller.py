"""Opens a data set, and asks for what must be known to read it: path, columns, name patterns, groups, classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual.binding import Binding, BindingType

from aimic_tui.engine.data.listing.data_source import DATA_SUFFIXES, DataSource
from aimic_tui.engine.data.listing.list_images import NoClasses
from aimic_tui.engine.data.listing.manifest_table import is_manifest, read_columns
from aimic_tui.engine.data.listing.recognize_layout import UnclearLayout
from aimic_tui.engine.data.manifest import check_manifest_path, write_cleaned_manifest
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.data.classes_dialog import ClassesDialog
from aimic_tui.screens.data.columns_prompt import ColumnsPrompt
from aimic_tui.screens.data.layout_prompt import LayoutPrompt
from aimic_tui.screens.marking.pattern_prompts import GroupPrompt, LabelPatternPrompt
from aimic_tui.screens.place import Place
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.workspace.data_session import DataSession


class OpeningHost(Protocol):
    """The screen around it, by what opening a data set asks of it."""

    def show_nothing(self, problem: str = "") -> None:
        """Say what to do where no data set is open; `problem` is why the requested one is not."""

    def show_busy(self, words: str) -> None:
        """Say that images are looked for."""

    def show_opened(self, *, other: bool) -> None:
        """Show the session's data set; `other` where it is another one than before, not the same read again."""

    def show_marks(self) -> None:
        """Show the session as it is now."""

    def close_data(self) -> None:
        """Stop what is going on about the data set that was open; it is closed."""


class OpeningController:
    """Opens what the app's context names, and changes what it says on being asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open", id="data.open", tooltip="Open another folder of images, or a manifest"),
        Binding("c", "classes", "Classes", id="data.classes", tooltip="Rename, merge or leave out classes"),
        Binding("m", "merge", "Merge", id="data.merge", tooltip="Merge the classes whose names look the same"),
        Binding("p", "pattern", "Names", show=False, id="data.pattern", tooltip="Which part of the name is the class"),
        Binding("l", "layout", "Layout", show=False, id="data.layout", tooltip="What the folders mean: classes, parts"),
        Binding(
            "t", "columns", "Columns", show=False, id="data.columns", tooltip="What the manifest's columns contain"
        ),
        Binding(
            "w",
            "manifest",
            "Write manifest",
            show=False,
            id="data.manifest",
            tooltip="Write the images with the classes and groups shown as a manifest, a data set by itself",
        ),
    ]

    def __init__(self, place: Place, session: DataSession, host: OpeningHost) -> None:
        """Make the controller.

        Args:
            place: shows dialogs and notices, and runs what waits for them.
            session: what is open.
            host: shows it; usually the place itself.
        """
        self._place, self._session, self._host = place, session, host
        self._requested: tuple[str, dict[str, Any]] | None = None  # path and settings, opened or being opened
        self._valid_settings: dict[str, Any] = {}  # with which what is open was found

    # -- opening

    @property
    def path(self) -> str:
        """The data set that is open or being opened, empty where there is none."""
        return self._requested[0] if self._requested else ""

    def open_from_context(self) -> None:
        """Open what the context names, if it is not what is open; take marks that were made elsewhere."""
        context = self._place.shell.context
        if context.data_path is None:
            self._host.show_nothing()
        elif self._requested != (context.data_path, context.data_settings):
            self._open()
        else:
            self._run(self._reread_marks(), "reread")

    def open_path(self, path: str) -> None:
        """Open the data set at a path."""
        context = self._place.shell.context
        if context.data_path != path:
            context.data_path, context.data_settings = path, {}
        self._open()

    def _open(self) -> None:
        context = self._place.shell.context
        assert context.data_path is not None
        path = context.data_path
        if self.path != path:
            self._session.close()
            self._host.close_data()
        self._requested = (path, dict(context.data_settings))
        self._host.show_busy("looking for images")
        if is_manifest(Path(path)) and "image_column" not in context.data_settings:
            self._run(self._ask_columns(path, only_if_needed=True), "question")
        else:
            self._find(path)

    def _find(self, path: str) -> None:
        self._run(self._open_in_session(DataSource.from_table(path, self._place.shell.context.data_settings)), "find")

    async def _open_in_session(self, choice: DataSource) -> None:
        other = self._session.data is None

        def report(progress: Progress) -> None:
            if other:
                self._host.show_busy(f"looking for images: {progress.done:,}")

        try:
            await self._session.open(choice, self._place.shell.workspace.marks_folder, report)
        except NoClasses as problem:
            self._not_found(problem.sentence, partial(self._ask_pattern, problem.images, problem.sentence))
        except UnclearLayout as problem:
            self._not_found(problem.sentence, partial(self._ask_layout, problem.images, problem.sentence))
        except AimicError as problem:
            self._not_found(problem.sentence)
        except OSError as problem:
            self._not_found(f"{printable(choice.path)} can't be read: {problem}.")
        else:
            self.update_context()
            self._host.show_opened(other=other)
            self._run(self._remember(), "remember")

    def _not_found(self, sentence: str, question: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Say why nothing was opened; ask the question whose answer would open it, where there is one."""
        shell = self._place.shell
        if self._session.data is not None:  # a setting that finds nothing; what was shown stays
            shell.tell(sentence, "warning")
            shell.context.data_settings = dict(self._valid_settings)
            self._host.show_marks()
        elif question is not None:
            self._run(question(), "question")
        else:
            self._open_nothing(sentence)

    def _open_nothing(self, sentence: str = "") -> None:
        self._requested = None
        self._place.shell.context.data_path = None
        self._host.show_nothing(sentence)

    def update_context(self) -> None:
        """Let the other places know what is open, and where its marks are."""
        data, context = self._session.data, self._place.shell.context
        if data is None:
            return
        if data.choice.marks != str(context.data_settings.get("marks", "auto")):
            context.data_settings["marks"] = data.choice.marks
        self._valid_settings = dict(context.data_settings)
        self._requested = (data.choice.path, dict(context.data_settings))

    async def _remember(self) -> None:
        """Put the data set on Home's list; the audit adds what it finds."""
        shell = self._place.shell
        if shell.read_only or self._session.data is None:
            return
        data_set = self._session.data.data_set
        with suppress(OSError):  # a workspace that can't be written says so when a run is started
            await asyncio.to_thread(
                shell.workspace.remember_data_set,
                Path(self.path),
                images=len(data_set),
                classes=len(data_set.classes),
                groups=len(data_set.group_names) if data_set.grouped else None,
            )

    async def _reread_marks(self) -> None:
        try:
            changed = await self._session.reread_marks()
        except (AimicError, OSError) as problem:
            self._place.shell.tell(str(problem), "warning")
            return
        if changed:
            self._host.show_marks()

    # -- asking

    def offers(self, action: str) -> bool:
        """Tell whether an action of `BINDINGS`, or `groups`, makes sense for what is open."""
        if action == "open":
            return True
        if action == "columns":
            return bool(self.path) and is_manifest(Path(self.path))
        if action == "merge":
            return self._session.data is not None and self._session.data.found.merged_classes is not None
        if action in ("pattern", "layout"):
            return self._session.data is not None and not Path(self.path).is_file()
        return self._session.data is not None

    def ask(self, action: str) -> None:
        """Ask what an action of `BINDINGS`, or `groups`, is about, and do it."""
        questions = {
            "open": self._ask_path,
            "classes": self._ask_classes,
            "merge": self._merge_look_alikes,
            "pattern": self._ask_pattern,
            "layout": self._ask_layout,
            "columns": self._ask_columns,
            "groups": self._ask_groups,
            "manifest": self._ask_manifest,
        }
        self._run(questions[action](), "question")

    async def _ask_path(self) -> None:
        prompt = PathPrompt(
            "Open a data set",
            detail="A folder with one subfolder per class, or a manifest (.csv) that lists images.",
            suffixes=DATA_SUFFIXES,
            known=[known.path for known in self._place.shell.workspace.data_sets()],
        )
        path = await self._place.app.push_screen_wait(prompt)
        if path is not None:
            self.open_path(path)

    async def _ask_columns(self, path: str = "", *, only_if_needed: bool = False) -> None:
        path = path or self.path
        settings = self._place.shell.context.data_settings
        try:
            columns = await asyncio.to_thread(read_columns, Path(path))
        except AimicError as problem:
            self._not_found(problem.sentence)
            return
        if only_if_needed and (not columns.names or (columns.image and (columns.label or columns.one_hot))):
            self._find(path)
            return
        chosen = await self._place.app.push_screen_wait(ColumnsPrompt(Path(path).name, columns, settings))
        if chosen is not None:
            self._change_settings(chosen.settings())
        elif self._session.data is None:
            self._open_nothing()

    async def _ask_pattern(self, images: tuple[str, ...] = (), problem: str = "") -> None:
        data = self._session.data
        if data is not None:
            images = data.listed.images
        pattern = str(self._place.shell.context.data_settings.get("pattern", ""))
        answer = await self._place.app.push_screen_wait(LabelPatternPrompt(images, pattern, None))
        if answer is not None:
            self._change_settings({"pattern": answer})
        elif data is None:
            self._open_nothing(problem)

    async def _ask_layout(self, images: tuple[str, ...] = (), problem: str = "") -> None:
        data = self._session.data
        if data is not None:
            images = data.listed.images
        now = str(self._place.shell.context.data_settings.get("layout", "auto"))
        answer = await self._place.app.push_screen_wait(LayoutPrompt(images, Path(self.path), now, problem))
        if answer is not None:
            self._change_settings({"layout": answer})
        elif data is None:
            self._open_nothing(problem)

    async def _ask_groups(self) -> None:
        data = self._session.data
        assert data is not None
        suggestion = data.listed.suggested_group
        now = data.data_set.group_rule if data.data_set.grouped else (suggestion or "none")
        pattern = await self._place.app.push_screen_wait(GroupPrompt(data.data_set.images, now, suggestion))
        if pattern is not None:
            self._change_settings({"group": pattern or "none"})

    def _change_settings(self, settings: Mapping[str, Any]) -> None:
        self._place.shell.context.data_settings.update(settings)
        self._open()

    async def _ask_classes(self) -> None:
        data = self._session.data
        assert data is not None
        classes = await self._place.app.push_screen_wait(
            ClassesDialog(data.found.original_classes, data.choice.classes, data.found.missing)
        )
        if classes is not None and self._session.data is data:
            await self._use_classes(classes)

    async def _merge_look_alikes(self) -> None:
        data = self._session.data
        assert data is not None
        if (merged := data.found.merged_classes) is not None and await self._use_classes(merged):
            sets = plural(len(data.found.look_alikes), "class", "classes")
            self._place.shell.tell(f"Merged into {sets}; c changes that.")

    async def _use_classes(self, classes: Mapping[str, str]) -> bool:
        """Let `data.classes` be this, and tell whether it is."""
        shell = self._place.shell
        try:
            changed = await self._session.rename_classes(classes)
        except AimicError as problem:
            shell.tell(problem.sentence, "warning")
            return False
        if changed:
            shell.context.data_settings["classes"] = dict(classes)
            self._host.show_marks()
        return changed

    async def _ask_manifest(self) -> None:
        data, shell = self._session.data, self._place.shell
        assert data is not None
        if not self._place.may_change("write a manifest"):
            return
        offered = Path(data.choice.path)
        prompt = PathPrompt(
            "Write the cleaned manifest as",
            detail=f"{plural(len(data.data_set), 'image')} with classes and groups as shown; a data set by itself.",
            value=str(offered.with_name(f"{offered.stem}-clean.csv")),
            suffixes=(".csv",),
            action="Save",
            check=lambda path: _why_not_writable(path, data.choice.path),
        )
        path = await self._place.app.push_screen_wait(prompt)
        if path is None:
            return
        try:
            await asyncio.to_thread(write_cleaned_manifest, Path(path), data.data_set)
        except OSError as problem:
            shell.tell(f"{path} can't be written: {problem.strerror or problem}.", "error")
        else:
            shell.tell(f"Written: {path}")

    def _run(self, work: Coroutine[Any, Any, None], group: str) -> None:
        self._place.run_worker(work, group=group, exclusive=True, exit_on_error=False)


def _why_not_writable(path: Path, data: str) -> str | None:
    try:
        check_manifest_path(path, data)
    except AimicError as problem:
        return problem.sentence
    return f"{printable(str(path))} exists already. Choose another name." if path.exists() else None

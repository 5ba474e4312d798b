"""The keys that decide about images, for every screen with a list or a grid of them.

A screen holds a `MarkingController` beside its `DataSession` and forwards two things to it, since Textual looks for
actions on the screen:

    def action_mark(self, command: MarkingCommand) -> None:
        self.marking.run(command)

    def check_action(self, action, parameters):
        if action == "mark":
            return self.marking.offers(parameters[0])

Its lists and grids take their keys from `marking_bindings`. What the keys are for just now the screen says as a
`MarkingHost`; what they do to the marks is in `workspace/mark_changes.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from textual.binding import Binding, BindingType

from aimic_tui.engine.data.listing.class_names import original_class_name
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural
from aimic_tui.screens.marking.prompts import ClassPrompt, NotePrompt
from aimic_tui.screens.place import Place
from aimic_tui.workspace import mark_changes
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.mark_changes import DuplicateSet, MarkChange
from aimic_tui.workspace.open_data import OpenData

MarkingCommand = Literal["select", "exclude", "keep_one", "one_group", "set_class", "note", "label_error", "reviewed"]
COMMANDS: tuple[MarkingCommand, ...] = get_args(MarkingCommand)

# The ids are those of people's settings files: they stay as they are.
_KEYS: tuple[tuple[MarkingCommand, str, str, str, str], ...] = (
    ("select", "space", "choose", "Choose", "Choose the image, or the finding's images, for the next key"),
    ("exclude", "x", "exclude", "Exclude", "Exclude the images, or take it back"),
    ("keep_one", "d", "keep-one", "Keep one", "Exclude all identical images but this one, or take it back"),
    ("one_group", "u", "unite", "One group", "Keep the images on one side of every split; or take it back"),
    ("set_class", "b", "relabel", "Class", "Give the images another class"),
    ("note", "n", "note", "Note", "Write a note on the images"),
    ("label_error", "e", "doubt", "Label error", "Mark a possible label error; still used for training"),
    ("reviewed", "r", "reviewed", "Reviewed", "Mark the images as reviewed and right"),
)


def marking_bindings(commands: Collection[MarkingCommand], shown: Collection[MarkingCommand]) -> list[BindingType]:
    """Return keys for a list or a grid of images.

    Args:
        commands: what can be done there.
        shown: those on the bottom line.
    """
    return [
        Binding(key, f"screen.mark({command!r})", label, show=command in shown, id=f"data.{name}", tooltip=tooltip)
        for command, key, name, label, tooltip in _KEYS
        if command in commands
    ]


@dataclass(frozen=True)
class MarkingTarget:
    """What a key is for where no image is selected.

    Attributes:
        images: the image in focus, or all images of the finding in focus; empty where there is none.
        duplicates: the sets of duplicates in focus, for keeping one of each or grouping them.
        single: one image of a list or a grid is in focus, not a whole finding.
        together: sets of other images in focus that may belong in one group.
    """

    images: tuple[str, ...] = ()
    duplicates: tuple[DuplicateSet, ...] = ()
    single: bool = True
    together: tuple[tuple[str, ...], ...] = ()


class MarkingHost(Protocol):
    """The screen around the keys, by what they ask of it."""

    def marking_target(self) -> MarkingTarget:
        """Return what has the focus."""

    def show_marks(self) -> None:
        """Show the session as it is now: marks were written, or other images are selected."""

    def focus_next_image(self) -> None:
        """Go on to the next image of the list or grid with the focus; one was selected."""


class MarkingController:
    """Runs the keys that decide about images."""

    def __init__(self, place: Place, session: DataSession, host: MarkingHost) -> None:
        """Make the controller.

        Args:
            place: shows dialogs and notices, and runs what waits for them.
            session: the data set that is decided about.
            host: says what has the focus, and shows what was decided; usually the place itself.
        """
        self._place, self._session, self._host = place, session, host

    @property
    def images(self) -> tuple[str, ...]:
        """The images that a key is for: those selected, or else those in focus."""
        return tuple(sorted(self._session.selected)) or self._host.marking_target().images

    def offers(self, command: object) -> bool:
        """Tell whether there is something that a key is for; without a data set `run` says why it can't be."""
        target = self._host.marking_target()
        if command == "keep_one":
            return bool(target.duplicates)
        if command == "one_group":
            return len(self._session.selected) > 1 or bool(target.duplicates or target.together)
        return bool(target.images if command == "select" else self.images)

    def run(self, command: MarkingCommand) -> None:
        """Do what a key stands for."""
        if command == "select":
            self._select()
            return
        data = self._markable()
        if data is None:
            return
        if command == "set_class":
            self._work(self._ask_class(data, self.images), "question")
        elif command == "note":
            self._work(self._ask_note(data, self.images), "question")
        elif command == "keep_one":
            self._keep_one(data)
        elif command == "one_group":
            self._put_in_one_group(data)
        elif command == "label_error":
            self.apply(mark_changes.toggle(data, self.images, "label-error"))
        else:
            self.apply(mark_changes.toggle(data, self.images, command))

    def apply(self, change: MarkChange) -> None:
        """Write a change in the background, show what follows from it, and say so."""
        self._place.run_worker(self._write(change), group="marks", exit_on_error=False)

    def _work(self, question: Coroutine[Any, Any, None], group: str) -> None:
        self._place.run_worker(question, group=group, exclusive=True, exit_on_error=False)

    def _markable(self) -> OpenData | None:
        """Return what is open if it may be marked; otherwise say why not."""
        if self._session.data is None:
            self._place.shell.tell(self._session.problem or "No data set is open.", "warning")
            return None
        return self._session.data if self._place.may_change("mark images") else None

    def _select(self) -> None:
        target = self._host.marking_target()
        self._session.toggle_selected(target.images)
        self._host.show_marks()
        if target.single:
            self._host.focus_next_image()

    def _keep_one(self, data: OpenData) -> None:
        target = self._host.marking_target()
        sets: Sequence[DuplicateSet] = target.duplicates
        if not target.single:  # nobody has looked which one to keep
            sets = mark_changes.with_one_label(data, sets)
        if sets:
            self.apply(mark_changes.keep_one(data, sets))
        else:
            self._place.shell.tell(
                "They have several labels. Go to the images, and choose which one to keep.", "warning"
            )

    def _put_in_one_group(self, data: OpenData) -> None:
        target = self._host.marking_target()
        sets = [*(duplicates.images for duplicates in target.duplicates), *target.together]
        self.apply(mark_changes.put_in_one_group(data, [self.images] if len(self._session.selected) > 1 else sets))

    async def _ask_class(self, data: OpenData, images: Sequence[str]) -> None:
        what = plural(len(images), "image") if len(images) > 1 else images[0]
        prompt = ClassPrompt(f"Which class is right for {what}?", data.data_set.counts(), data.class_of(images[0]))
        shown = await self._place.app.push_screen_wait(prompt)
        if shown is not None:
            label = original_class_name(shown, data.choice.classes, set(data.found.original_classes))
            self.apply(mark_changes.set_class(data, images, label))

    async def _ask_note(self, data: OpenData, images: Sequence[str]) -> None:
        mark = data.mark(images[0], "note")
        title = f"A note on {plural(len(images), 'image')}" if len(images) > 1 else f"A note on {images[0]}"
        text = await self._place.app.push_screen_wait(NotePrompt(title, mark.note if mark else ""))
        if text is not None:
            self.apply(mark_changes.set_note(images, text))

    async def _write(self, change: MarkChange) -> None:
        shell = self._place.shell
        try:
            shown = await self._session.apply(change)
        except AimicError as problem:
            shell.tell(problem.sentence, "warning")
        except OSError as problem:
            shell.tell(f"The marks can't be written: {problem.strerror or problem}.", "error")
        else:
            if shown:
                self._host.show_marks()
                shell.tell(change.message)

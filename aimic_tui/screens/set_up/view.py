"""How Set-up looks: the form, the help beside it, and below it what the experiment amounts to."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import PRESETS, Experiment
from aimic_tui.engine.runs.prepare.duration import SpeedConditions
from aimic_tui.engine.runs.prepare.plan import RunPlan, make_plan
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.set_up.settings_form import SECTIONS, SettingsForm
from aimic_tui.screens.set_up.side_lines import help_text, plan_lines, section_lines
from aimic_tui.widgets.field import Choice, FormField
from aimic_tui.widgets.frame import Rule

PATHS = {
    "data.path": (".csv", ".npz"),
    "data.marks": (".csv",),
    "split.from": (".csv",),
    "model.weights": (".safetensors", ".pth", ".pt"),
}
_PAUSE = 0.3  # seconds after the last key before images are counted and weights looked for


class SetUpView(Place):
    """A form over the experiment, with what it amounts to; what is done with it is `SetUpScreen`'s."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (104, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f6",
            "preset",
            "Preset",
            show=False,
            id="set-up.preset",
            tooltip="Use the next preset: quick, standard, thorough or paper",
        ),
        Binding("f7", "default", "Default", show=False, id="set-up.default", tooltip="Reset the field to its default"),
        Binding(
            "f8",
            "next_problem",
            "Next problem",
            show=False,
            id="set-up.problem",
            tooltip="Go to the next field that is wrong or has a suggestion",
        ),
        Binding("down,j", "move(1)", "Down", show=False, id="set-up.down", tooltip="To the field below"),
        Binding("up,k", "move(-1)", "Up", show=False, id="set-up.up", tooltip="To the field above"),
        Binding("pagedown,ctrl+f", "section(1)", "Section", show=False, id="set-up.next", tooltip="The next section"),
        Binding("pageup", "section(-1)", "Back", show=False, id="set-up.previous", tooltip="The section before"),
        Binding("escape", "leave", "Leave field", show=False, id="set-up.leave", tooltip="Leave the field"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: RunPlan | None = None
        self.problems: dict[str, str] = {}
        self.tested: dict[SpeedConditions, float] = {}
        self._later: Timer | None = None
        self._data_taken: tuple[Any, ...] = ()
        self.starting_since: float | None = None

    # -- drawing

    def compose_body(self) -> ComposeResult:
        """Yield the form."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("preset", id="preset-word")
            yield Choice(tuple(PRESETS), "standard", id="preset")
        yield Rule()
        with Horizontal(id="middle"):
            yield Static("", id="sections")
            yield SettingsForm(id="form")
            with VerticalScroll(id="help", can_focus=False):
                yield Static("", id="help-text")
        yield Static("", id="help-line")
        yield Rule()
        yield Static("", id="amounts")

    @property
    def form(self) -> SettingsForm:
        """The fields."""
        return self.query_one(SettingsForm)

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Take the run to start from, and what the Data place settled."""
        context = self.shell.context
        taken = (context.data_path, json.dumps(context.data_settings, sort_keys=True, default=str))
        if context.start_from is not None:
            path, context.start_from = context.start_from, None
            self.load(path)
            self._data_taken = taken
        elif not self._data_taken:
            self.form.fill(context.experiment)
        if taken != self._data_taken:
            self._data_taken = taken
            if context.data_path:
                self.form.put("data.path", str(context.data_path))
            for name, value in context.data_settings.items():
                if f"data.{name}" in self.form.fields and name != "path":
                    self.form.put(f"data.{name}", value)
        if self.form.here == "":
            self.form.go_to("model.networks" if self.form.text("data.path") else "data.path")
        self.check()

    @on(SettingsForm.Edited)
    def _edited(self, event: SettingsForm.Edited) -> None:
        event.stop()
        self.check()

    def experiment(self) -> Experiment | None:
        """Return what the form says, None where a field is wrong; each field then says what."""
        self.shell.context.experiment = self.form.values()
        experiment, self.problems = self.form.experiment()
        return experiment

    def check(self) -> None:
        """Check the form now, and when the keys rest look at the images and weights."""
        experiment = self.experiment()
        self.draw()
        if self._later is not None:
            self._later.stop()
            self._later = None
        if experiment is not None:
            self._later = self.set_timer(_PAUSE, lambda: self._look_around(experiment))

    @work(group="look-around", exclusive=True, exit_on_error=False)
    async def _look_around(self, experiment: Experiment) -> None:
        before, tested = self._found, dict(self.tested)
        self._found = await asyncio.to_thread(make_plan, experiment, self.shell.workspace, before, tested)
        self.draw()

    def draw(self) -> None:
        """Draw what the form holds and what was found."""
        found = self._found
        outside = {item.key: item.sentence for item in (found.problems if found else ())}
        advice = {item.key: item.sentence for item in reversed(found.suggestions if found else ())}
        self.form.show_problems({**outside, **self.problems}, advice)
        name = self.form.text("name") or Path(self.form.text("data.path") or "nothing yet").stem
        self.query_one("#title", Static).update(Content.assemble("New run on ", (printable(name), "bold")))
        self.query_one("#preset", Choice).value = self.form.preset
        self._draw_help()
        self.query_one("#amounts", Static).update(self._amounts())

    def _draw_help(self) -> None:
        here = self.form.here
        section = self.form.settings[here].section if here else "data"
        self.query_one("#sections", Static).update(section_lines(list(self.form.fields.values()), section))
        if here:
            field = self.form.fields[here]
            self.query_one("#help-text", Static).update(help_text(field, self._hint(here)))
            self.query_one("#help-line", Static).update(Content(field.setting.help))

    def _hint(self, key: str) -> str:
        if key == "training.learning_rate":
            return "t: test a range of rates and see the curve"
        if key.startswith("augmentation."):
            return "t: see images as training will"
        return "enter: find it" if key in PATHS else ""

    def _amounts(self) -> Content:
        if self.starting_since is not None:
            seconds = f"{monotonic() - self.starting_since:.0f} s"
            return Content(f"Starting: checking settings, weights and every image ... {seconds}")
        found, wrong, advised = self._found, self.form.wrong, self.form.advised
        lines = plan_lines(found) if found is not None else []
        if not lines and (found is None or not found.problems):
            named = bool(self.form.text("data.path"))
            first = (
                "Finding the images ..." if named else "Choose the data first: a folder with one sub-folder per class."
            )
            lines.append(Content.styled(first, "$text-muted"))
        if wrong:
            text = f"! Fix {plural(len(wrong), 'setting')} before starting: {_names(wrong)}   f8: go there"
            lines.append(Content.styled(text, "$warning"))
        elif advised:
            lines.append(Content(f"! Suggestions: {_names(advised)}   f8: go there"))
        if self.form.text("split.protocol") == "aimic-2022":
            lines.append(
                Content.styled(
                    "! Optimistic: the test images choose the epoch, as in the published protocol", "$warning"
                )
            )
        return Content("\n").join(lines)

    # -- moving

    @on(SettingsForm.Moved)
    def _moved(self, event: SettingsForm.Moved) -> None:
        event.stop()
        self._draw_help()
        self.refresh_bindings()

    def action_move(self, step: int) -> None:
        """Go to the field above or below."""
        self.form.move(step)

    def action_section(self, step: int) -> None:
        """Go to the first field of the next section or the one before."""
        self.form.move_section(step)

    def action_leave(self) -> None:
        """Leave the field, so that the keys of the places work."""
        self.set_focus(None)

    def action_next_problem(self) -> None:
        """Go to the next field that is wrong or has a suggestion."""
        if not self.form.move_to_problem():
            self.shell.tell("No setting is wrong, and there are no suggestions.")

    def on_click(self, event: events.Click) -> None:
        """Go to a section that was clicked."""
        if event.widget is not None and event.widget.id == "sections" and 0 <= event.y < len(SECTIONS):
            self.form.go_to_section(list(SECTIONS)[event.y])

    # -- filling the form

    @on(Choice.Changed, "#preset")
    def _preset_chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._take_preset(event.value)

    def action_preset(self) -> None:
        """Take the next preset."""
        names, now = list(PRESETS), self.form.preset
        self._take_preset(names[(names.index(now) + 1) % len(names)] if now in names else "standard")

    def _take_preset(self, name: str) -> None:
        self.form.take_preset(name, self.shell.context.data_settings)
        self.check()

    def action_default(self) -> None:
        """Give the field in focus its default back."""
        self.form.put_default()
        self.check()

    def load(self, path: Path) -> None:
        """Fill the form from an experiment's file, or say why not."""
        try:
            experiment = Experiment.from_file(path)
            self.form.fill(experiment.to_mapping())
            if experiment.data.intensity != "window":  # a run measured it on its images, a new one measures anew
                self.form.put("data.window", self.form.settings["data.window"].default)
        except AimicError as problem:
            self.shell.tell(problem.sentence, "error")
            return
        self.check()
        self.shell.tell(f"Loaded {path}.")


def _names(fields: list[FormField]) -> str:
    return ", ".join(field.setting.key for field in fields[:4]) + (" ..." if len(fields) > 4 else "")

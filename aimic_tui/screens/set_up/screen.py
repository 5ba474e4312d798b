"""Set-up: what will happen if I press start?"""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError, ErrorRecord
from aimic_tui.engine.experiment import PRESETS, Experiment
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.set_up.file_prompts import PATH_SUFFIXES, load_prompt, path_prompt, save_prompt
from aimic_tui.screens.set_up.help_line import HelpLine
from aimic_tui.screens.set_up.help_texts import help_text, section_lines
from aimic_tui.screens.set_up.plan_panel import PlanPanel
from aimic_tui.screens.set_up.settings_form import SECTIONS, SettingsForm
from aimic_tui.screens.set_up.try_out_controller import TryOutController
from aimic_tui.widgets.field import Choice, FormField
from aimic_tui.widgets.frame import Rule
from aimic_tui.workspace.set_up_session import SetUpSession

_PAUSE = 0.3  # seconds after the last key before images are counted and weights looked for


class SetUpScreen(Place):
    """The form of an experiment, its plan, and what is done with it: fill it, try it, save it, start it."""

    PLACE: ClassVar[str] = "set-up"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (104, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "try_here",
            "Try it",
            priority=True,
            id="set-up.try",
            tooltip="At the learning rate: run a range test. At the augmentation: see augmented images",
        ),
        Binding("ctrl+r,f5", "start", "Start", id="set-up.start", tooltip="Check everything and start the run"),
        Binding("f2", "networks", "Networks", id="set-up.networks", tooltip="Choose networks from the catalogue"),
        Binding("f3", "load", "Load", id="set-up.load", tooltip="Fill the form from an experiment's TOML file"),
        Binding("f4", "save", "Save", id="set-up.save", tooltip="Write the form to a TOML file for `aimic train`"),
        Binding("f9", "samples", "Samples", id="set-up.samples", tooltip="See images as training will see them"),
        Binding("f12", "rates", "Test rates", show=False, id="set-up.rates", tooltip="Find a learning rate by a test"),
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
        Binding("pageup", "section(-1)", "Back", show=False, id="set-up.previous", tooltip="The previous section"),
        Binding("escape", "leave", "Leave field", show=False, id="set-up.leave", tooltip="Leave the field"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.session = SetUpSession(self.shell.workspace, self.shell.context.draft)
        self.try_out = TryOutController(self, self.session, self._put_tried)
        self._later: Timer | None = None
        self._starting_since: float | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the form, the help beside it and the plan below it."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("preset", id="preset-word")
            yield Choice(tuple(PRESETS), "standard", id="preset")
        yield Rule()
        with Horizontal(id="middle"):
            yield Static("", id="sections")
            yield SettingsForm(self.session.draft, id="form")
            with VerticalScroll(id="help", can_focus=False):
                yield Static("", id="help-text")
        yield HelpLine(id="help-line")
        yield Rule()
        yield PlanPanel("", id="plan")

    @property
    def form(self) -> SettingsForm:
        """The fields."""
        return self.query_one(SettingsForm)

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Take the run to start from, and what was decided in Data."""
        context = self.shell.context
        if context.start_from is not None:
            path, context.start_from = context.start_from, None
            self._load(path)
            self.session.ignore_data(context.data_path, context.data_settings)
        self.session.take_data(context.data_path, context.data_settings)
        if self.form.here == "":
            self.form.go_to("model.networks" if self.session.draft.text("data.path") else "data.path")
        self._draft_changed()

    # -- checking and drawing

    @on(SettingsForm.Edited)
    def _edited(self, event: SettingsForm.Edited) -> None:
        event.stop()
        self._draft_changed()

    def _draft_changed(self) -> None:
        """Check the draft now, and plan its run once the keys rest."""
        self.shell.context.draft = self.session.draft.changed
        experiment = self.session.check()
        self._draw()
        if self._later is not None:
            self._later.stop()
            self._later = None
        if experiment is not None:
            self._later = self.set_timer(_PAUSE, lambda: self._plan(experiment))

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def _plan(self, experiment: Experiment) -> None:
        await self.session.update_plan(experiment)
        self._draw()

    def _draw(self) -> None:
        draft = self.session.draft
        self.form.show()
        self.form.show_problems(self.session.problems, self.session.suggestions)
        name = draft.text("name") or Path(draft.text("data.path")).stem
        title = (
            Content.assemble("New run on ", (printable(name), "bold")) if name else Content("New run, no data set yet")
        )
        self.query_one("#title", Static).update(title)
        self.query_one("#preset", Choice).value = draft.preset
        self._draw_help()
        if self._starting_since is not None:
            self.query_one(PlanPanel).show_starting(monotonic() - self._starting_since)
        else:
            self.query_one(PlanPanel).show(self.session)

    def _draw_help(self) -> None:
        field = self.form.fields.get(self.form.here)
        section = field.setting.section if field is not None else "data"
        self.query_one("#sections", Static).update(section_lines(list(self.form.fields.values()), section))
        if field is not None:
            self.query_one("#help-text", Static).update(help_text(field))
            self.query_one(HelpLine).show(field.setting.help)

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
        """Use the next preset."""
        names, now = list(PRESETS), self.session.draft.preset
        self._take_preset(names[(names.index(now) + 1) % len(names)] if now in names else "standard")

    def _take_preset(self, name: str) -> None:
        self.session.draft.take_preset(name, self.shell.context.data_settings)
        self._draft_changed()

    def action_default(self) -> None:
        """Reset the field in focus to its default."""
        if self.form.here:
            self.session.draft.reset(self.form.here)
        self._draft_changed()

    @on(FormField.PickRequested)
    def _pick(self, event: FormField.PickRequested) -> None:
        event.stop()
        key = event.field.setting.key
        if key == "model.networks":
            self.action_networks()
        elif key in PATH_SUFFIXES:
            self._ask_path(key)
        else:
            self.form.move(1)

    @work(group="dialog", exclusive=True)
    async def _ask_path(self, key: str) -> None:
        draft, context = self.session.draft, self.shell.context
        path = await self.app.push_screen_wait(path_prompt(draft.settings[key], draft.text(key), self.shell.workspace))
        if path is not None:
            draft.put(key, path)
            if key == "data.path":
                context.data_path = path
                self.session.ignore_data(path, context.data_settings)
            self._draft_changed()

    @work(group="dialog", exclusive=True)
    async def action_networks(self) -> None:
        """Choose networks from the catalogue."""
        from aimic_tui.screens.set_up.network_picker import NetworkPicker

        names = [name.strip() for name in self.session.draft.text("model.networks").split(",") if name.strip()]
        chosen = await self.app.push_screen_wait(NetworkPicker(names))
        if chosen is not None:
            self.session.draft.put("model.networks", chosen)
            self._draft_changed()
        self.form.go_to("model.networks")

    @work(group="dialog", exclusive=True)
    async def action_load(self) -> None:
        """Fill the form from a TOML file."""
        path = await self.app.push_screen_wait(load_prompt(self.shell.workspace))
        if path is not None:
            self._load(Path(path))

    def _load(self, path: Path) -> None:
        try:
            self.session.load(path)
        except AimicError as problem:
            self.shell.tell(problem.sentence, "error")
            return
        self._draft_changed()
        self.shell.tell(f"Loaded {path}.")

    @work(group="dialog", exclusive=True)
    async def action_save(self) -> None:
        """Write the form to a TOML file."""
        experiment = self._experiment_to_run()
        if experiment is None or not self.may_change("save an experiment"):
            return
        path = await self.app.push_screen_wait(save_prompt(self.session.usual_file(experiment)))
        if path is not None:
            try:
                self.session.save(Path(path), experiment)
            except OSError as error:
                self.shell.tell(f"{path} can't be written: {error.strerror}.", "error")
                return
            self.shell.tell(f"Saved as {path}")

    # -- trying

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take `t` where there is something to try, and nowhere where one writes words."""
        if action == "try_here":
            return self.try_out.at(self.focused) is not None
        return True

    def action_try_here(self) -> None:
        """Try what the field with the focus is about."""
        if self.try_out.at(self.focused) == "rates":
            self.action_rates()
        else:
            self.action_samples()

    @work(group="dialog", exclusive=True)
    async def action_rates(self) -> None:
        """Test learning rates and take one."""
        experiment = self._experiment_to_run()
        if experiment is not None:
            await self.try_out.try_rates(experiment)

    @work(group="dialog", exclusive=True)
    async def action_samples(self) -> None:
        """Show images as training will see them, and take a preset of augmentation."""
        experiment = self._experiment_to_run()
        if experiment is not None:
            await self.try_out.try_samples(experiment)

    def _put_tried(self, key: str, value: object) -> None:
        if value is not None:
            self.session.draft.put(key, value)
        self.form.go_to(key)
        self._draft_changed()

    # -- starting

    def _experiment_to_run(self) -> Experiment | None:
        """Return what the form says; where something is wrong, go there and say what."""
        experiment = self.session.experiment_to_run()
        self._draw()
        if experiment is None:
            self._go_to_first_problem()
        return experiment

    def _go_to_first_problem(self) -> None:
        wrong = self.form.wrong
        if wrong:
            self.form.go_to(wrong[0].setting.key)
            more = f" And {plural(len(wrong) - 1, 'other setting')}: f8 goes there." if len(wrong) > 1 else ""
            self.shell.tell(wrong[0].problem + more, "error")

    def action_start(self) -> None:
        """Check everything and start the run."""
        if self._starting_since is not None or not self.may_change("start a run"):
            return
        experiment = self._experiment_to_run()
        if experiment is not None:
            self._start(experiment)

    @work(group="start", exclusive=True, exit_on_error=False)
    async def _start(self, experiment: Experiment) -> None:
        self._starting_since = monotonic()
        self._draw()
        clock = self.set_interval(1.0, self._draw)
        try:
            started = await self.session.start(experiment)
        except OSError as error:
            self.shell.tell(f"The experiment can't be written: {error}.", "error")
            return
        finally:
            clock.stop()
            self._starting_since = None
            self._draw()
        if not isinstance(started, ErrorRecord):
            self.shell.context.run = started
            self.shell.go("run")
        elif self.form.wrong:
            self._go_to_first_problem()
        else:
            self.shell.tell(started.sentence, "error")

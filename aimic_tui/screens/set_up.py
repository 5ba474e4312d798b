"""Set-up: what will happen if I press start?"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.text import printable
from aimic_tui.process import command_line, run_command
from aimic_tui.screens.place import Place
from aimic_tui.screens.set_up_lines import SECTIONS, help_text, plan_lines, section_lines
from aimic_tui.screens.set_up_plan import (
    DataFacts,
    Plan,
    look_at_data,
    measured_seconds,
    outside_problems,
    plan_of,
)
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.field import Choice, FormField, text_of
from aimic_tui.widgets.frame import Rule
from aimic_tui.wording import plural

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import Experiment
    from aimic_tui.engine.setting import Setting

_PATHS = {"data.path": (".csv",), "model.weights": (".safetensors", ".pth", ".pt")}
_PAUSE = 0.3  # seconds after the last key before images are counted and weights looked for


@dataclass(frozen=True)
class _Found:
    """What a look around found for one state of the form."""

    data_key: tuple[Any, ...]
    facts: DataFacts
    plan: Plan | None
    problems: Mapping[str, str]
    seconds: float | None


class SetUpScreen(Place):
    """A form over the experiment, with what it amounts to."""

    PLACE: ClassVar[str] = "set-up"
    CSS_PATH = "set_up.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (104, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r,f5", "start", "Start", id="set-up.start", tooltip="Check everything and start the run"),
        Binding("f2", "networks", "Networks", id="set-up.networks", tooltip="Choose networks from the catalogue"),
        Binding("f3", "load", "Load", id="set-up.load", tooltip="Fill the form from an experiment's TOML file"),
        Binding("f4", "save", "Save", id="set-up.save", tooltip="Write the form to a TOML file for `aimic train`"),
        Binding("f6", "preset", "Preset", id="set-up.preset", tooltip="Take the next preset: quick, standard, ..."),
        Binding("f7", "default", "Default", show=False, id="set-up.default", tooltip="Give the field its default back"),
        Binding(
            "f8", "next_problem", "Next problem", show=False, id="set-up.problem", tooltip="Go to the next wrong field"
        ),
        Binding("down,j", "move(1)", "Down", show=False, id="set-up.down", tooltip="To the field below"),
        Binding("up,k", "move(-1)", "Up", show=False, id="set-up.up", tooltip="To the field above"),
        Binding("pagedown,ctrl+f", "section(1)", "Section", show=False, id="set-up.next", tooltip="The next section"),
        Binding("pageup", "section(-1)", "Back", show=False, id="set-up.previous", tooltip="The section before"),
        Binding("escape", "leave", "Leave field", show=False, id="set-up.leave", tooltip="Leave the field"),
    ]

    def __init__(self) -> None:
        super().__init__()
        from aimic_tui.engine.experiment import PRESETS, settings  # pydantic: 0.2 s, when the place is first opened

        self._settings: dict[str, Setting] = {setting.key: setting for setting in settings()}
        self._presets = PRESETS
        self._found: _Found | None = None
        self._problems: dict[str, str] = {}
        self._later: Timer | None = None
        self._last = ""  # the key of the field that had the focus last
        self._data_taken: tuple[Any, ...] = ()
        self._starting = False
        self._started_at = 0.0

    # -- drawing

    def compose_body(self) -> ComposeResult:
        """Yield the form."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("preset", id="preset-word")
            yield Choice(tuple(self._presets), "standard", id="preset")
        yield Rule()
        with Horizontal(id="middle"):
            yield Static("", id="sections")
            with VerticalScroll(id="form", can_focus=False):
                section = None
                for setting in self._settings.values():
                    if setting.section != section:
                        first = " -first" if section is None else ""
                        yield Static(SECTIONS.get(setting.section, setting.section), classes="section" + first)
                        section = setting.section
                    yield FormField(setting, text_of(setting.default))
            with VerticalScroll(id="help", can_focus=False):
                yield Static("", id="help-text")
        yield Static("", id="help-line")
        yield Rule()
        yield Static("", id="amounts")

    def on_mount(self) -> None:
        """Begin with the draft."""
        self._fields = {field.setting.key: field for field in self.query(FormField)}

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Take what the Data place settled."""
        context = self.shell.context
        taken = (context.data_path, json.dumps(context.data_settings, sort_keys=True, default=str))
        if not self._data_taken:
            self._fill(context.experiment)
        if taken != self._data_taken:
            self._data_taken = taken
            if context.data_path:
                self._fields["data.path"].text = str(context.data_path)
            for name, value in context.data_settings.items():
                if (field := self._fields.get(f"data.{name}")) and name != "path":
                    field.text = text_of(value)
        if self._last == "":
            self._fields["data.path" if not self._fields["data.path"].text else "model.networks"].focus()
        self._check()

    def _fill(self, mapping: Mapping[str, Any]) -> None:
        for key, field in self._fields.items():
            section, _, name = key.rpartition(".")
            table = mapping.get(section, {}) if section else mapping
            value = table.get(name) if isinstance(table, Mapping) else None
            field.text = text_of(field.setting.default if value is None else value)

    # -- what is in the form

    def _values(self) -> dict[str, Any]:
        """Return the form as nested tables: what differs from the defaults, and the data's path."""
        from aimic_tui.engine.setting import parse_text

        nested: dict[str, Any] = {}
        for key, field in self._fields.items():
            if not field.changed:
                continue
            section, _, name = key.rpartition(".")
            table = nested.setdefault(section, {}) if section else nested
            table[name] = parse_text(field.setting, field.text)
        return nested

    def _experiment(self) -> Experiment | None:
        """Return what the form says, None where a field is wrong; each field then says what."""
        from aimic_tui.engine.experiment import Experiment, ExperimentProblem

        values = self._values()
        self.shell.context.experiment = values
        self._problems = {}
        try:
            return Experiment.from_mapping(values)
        except ExperimentProblem as problem:
            self._problems = {fault.key: fault.sentence for fault in problem.problems}
        return None

    @on(FormField.Changed)
    def _field_changed(self, event: FormField.Changed) -> None:
        event.stop()
        self._check()

    def _check(self) -> None:
        """Check the form now, and when the keys rest look at the images and weights."""
        experiment = self._experiment()
        self._show_problems()
        self._draw()
        if self._later is not None:
            self._later.stop()
            self._later = None
        if experiment is not None:
            self._later = self.set_timer(_PAUSE, lambda: self._look_around(experiment))

    @work(group="look-around", exclusive=True, exit_on_error=False)
    async def _look_around(self, experiment: Experiment) -> None:
        data = experiment.data
        data_key = (data.path, data.group, data.image_column, data.label_column)
        before = self._found

        def look() -> _Found:
            facts = before.facts if before and before.data_key == data_key else DataFacts({})
            if data.path and not facts.images:
                facts = look_at_data(data)
            plan = plan_of(experiment, facts) if facts.images else None
            problems = {problem.key: problem.sentence for problem in reversed(outside_problems(experiment))}
            if facts.problem:
                problems["data.path"] = facts.problem
            seconds = measured_seconds(self.shell.workspace, experiment, plan) if plan and not problems else None
            return _Found(data_key, facts, plan, problems, seconds)

        self._found = await asyncio.to_thread(look)
        self._show_problems()
        self._draw()

    def _show_problems(self) -> None:
        outside = self._found.problems if self._found else {}
        for key, field in self._fields.items():
            field.problem = self._problems.get(key) or outside.get(key, "")

    # -- the lines around the form

    def _draw(self) -> None:
        name = self._fields["name"].text or Path(self._fields["data.path"].text or "nothing yet").stem
        self.query_one("#title", Static).update(Content.assemble("New run on ", (printable(name), "bold")))
        self.query_one("#preset", Choice).value = self._preset_name()
        self._draw_sections()
        self._draw_help()
        self.query_one("#amounts", Static).update(self._amounts())

    def _preset_name(self) -> str:
        """Return the preset that the form's values are those of, or "own"."""
        touched = {key for preset in self._presets.values() for key in preset}
        for name, preset in self._presets.items():
            expected = {key: text_of(preset.get(key, self._settings[key].default)) for key in touched}
            if all(self._fields[key].text == text or key.startswith("data.") for key, text in expected.items()):
                return name
        return "own"

    def _draw_sections(self) -> None:
        here = self._settings[self._last].section if self._last else "data"
        self.query_one("#sections", Static).update(section_lines(list(self._fields.values()), here))

    def _draw_help(self) -> None:
        field = self._fields.get(self._last)
        if field is not None:
            hint = "enter: find it" if self._last in _PATHS else ""
            self.query_one("#help-text", Static).update(help_text(field, hint))
            self.query_one("#help-line", Static).update(Content(field.setting.help))

    def _amounts(self) -> Content:
        if self._starting:
            seconds = f"{monotonic() - self._started_at:.0f} s"
            return Content(f"Starting: settings, weights and every image are checked ... {seconds}")
        wrong = [field for field in self._fields.values() if field.problem]
        found = self._found
        lines = []
        if found is None or (found.plan is None and not found.facts.problem):
            where = self._fields["data.path"].text
            first = "Looking at the images ..." if where else "Name the data first: a folder with a sub-folder a class."
            lines.append(Content.styled(first, "$text-muted"))
        elif found.plan is not None:
            lines += plan_lines(found.plan, found.facts, found.seconds)
        if wrong:
            shown = ", ".join(field.setting.key for field in wrong[:4]) + (" ..." if len(wrong) > 4 else "")
            text = f"! {plural(len(wrong), 'setting')} to see to before the start: {shown}   f8 goes there"
            lines.append(Content.styled(text, "$warning"))
        if self._fields["split.protocol"].text == "aimic-2022":
            lines.append(Content.styled("! optimistic: the test part chooses the epoch, as published", "$warning"))
        return Content("\n").join(lines)

    # -- moving

    def _in_order(self) -> list[str]:
        return list(self._fields)

    def _go_to(self, key: str) -> None:
        field = self._fields[key]
        field.focus()
        field.scroll_visible(animate=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show the help of the field that took the focus."""
        for node in event.widget.ancestors_with_self:
            if isinstance(node, FormField):
                self._last = node.setting.key
                self._draw_sections()
                self._draw_help()

    def action_move(self, step: int) -> None:
        """Go to the field above or below."""
        keys = self._in_order()
        at = keys.index(self._last) + step if self._last in keys else 0
        self._go_to(keys[min(max(at, 0), len(keys) - 1)])

    def action_section(self, step: int) -> None:
        """Go to the first field of the next section or the one before."""
        sections = list(SECTIONS)
        at = sections.index(self._settings[self._last].section) if self._last else 0
        wanted = sections[min(max(at + step, 0), len(sections) - 1)]
        self._go_to(next(key for key, setting in self._settings.items() if setting.section == wanted))

    def action_leave(self) -> None:
        """Leave the field, so that the keys of the places work."""
        self.set_focus(None)

    def action_next_problem(self) -> None:
        """Go to the next field that is wrong."""
        keys = self._in_order()
        at = keys.index(self._last) + 1 if self._last in keys else 0
        for key in [*keys[at:], *keys[:at]]:
            if self._fields[key].problem:
                self._go_to(key)
                return
        self.shell.tell("Nothing is wrong with the settings.")

    def on_click(self, event: events.Click) -> None:
        """Go to a section that was clicked."""
        if event.widget is not None and event.widget.id == "sections" and 0 <= event.y < len(SECTIONS):
            wanted = list(SECTIONS)[event.y]
            self._go_to(next(key for key, setting in self._settings.items() if setting.section == wanted))

    # -- filling the form

    @on(Choice.Changed, "#preset")
    def _preset_chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._take_preset(event.value)

    def action_preset(self) -> None:
        """Take the next preset."""
        names = list(self._presets)
        now = self._preset_name()
        self._take_preset(names[(names.index(now) + 1) % len(names)] if now in names else "standard")

    def _take_preset(self, name: str) -> None:
        before = self._preset_name()
        for key in {key for preset in self._presets.values() for key in preset}:
            value = self._presets[name].get(key, self._settings[key].default)
            section, _, setting = key.partition(".")
            if section == "data" and key not in self._presets[name]:
                # What was settled about the data stays, unless a preset had replaced it.
                if before != "paper":
                    continue
                value = self.shell.context.data_settings.get(setting, value)
            self._fields[key].text = text_of(value)
        self._check()

    def action_default(self) -> None:
        """Give the field in focus its default back."""
        if self._last:
            self._fields[self._last].text = text_of(self._settings[self._last].default)
            self._check()

    @on(FormField.PickWanted)
    def _pick(self, event: FormField.PickWanted) -> None:
        event.stop()
        key = event.field.setting.key
        if event.field.setting.kind == "names":
            self.action_networks()
        elif key in _PATHS:
            self._ask_path(key)
        else:
            self.action_move(1)

    @work(group="dialog", exclusive=True)
    async def _ask_path(self, key: str) -> None:
        field = self._fields[key]
        known = [data.path for data in self.shell.workspace.data_sets()] if key == "data.path" else []
        path = await self.app.push_screen_wait(
            PathPrompt(field.setting.title, detail=field.setting.help, suffixes=_PATHS[key], known=known)
        )
        if path is not None:
            field.text = path
            if key == "data.path":
                self.shell.context.data_path = path
                self._data_taken = (path, self._data_taken[1])
            self._check()

    @work(group="dialog", exclusive=True)
    async def action_networks(self) -> None:
        """Choose networks from the catalogue."""
        from aimic_tui.screens.network_picker import NetworkPicker

        field = self._fields["model.networks"]
        names = [name.strip() for name in field.text.split(",") if name.strip()]
        chosen = await self.app.push_screen_wait(NetworkPicker(names))
        if chosen is not None:
            field.text = ", ".join(chosen)
            self._check()
        self._go_to("model.networks")

    @work(group="dialog", exclusive=True)
    async def action_load(self) -> None:
        """Fill the form from a TOML file."""
        from aimic_tui.engine.experiment import Experiment

        def check(path: Path) -> str | None:
            try:
                Experiment.from_file(path)
            except AimicError as problem:
                return problem.sentence
            return None

        path = await self.app.push_screen_wait(
            PathPrompt(
                "Load an experiment",
                detail="A TOML file: one that was saved here, or experiment.toml of a run.",
                suffixes=(".toml",),
                known=[str(path) for path in self._saved_experiments()],
                check=check,
            )
        )
        if path is not None:
            self._fill(Experiment.from_file(Path(path)).to_mapping())
            self._check()
            self.shell.tell(f"The form now holds {path}.")

    def _saved_experiments(self) -> list[Path]:
        saved = sorted((self.shell.workspace.root / "experiments").glob("*.toml"), reverse=True)
        return [*saved[:20], *(run.experiment_file for run in self.shell.workspace.runs()[:20])]

    @work(group="dialog", exclusive=True)
    async def action_save(self) -> None:
        """Write the form to a TOML file."""
        experiment = self._experiment_to_write()
        if experiment is None or not self.may_change("save an experiment"):
            return
        offered = self.shell.workspace.root / "experiments" / f"{_slug(experiment.name)}.toml"
        path = await self.app.push_screen_wait(
            PathPrompt(
                "Save the experiment as",
                detail="`aimic train FILE` runs it.",
                value=str(offered),
                suffixes=(".toml",),
                check=lambda path: None if path.suffix == ".toml" else "Its name must end with .toml.",
            )
        )
        if path is not None:
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(Path(path), experiment.to_toml())
            except OSError as error:
                self.shell.tell(f"{path} can't be written: {error.strerror}.", "error")
                return
            self.shell.tell(f"Saved as {path}")

    # -- starting

    def _experiment_to_write(self) -> Experiment | None:
        """Return what the form says with an absolute path to the data; show what is wrong where something is."""
        experiment = self._experiment()
        self._show_problems()
        self._draw()
        if experiment is None:
            self._complain("")
            return None
        if not experiment.data.path:
            self._problems["data.path"] = (
                "data.path is empty. Name a folder with one sub-folder a class, or a manifest."
            )
            self._show_problems()
            self._complain("")
            return None
        path = Path(experiment.data.path).expanduser().absolute()
        return experiment.with_values({"data.path": str(path), "name": experiment.name or path.stem})

    def _complain(self, sentence: str) -> None:
        """Go to the first wrong field, and say what is wrong; a sentence that no field takes is shown alone."""
        self._draw()
        wrong = [field for field in self._fields.values() if field.problem]
        if wrong:
            self._go_to(wrong[0].setting.key)
        more = f" And {plural(len(wrong) - 1, 'other setting')}: f8 goes there." if len(wrong) > 1 else ""
        said = sentence or (wrong[0].problem if wrong else "")
        if said:
            self.shell.tell(said + more, "error")

    def action_start(self) -> None:
        """Check everything and start the run."""
        if self._starting or not self.may_change("start a run"):
            return
        experiment = self._experiment_to_write()
        if experiment is not None:
            self._start(experiment)

    @work(group="start", exclusive=True, exit_on_error=False)
    async def _start(self, experiment: Experiment) -> None:
        workspace = self.shell.workspace.root
        file = workspace / "experiments" / f"{datetime.now():%Y%m%d-%H%M%S}-{_slug(experiment.name)}.toml"
        self._starting, self._started_at = True, monotonic()
        self._draw()
        clock = self.set_interval(1.0, self._draw)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, experiment.to_toml())
            outcome = await run_command(command_line(workspace, "train", str(file), "--detach", "--json"))
        except OSError as error:
            self.shell.tell(f"{file} can't be written: {error.strerror}.", "error")
            return
        finally:
            clock.stop()
            self._starting = False
            self._draw()
        if outcome.code != 0:
            self._refused(outcome.stderr, outcome.sentence)
            return
        self.shell.context.run = Path(json.loads(outcome.stdout.strip().splitlines()[-1])["path"])
        self.shell.go("run")

    def _refused(self, stderr: str, sentence: str) -> None:
        """Show what `aimic train` complained of, at the field that it names where it names one."""
        for line in stderr.splitlines():
            said = line.removeprefix("aimic: ")
            key = next((key for key in self._settings if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", said)), "")
            if key and "." in key and line.startswith("aimic: "):
                self._problems[key] = said
        self._show_problems()
        self._complain(sentence)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-._")[:60] or "experiment"

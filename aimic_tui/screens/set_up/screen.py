"""Set-up: what will happen if I press start?"""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from aimic_tui.engine.errors import ErrorRecord, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.duration import SpeedConditions
from aimic_tui.engine.text import plural
from aimic_tui.screens.set_up.experiment_files import load_prompt, save, save_prompt, start_run
from aimic_tui.screens.set_up.view import PATHS, SetUpView
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.field import FormField

if TYPE_CHECKING:
    from aimic_tui.screens.set_up.range_test_dialog import Tested

_TRIED_AT = {"training.learning_rate": "rate", "augmentation.preset": "samples"}  # where `t` is no letter of a value


class SetUpScreen(SetUpView):
    """What is asked of the form: fill it, try it, keep it, start it."""

    PLACE: ClassVar[str] = "set-up"
    CSS_PATH = "screen.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "try_here",
            "Try it",
            priority=True,
            id="set-up.try",
            tooltip="At the learning rate: test a range of them. At the augmentation: see images as training will",
        ),
        Binding("ctrl+r,f5", "start", "Start", id="set-up.start", tooltip="Check everything and start the run"),
        Binding("f2", "networks", "Networks", id="set-up.networks", tooltip="Choose networks from the catalogue"),
        Binding("f3", "load", "Load", id="set-up.load", tooltip="Fill the form from an experiment's TOML file"),
        Binding("f4", "save", "Save", id="set-up.save", tooltip="Write the form to a TOML file for `aimic train`"),
        Binding("f9", "samples", "Samples", id="set-up.samples", tooltip="Images as training will see them"),
        Binding("f12", "rate", "Test rates", show=False, id="set-up.rates", tooltip="Find a learning rate by a test"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take `t` where there is something to try, and nowhere where one writes words."""
        if action == "try_here":
            return self._tried_here() is not None
        return True

    def _tried_here(self) -> str | None:
        if self.focused is None:
            return None
        field = next((node for node in self.focused.ancestors_with_self if isinstance(node, FormField)), None)
        return _TRIED_AT.get(field.setting.key) if field is not None else None

    def action_try_here(self) -> None:
        """Try what the field with the focus is about."""
        if self._tried_here() == "rate":
            self.action_rate()
        else:
            self.action_samples()

    # -- filling the form

    @on(FormField.PickRequested)
    def _pick(self, event: FormField.PickRequested) -> None:
        event.stop()
        key = event.field.setting.key
        if key == "model.networks":
            self.action_networks()
        elif key in PATHS:
            self._ask_path(key)
        else:
            self.form.move(1)

    @work(group="dialog", exclusive=True)
    async def _ask_path(self, key: str) -> None:
        setting = self.form.settings[key]
        known = [data.path for data in self.shell.workspace.data_sets()] if key == "data.path" else []
        if key in ("split.from", "model.weights"):
            known = [str(run.path) for run in self.shell.workspace.runs()]
        text = self.form.text(key)
        value = text if key == "data.path" or "/" in text else ""  # a word such as imagenet is no path to go on from
        path = await self.app.push_screen_wait(
            PathPrompt(setting.title, detail=setting.help, value=value, suffixes=PATHS[key], action="Use", known=known)
        )
        if path is not None:
            self.form.put(key, path)
            if key == "data.path":
                self.shell.context.data_path = path
                self._data_taken = (path, self._data_taken[1])
            self.check()

    @work(group="dialog", exclusive=True)
    async def action_networks(self) -> None:
        """Choose networks from the catalogue."""
        from aimic_tui.screens.set_up.network_picker import NetworkPicker

        chosen = await self.app.push_screen_wait(NetworkPicker(_words(self.form.text("model.networks"))))
        if chosen is not None:
            self.form.put("model.networks", chosen)
            self.check()
        self.form.go_to("model.networks")

    @work(group="dialog", exclusive=True)
    async def action_load(self) -> None:
        """Fill the form from a TOML file."""
        path = await self.app.push_screen_wait(load_prompt(self.shell.workspace))
        if path is not None:
            self.load(Path(path))

    @work(group="dialog", exclusive=True)
    async def action_save(self) -> None:
        """Write the form to a TOML file."""
        experiment = self._experiment_to_write()
        if experiment is None or not self.may_change("save an experiment"):
            return
        path = await self.app.push_screen_wait(save_prompt(self.shell.workspace, experiment))
        if path is not None:
            try:
                save(Path(path), experiment)
            except OSError as error:
                self.shell.tell(f"{path} can't be written: {error.strerror}.", "error")
                return
            self.shell.tell(f"Saved as {path}")

    # -- trying

    @work(group="dialog", exclusive=True)
    async def action_rate(self) -> None:
        """Test learning rates and take one."""
        from aimic_tui.screens.set_up.range_test_dialog import RangeTestScreen

        experiment = self._experiment_to_write()
        if experiment is not None:
            network = experiment.model.networks[0]
            tested = await self.app.push_screen_wait(RangeTestScreen(self.shell.workspace.root, experiment, network))
            if tested is not None:
                self._take_rate(experiment, tested)

    def _take_rate(self, experiment: Experiment, tested: Tested) -> None:
        if tested.images_per_second:
            conditions = SpeedConditions.of(tested.network, experiment.model, tested.device)
            self.tested[conditions] = tested.images_per_second
        if tested.rate is not None:
            self.form.put("training.learning_rate", tested.rate)
        self.form.go_to("training.learning_rate")
        self.check()

    @work(group="dialog", exclusive=True)
    async def action_samples(self) -> None:
        """Show images as training will see them, and take a preset of augmentation."""
        from aimic_tui.screens.set_up.sample_sheet import SampleSheet

        experiment = self._experiment_to_write()
        if experiment is not None:
            presets = self.form.settings["augmentation.preset"].choices
            preset = await self.app.push_screen_wait(SampleSheet(self.shell.workspace.root, experiment, presets))
            if preset is not None:
                self.form.put("augmentation.preset", preset)
                self.check()
            self.form.go_to("augmentation.preset")

    # -- starting

    def _experiment_to_write(self) -> Experiment | None:
        """Return what the form says with an absolute path to the data; show what is wrong where something is."""
        experiment = self.experiment()
        if experiment is not None and not experiment.data.path:
            sentence = "data.path is empty. Name a folder with one sub-folder a class, or a manifest."
            experiment, self.problems["data.path"] = None, sentence
        self.draw()
        if experiment is None:
            self._complain("")
            return None
        path = Path(experiment.data.path).expanduser().absolute()
        return experiment.with_values({"data.path": str(path), "name": experiment.name or path.stem})

    def _complain(self, sentence: str) -> None:
        """Go to the first wrong field, and say what is wrong; a sentence that no field takes is shown alone."""
        wrong = self.form.wrong
        if wrong:
            self.form.go_to(wrong[0].setting.key)
        more = f" And {plural(len(wrong) - 1, 'other setting')}: f8 goes there." if len(wrong) > 1 else ""
        said = sentence or (wrong[0].problem if wrong else "")
        if said:
            self.shell.tell(said + more, "error")

    def action_start(self) -> None:
        """Check everything and start the run."""
        if self.starting_since is not None or not self.may_change("start a run"):
            return
        experiment = self._experiment_to_write()
        if experiment is not None:
            self._start(experiment)

    @work(group="start", exclusive=True, exit_on_error=False)
    async def _start(self, experiment: Experiment) -> None:
        self.starting_since = monotonic()
        self.draw()
        clock = self.set_interval(1.0, self.draw)
        try:
            started = await start_run(self.shell.workspace, experiment)
        except OSError as error:
            self.shell.tell(f"The experiment can't be written: {error}.", "error")
            return
        finally:
            clock.stop()
            self.starting_since = None
            self.draw()
        if isinstance(started, ErrorRecord):
            self._refused(started)
            return
        self.shell.context.run = started
        self.shell.go("run")

    def _refused(self, refusal: ErrorRecord) -> None:
        """Show what `aimic train` complained of, at the fields that it is about."""
        problems = refusal.problems or (SettingProblem(refusal.key, refusal.sentence),)
        at_fields = {problem.key: problem.sentence for problem in problems if problem.key in self.form.settings}
        self.problems |= at_fields
        self.draw()
        self._complain("" if at_fields else refusal.sentence)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]

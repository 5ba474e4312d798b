"""What can be tried from the form before a run: learning rates, and the augmentation of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from textual.widget import Widget

from aimic_tui.engine.experiment import Experiment
from aimic_tui.screens.place import Place
from aimic_tui.widgets.field import FormField
from aimic_tui.workspace.set_up_session import SetUpSession

TryOut = Literal["rates", "samples"]

# Where `t` is no letter of a value.
_TRIED_AT: dict[str, TryOut] = {"training.learning_rate": "rates", "augmentation.preset": "samples"}


class TryOutController:
    """Opens a range test or a sheet of samples, and puts what is taken there into the draft."""

    def __init__(self, place: Place, session: SetUpSession, put: Callable[[str, object], None]) -> None:
        """Make the controller.

        Args:
            place: opens the dialogs.
            session: whose experiment is tried.
            put: puts a value into a setting, and goes to its field; with None it only goes there.
        """
        self._place, self._session, self._put = place, session, put

    @staticmethod
    def at(focused: Widget | None) -> TryOut | None:
        """Return what can be tried at the widget with the focus."""
        nodes = focused.ancestors_with_self if focused is not None else ()
        field = next((node for node in nodes if isinstance(node, FormField)), None)
        return _TRIED_AT.get(field.setting.key) if field is not None else None

    async def try_rates(self, experiment: Experiment) -> None:
        """Make a range test, and take a rate."""
        from aimic_tui.screens.set_up.range_test_dialog import RangeTestDialog

        root, network = self._place.shell.workspace.root, experiment.model.networks[0]
        result = await self._place.app.push_screen_wait(RangeTestDialog(root, experiment, network))
        if result is None:
            return
        if result.images_per_second is not None:
            self._session.take_speed(experiment, network, result.device, result.images_per_second)
        self._put("training.learning_rate", result.rate)

    async def try_samples(self, experiment: Experiment) -> None:
        """Show images as training will see them, and take a preset of augmentation."""
        from aimic_tui.screens.set_up.sample_sheet import SampleSheet

        presets = self._session.draft.settings["augmentation.preset"].choices
        root = self._place.shell.workspace.root
        preset = await self._place.app.push_screen_wait(SampleSheet(root, experiment, presets))
        self._put("augmentation.preset", preset)

"""What the places of the app share: the current work, and what every place may ask of the app.

Nothing here draws. A place reads the context when it comes on the screen and writes it before it sends the
user on (`app.go("run")`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from aimic_tui.engine.workspace_folder import Workspace

Severity = Literal["information", "warning", "error"]
SettingValue: TypeAlias = str | bool | int | float | list[str] | list[float] | dict[str, str]
SettingsTable: TypeAlias = dict[str, SettingValue]
"""Settings of one section of an experiment by their names, as a TOML file holds them, not yet checked."""


@dataclass
class Context:
    """The current data set, experiment, run and model.

    `draft` is the experiment being set up: the settings that are not their defaults, by key, as they were typed.
    `data_settings` is what was chosen in the Data place, beside the path (group, classes ...). `start_from` is an
    experiment's file for Set-up to open; it is None again once that is done.
    """

    data_path: str | None = None
    data_settings: SettingsTable = field(default_factory=dict)
    draft: dict[str, str] = field(default_factory=dict)
    start_from: Path | None = None
    run: Path | None = None
    model: Path | None = None


class Shell(Protocol):
    """What a place may ask of the app around it."""

    context: Context
    workspace: Workspace
    read_only: bool
    slow_link: bool

    def go(self, place: str) -> None:
        """Show a place, by its name in `PLACES`."""

    def tell(self, sentence: str, severity: Severity = "information") -> None:
        """Show a notice for a few seconds; the sentence is never parsed as markup."""


@dataclass(frozen=True)
class PlaceInfo:
    """One of the places: its key, its word on the top line, the module and class that draw it.

    A place that is no `step` of the way from images to predictions is on the top line only while one is there.
    """

    name: str
    key: str
    label: str
    module: str
    screen: str
    question: str
    step: bool = True

    @property
    def path(self) -> str:
        """The module's full name."""
        return f"aimic_tui.screens.{self.module}"


PLACES = (
    PlaceInfo("home", "0", "aimic", "home.screen", "HomeScreen", "What is going on, and what needs me?"),
    PlaceInfo("data", "1", "Data", "data.screen", "DataScreen", "Are these images fit to learn from?"),
    PlaceInfo("set-up", "2", "Set-up", "set_up.screen", "SetUpScreen", "What will happen if I press start?"),
    PlaceInfo("run", "3", "Run", "run.screen", "RunScreen", "Is it going well, when is it done?"),
    PlaceInfo("results", "4", "Results", "results.screen", "ResultsScreen", "What did I learn, and can I believe it?"),
    PlaceInfo(
        "predict", "5", "Predict", "predict.screen", "PredictScreen", "What are these, and which should I check?"
    ),
    PlaceInfo(
        "studies", "6", "Studies", "studies.screen", "StudiesScreen", "Does it hold on several data sets?", step=False
    ),
)

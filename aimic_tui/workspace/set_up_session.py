"""The experiment that is being set up: its draft, what is wrong with it, its plan, and its start.

A session knows no screen: it is driven by keys in the app and by plain calls in tests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.experiment import Experiment, ExperimentProblem
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.run_folder import slug
from aimic_tui.engine.runs.prepare.duration import SpeedConditions
from aimic_tui.engine.runs.prepare.plan import RunPlan, make_plan
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.experiment_draft import ExperimentDraft
from aimic_tui.workspace.processes import command_line, run_command

_NO_DATA = {"data.path": "data.path is empty. Choose a folder with one subfolder per class, or a manifest."}


class SetUpSession:
    """One experiment at a time, from a draft to a run.

    Attributes:
        draft: the settings as they are typed.
        plan: what a run would be; of an earlier state of the draft until it is made anew, None before the first.
    """

    def __init__(self, workspace: Workspace, changed: Mapping[str, str] | None = None) -> None:
        """Make a session.

        Args:
            workspace: where the run will be kept.
            changed: of a draft, see `ExperimentDraft`.
        """
        self.draft = ExperimentDraft(changed)
        self.plan: RunPlan | None = None
        self._workspace = workspace
        self._in_draft: dict[str, str] = {}
        self._tested: dict[SpeedConditions, float] = {}
        self._data_seen: tuple[str | None, str] | None = None

    # -- what is in it

    def check(self) -> Experiment | None:
        """Return what the draft says; where a setting is wrong None, and `problems` has a sentence for each."""
        try:
            experiment = self.draft.experiment()
        except ExperimentProblem as problem:
            self._in_draft = {fault.key: fault.sentence for fault in problem.problems}
            return None
        self._in_draft = {}
        return experiment

    def experiment_to_run(self) -> Experiment | None:
        """Return what the draft says, with an absolute path to the data and a name; None where something is missing."""
        experiment = self.check()
        if experiment is None:
            return None
        if not experiment.data.path:
            return None  # `problems` says so
        path = expanded(experiment.data.path).absolute()
        return experiment.with_values({"data.path": str(path), "name": experiment.name or path.stem})

    async def update_plan(self, experiment: Experiment) -> None:
        """Make the plan anew, in a thread; what still holds of the one before is kept."""
        self.plan = await asyncio.to_thread(make_plan, experiment, self._workspace, self.plan, dict(self._tested))

    @property
    def problems(self) -> dict[str, str]:
        """What stands in the way of a start: a sentence for each setting that is wrong."""
        planned = {problem.key: problem.sentence for problem in (self.plan.problems if self.plan else ())}
        return {**({} if self.draft.text("data.path") else _NO_DATA), **planned, **self._in_draft}

    @property
    def suggestions(self) -> dict[str, str]:
        """The gravest suggestion for each setting that has one."""
        found = self.plan.suggestions if self.plan else ()
        return {item.key: item.sentence for item in reversed(found)}

    # -- where its settings come from

    def load(self, path: Path) -> None:
        """Fill the draft from an experiment's file, a run's for instance.

        Raises:
            AimicError: it is no experiment.
        """
        experiment = Experiment.from_file(path)
        self.draft.fill(experiment)
        if experiment.data.intensity != "window":  # a run measured it on its images, a new one measures anew
            self.draft.reset("data.window")

    def take_data(self, path: str | None, data_settings: Mapping[str, object]) -> None:
        """Take the data set that is open in the app, and what was decided about it, where that is not taken yet."""
        seen = (path, json.dumps(data_settings, sort_keys=True, default=str))
        if seen == self._data_seen:
            return
        self._data_seen = seen
        if path:
            self.draft.put("data.path", path)
        for name, value in data_settings.items():
            if f"data.{name}" in self.draft.settings and name != "path":
                self.draft.put(f"data.{name}", value)

    def ignore_data(self, path: str | None, data_settings: Mapping[str, object]) -> None:
        """Keep the draft's own data while the app's stays as it is now."""
        self._data_seen = (path, json.dumps(data_settings, sort_keys=True, default=str))

    def take_speed(self, experiment: Experiment, network: str, device: str, images_per_second: float) -> None:
        """Take the speed that a range test measured, for the duration in the next plan."""
        self._tested[SpeedConditions.of(network, experiment.model, device)] = images_per_second

    # -- where they go

    def usual_file(self, experiment: Experiment) -> Path:
        """Return where an experiment is saved if nobody says otherwise."""
        return self._workspace.root / "experiments" / f"{slug(experiment.name, 'experiment')}.toml"

    def save(self, path: Path, experiment: Experiment) -> None:
        """Write an experiment to a file; its folder is made where it is missing.

        Raises:
            OSError: it can't be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, experiment.to_toml())

    async def start(self, experiment: Experiment) -> Path | ErrorRecord:
        """Start a run by the command that a person could type.

        Returns:
            The run's folder; or why it was refused, and the problems of its settings then are in `problems`.

        Raises:
            OSError: the experiment can't be written.
        """
        usual = self.usual_file(experiment)
        file = usual.with_name(f"{datetime.now():%Y%m%d-%H%M%S}-{usual.name}")
        self.save(file, experiment)
        outcome = await run_command(command_line(self._workspace.root, "train", str(file), "--detach", "--json"))
        if outcome.code == 0:
            return Path(json.loads(outcome.stdout.strip().splitlines()[-1])["path"])
        error = outcome.error
        at_settings = {problem.key: problem.sentence for problem in error.problems} or {error.key: error.sentence}
        self._in_draft |= {key: sentence for key, sentence in at_settings.items() if key in self.draft.settings}
        return error

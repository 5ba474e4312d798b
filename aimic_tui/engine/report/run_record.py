"""Everything a report tells, read from the run's folder at one moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.reading.input_rule import InputRule, rule_from_table
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.evaluation.comparison import Comparison, compare_runs
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.files import read_json, read_table
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.follow.snapshot import RunFollower, RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


@dataclass(frozen=True)
class RunRecord:
    """A run.

    Attributes:
        results: the figures of results.json.
        comparison: None where fewer than two networks are tested.
        environment: environment.json; empty where it can't be read.
        timings: device -> network -> what `aimic benchmark` measured in the run's workspace.
        sizes: (smallest, median, largest) longer side of the images in pixels, None where nobody measured them.
    """

    folder: RunFolder
    tested: RunPredictions
    results: RunResults
    comparison: Comparison | None
    snapshot: RunSnapshot
    environment: Mapping[str, Any]
    timings: Mapping[str, Mapping[str, NetworkTiming]]
    sizes: tuple[int, int, int] | None

    def setting(self, key: str, default: Any = "") -> Any:
        """Return a setting of the experiment by its dotted key."""
        value: Any = self.tested.experiment
        for part in key.split("."):
            value = value.get(part, {}) if isinstance(value, Mapping) else {}
        return default if value == {} else value

    @property
    def rule(self) -> InputRule:
        """How stored values became what the networks saw."""
        return rule_from_table(self.setting("data", {}))

    def trials_of(self, network: str) -> list[TrialSnapshot]:
        """Return a network's trials, in the order of the run; those of inner folds, which only choose, are left out."""
        return [trial for trial in self.snapshot.trials if trial.key.network == network and not trial.key.inner]

    @property
    def grouped(self) -> bool:
        """Whether it is known which images belong together: by a rule, or since some are identical."""
        data = self.tested.data
        return self.setting("data.group", "none") != "none" or len(data.group_names) < len(data)

    @property
    def networks(self) -> list[str]:
        """Those with a tested fold, in the order of the experiment."""
        return list(self.results.networks)

    @property
    def chosen(self) -> str:
        """The network with the best mean validation figure: no test image has a say in which one is shown closely."""
        sign = -1 if self.setting("training.monitor") == "loss" else 1

        def merit(network: str) -> float:
            values = [trial.best_value for trial in self.trials_of(network) if math.isfinite(trial.best_value)]
            return sign * float(np.mean(values)) if values else -math.inf

        return max(self.networks, key=merit)

    @property
    def chosen_network(self) -> NetworkPredictions:
        """The predictions of that network."""
        return next(network for network in self.tested.networks if network.name == self.chosen)


def read_record(folder: RunFolder) -> RunRecord:
    """Read a run.

    Raises:
        InputProblem: nothing of it is tested yet, or a file is missing or damaged.
    """
    tested = read_run_predictions(folder.path)
    if not tested.networks:
        raise InputProblem(
            f"No fold of {printable(folder.name)} is tested yet, so there is nothing to report. "
            f"`aimic watch {printable(folder.name)}` shows how far it is."
        )
    try:
        environment = read_json(folder.environment_file)
    except (OSError, ValueError):
        environment = {}
    return RunRecord(
        folder,
        tested,
        read_results(folder.path),
        compare_runs([folder.path]) if len(tested.networks) > 1 else None,
        RunFollower(folder).snapshot(),
        environment if isinstance(environment, dict) else {},
        read_timings(Workspace.of_run(folder).root),
        _sizes(folder.manifest_file),
    )


def _sizes(manifest: Path) -> tuple[int, int, int] | None:
    try:
        sides = [max(int(row["width"]), int(row["height"])) for row in read_table(manifest)]
    except (OSError, ValueError, KeyError):
        return None
    return (min(sides), int(np.median(sides)), max(sides)) if sides else None

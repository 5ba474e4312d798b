"""Everything a report tells, read from the run's folder at one moment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.listing.class_names import named_class
from aimic_tui.engine.data.reading.input_rule import InputRule, rule_from_table
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.evaluation.comparison import Comparison, compare_runs
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.files import read_table
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.inference.robustness_file import NetworkRobustness, read_network_robustness
from aimic_tui.engine.inference.run_evaluations import evaluations_of_run
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_events import DataDecided, RunStarted, RunWarning, run_events
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.data_story import data_story
from aimic_tui.engine.runs.follow.snapshot import RunFollower, RunSnapshot, TrialSnapshot
from aimic_tui.engine.runs.prepare.environment import read_environment
from aimic_tui.engine.runs.prepare.run_audit import RunAudit, read_run_audit
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
        audit: what an audit had found before the run; None where the images were not audited.
        decisions: sentences on what people decided about the images before the split: exclusions, other classes.
        afterwards: sentences on what happened to the images and the run's files after it was made.
        cautions: sentences of warning from when the run was made: near duplicates, classes that a part lacks.
        robustness: network -> what it loses on disturbed images, where that was measured.
        evaluations: of the run's models on other data sets.
        prevalences: (class, prevalence) that predictive values are asked for at.
        by: columns whose subgroups were asked for; empty for those that the experiment names.
        table: the file with these columns; None for the run's manifest.
    """

    folder: RunFolder
    tested: RunPredictions
    results: RunResults
    comparison: Comparison | None
    snapshot: RunSnapshot
    environment: Mapping[str, Any]
    timings: Mapping[str, Mapping[str, NetworkTiming]]
    sizes: tuple[int, int, int] | None
    audit: RunAudit | None = None
    decisions: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    robustness: Mapping[str, NetworkRobustness] = field(default_factory=dict)
    evaluations: tuple[EvaluationResults, ...] = ()
    prevalences: tuple[tuple[str, float], ...] = ()
    by: tuple[str, ...] = ()
    table: Path | None = None
    afterwards: tuple[str, ...] = ()

    def setting(self, key: str, default: Any = "") -> Any:
        """Return a setting of the experiment by its dotted key."""
        value: Any = self.tested.experiment
        for part in key.split("."):
            value = value.get(part, {}) if isinstance(value, Mapping) else {}
        return default if value == {} else value

    @property
    def subgroup_columns(self) -> tuple[str, ...]:
        """The columns by which subgroups are compared."""
        return self.by or tuple(map(str, self.setting("evaluation.subgroups", ())))

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
    def grouped_by_rule(self) -> bool:
        """Whether a pattern or a column says which images share a patient or slide, and not only that some are copies.

        A run whose split was given has the groups of that split.
        """
        return str(self.setting("data.group", "none")) != "none"

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


def read_record(folder: RunFolder, prevalences: Sequence[tuple[str, float]] = ()) -> RunRecord:
    """Read a run.

    Args:
        prevalences: (class as somebody wrote it, prevalence) that predictive values are asked for at.

    Raises:
        UsageProblem: the run has no such class.
        InputProblem: nothing of it is tested yet, or a file is missing or damaged.
    """
    tested = read_run_predictions(folder.path)
    if not tested.networks:
        raise InputProblem(
            f"No fold of {printable(folder.name)} is tested yet, so there is nothing to report. "
            f"{run_command('watch', folder)} shows how far it is."
        )
    named = tuple((named_class(name, tested.classes, printable(folder.name)), share) for name, share in prevalences)
    return RunRecord(
        folder,
        tested,
        read_results(folder.path),
        compare_runs([folder.path]) if len(tested.networks) > 1 else None,
        RunFollower(folder).snapshot(),
        read_environment(folder),
        read_timings(Workspace.of_run(folder).root),
        _sizes(folder.manifest_file),
        read_run_audit(folder),
        *_story_of_images(folder),
        {
            network.name: found
            for network in tested.networks
            if (found := read_network_robustness(folder.path, network.name)) is not None
        },
        evaluations_of_run(folder),
        named,
        afterwards=data_story(folder),
    )


def _story_of_images(folder: RunFolder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what was decided about the images when the run was made, and what was warned of then."""
    decisions: list[str] = []
    cautions: list[str] = []
    for event in run_events(folder).new():
        if isinstance(event, DataDecided):
            decisions.append(event.sentence)
        elif isinstance(event, RunStarted):  # later warnings are about devices and attempts
            break
        elif isinstance(event, RunWarning):
            cautions.append(event.sentence)
    return tuple(decisions), tuple(cautions)


def _sizes(manifest: Path) -> tuple[int, int, int] | None:
    try:
        sides = [max(int(row["width"]), int(row["height"])) for row in read_table(manifest)]
    except (OSError, ValueError, KeyError):
        return None
    return (min(sides), int(np.median(sides)), max(sides)) if sides else None

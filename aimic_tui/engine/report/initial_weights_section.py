"""What the networks of a run began with: the part of a report on first weights."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.report.document import Paragraph, Section, Table
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.run_events import InitialWeights, RunWarning, run_events, trial_events
from aimic_tui.engine.runs.prepare.pretraining import PRETRAINING
from aimic_tui.engine.text import listed

_SHOWN = 3  # tensors named


def initial_weights_section(record: RunRecord) -> Iterator[Section]:
    """Tell, network by network, where the first weights came from, how much of them was loaded, and what began anew.

    Nothing where no trial told of any.
    """
    rows = [
        [name, *_cells(weights), listed(folds)]
        for name in record.networks
        for weights, folds in _by_report(record, name).values()
    ]
    if not rows:
        return
    warnings = [event for event in run_events(record.folder).new() if isinstance(event, RunWarning)]
    yield Section(
        "Initial weights",
        [
            *(Paragraph(event.sentence, strong=True) for event in warnings if event.about == PRETRAINING),
            Table(
                "What each network started from. Where the classes differ, the classifier starts from random values.",
                ["network", "from", "tensors loaded", "parameters loaded", "started at random", "folds"],
                rows,
                numeric=False,
            ),
        ],
    )


def _by_report(record: RunRecord, network: str) -> dict[str, tuple[InitialWeights, list[str]]]:
    """Return each different report of a network's trials, by its sentence, with the folds that gave it."""
    found: dict[str, tuple[InitialWeights, list[str]]] = {}
    for trial in record.trials_of(network):
        events = trial_events(record.folder.trial(trial.key)).new()
        if reports := [event for event in events if isinstance(event, InitialWeights)]:
            _, folds = found.setdefault(reports[-1].sentence, (reports[-1], []))
            folds.append(str(trial.key.fold) + (f" (seed {trial.key.seed})" if trial.key.seed else ""))
    return found


def _cells(weights: InitialWeights) -> list[str]:
    if not weights.loaded:
        return ["random values", "none", "none", "everything"]
    anew = [*weights.replaced, *weights.missing]
    named = listed(anew[:_SHOWN]) + (f" and {len(anew) - _SHOWN:,} more" if len(anew) > _SHOWN else "")
    return [
        weights.source,
        f"{weights.loaded:,} of {weights.total:,}",
        f"{weights.loaded_parameters:,} of {weights.parameters:,}",
        named or "nothing",
    ]

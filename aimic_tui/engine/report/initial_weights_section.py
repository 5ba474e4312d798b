"""What the networks of a run began with: the part of a report on first weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.report.document import Paragraph, Section, Table
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.runs.prepare.pretraining import PRETRAINING
from aimic_tui.engine.text import listed

_SHOWN = 3  # tensors named


def first_weights(record: RunRecord) -> Iterator[Section]:
    """Tell, network by network, where the first weights came from, how much of them was loaded, and what began anew.

    Nothing where no trial told of any.
    """
    rows = [
        [name, *_told(event), listed(folds)]
        for name in record.networks
        for event, folds in _by_report(record, name).values()
    ]
    if not rows:
        return
    about = [event for event in EventReader(record.folder.events_file).new() if event.get("about") == PRETRAINING]
    yield Section(
        "First weights",
        [
            *(Paragraph(str(event.get("sentence", "")), strong=True) for event in about),
            Table(
                "What each network began with. The classifier begins anew where its classes are others.",
                ["network", "from", "tensors loaded", "parameters loaded", "began anew", "folds"],
                rows,
                numeric=False,
            ),
        ],
    )


def _by_report(record: RunRecord, network: str) -> dict[str, tuple[Mapping[str, Any], list[str]]]:
    """Return each different report of a network's trials, by its sentence, with the folds that gave it."""
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for trial in record.trials_of(network):
        told = [e for e in EventReader(record.folder.trial(trial.key).events_file).new() if e["event"] == "weights"]
        if told:
            _, folds = found.setdefault(str(told[-1].get("sentence")), (told[-1], []))
            folds.append(str(trial.key.fold) + (f" (seed {trial.key.seed})" if trial.key.seed else ""))
    return found


def _told(event: Mapping[str, Any]) -> list[str]:
    loaded, total = _count(event, "loaded"), _count(event, "total")
    if not loaded:
        return ["random values", "none", "none", "everything"]
    anew = [str(name) for key in ("replaced", "missing") for name in event.get(key) or ()]
    named = listed(anew[:_SHOWN]) + (f" and {len(anew) - _SHOWN:,} more" if len(anew) > _SHOWN else "")
    return [
        str(event.get("source", "")),
        f"{loaded:,} of {total:,}",
        f"{_count(event, 'loaded_parameters'):,} of {_count(event, 'parameters'):,}",
        named or "nothing",
    ]


def _count(event: Mapping[str, Any], key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0

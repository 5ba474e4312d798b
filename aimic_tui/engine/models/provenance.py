"""Where a trained model comes from: the run, the trial and the epoch that made it, as model.json holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a model comes from; None or empty where that isn't recorded.

    Attributes:
        run: the run's name.
        fold, seed: of the trial.
        inner_fold: of a nested cross-validation; 0 where the trial belongs to the outer one.
        epoch: whose weights these are.
        experiment_digest, split_digest: of the run.
        versions: library -> version.
        monitor: the metric that selected the epoch.
        validation: metric -> value on the validation images; None where it is undefined.
        protocol: of the run's split, "honest" or "aimic-2022".
        first_weights: what training started from, as in the trial's `weights` event.
        other: what else the card holds, from a version that recorded more.
    """

    run: str | None = None
    fold: int | None = None
    seed: int | None = None
    inner_fold: int = 0
    epoch: int | None = None
    experiment_digest: str | None = None
    split_digest: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    monitor: str = "macro_f1"
    validation: Mapping[str, float | None] = field(default_factory=dict)
    protocol: str | None = None
    first_weights: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def monitored_value(self) -> float | None:
        """The validation value of `monitor`; None where it is unknown."""
        return self.validation.get(self.monitor)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what isn't recorded is left out."""
        if self == Provenance():
            return {}
        known = {name: getattr(self, name) for name in _NAMES}
        if not self.inner_fold:
            del known["inner_fold"]
        values = {name: dict(value) if isinstance(value, Mapping) else value for name, value in known.items()}
        return {**{name: value for name, value in values.items() if value not in (None, {})}, **self.other}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Provenance:
        """Read what a card holds; a value of another type than expected counts as not recorded."""
        return cls(
            run=_text(record.get("run")),
            fold=_whole(record.get("fold")),
            seed=_whole(record.get("seed")),
            inner_fold=_whole(record.get("inner_fold")) or 0,
            epoch=_whole(record.get("epoch")),
            experiment_digest=_text(record.get("experiment_digest")),
            split_digest=_text(record.get("split_digest")),
            versions={name: str(value) for name, value in _mapping(record.get("versions")).items()},
            monitor=_text(record.get("monitor")) or "macro_f1",
            validation={name: _number(value) for name, value in _mapping(record.get("validation")).items()},
            protocol=_text(record.get("protocol")),
            first_weights=_mapping(record.get("first_weights")),
            other={name: value for name, value in record.items() if name not in _NAMES},
        )


_NAMES = tuple(each.name for each in fields(Provenance) if each.name != "other")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}

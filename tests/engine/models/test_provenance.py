from __future__ import annotations

from typing import Any

import pytest

from aimic_tui.engine.models.provenance import Provenance

RECORD: dict[str, Any] = {
    "run": "20261122-190512-cells",
    "fold": 2,
    "seed": 0,
    "epoch": 7,
    "experiment_digest": "e",
    "split_digest": "s",
    "versions": {"torch": "2.4.1"},
    "monitor": "auroc",
    "validation": {"loss": 0.3, "auroc": None},
    "protocol": "honest",
    "first_weights": {"source": "none", "origin": None},
}


def test_a_record_is_written_back_as_it_was_read() -> None:
    found = Provenance.from_json(RECORD)
    assert (found.run, found.fold, found.seed, found.inner_fold, found.epoch) == (RECORD["run"], 2, 0, 0, 7)
    assert list(found.to_json().items()) == list(RECORD.items())
    assert Provenance.from_json({**RECORD, "inner_fold": 3}).to_json()["inner_fold"] == 3


def test_keys_that_are_unknown_here_are_kept() -> None:
    found = Provenance.from_json({**RECORD, "operator": ["R. D."]})
    assert found.other == {"operator": ["R. D."]}
    assert found.to_json() == {**RECORD, "operator": ["R. D."]}


def test_a_model_without_a_record_has_none() -> None:
    assert Provenance.from_json({}) == Provenance()
    assert Provenance().to_json() == {}


@pytest.mark.parametrize("wrong", [{"fold": "two"}, {"fold": True}, {"validation": [1]}, {"run": 3}, {"seed": None}])
def test_a_value_of_another_type_counts_as_not_recorded(wrong: dict[str, Any]) -> None:
    assert Provenance.from_json(wrong) == Provenance()


def test_the_monitored_value_is_that_of_the_metric_that_selected_the_epoch() -> None:
    values = {"macro_f1": 0.8, "auroc": 0.9}
    assert Provenance(monitor="auroc", validation=values).monitored_value == 0.9
    assert Provenance(validation=values).monitored_value == 0.8
    assert Provenance(monitor="loss", validation=values).monitored_value is None

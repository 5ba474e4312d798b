"""results.json reads back as what was written; of files of 0.1 the pooled figures; no damaged one gets through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.evaluation.build_results import build_results, read_results
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.results_file import (
    read_pooled_figure,
    read_results_file,
    results_from_json,
    results_to_json,
    write_results_file,
)
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.evaluation.stored_results import read_stored_results
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run

_FIGURE = {"value": 0.9, "low": 0.8, "high": 0.95}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    """Return results with everything there is: two networks, seeds and repeats, both ways of choosing, calibration."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return build_results(
        make_run(folder, skills={"a": 2.0, "b": 1.0}, seeds=(0, 5), repeats=2, inner_folds=2, groups=45)
    )


def test_what_is_written_reads_back_the_same(results: RunResults, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_results_file(file, results)
    assert len(results.selected) == 2
    assert set(results.calibration) == {"a", "b"}
    assert read_results_file(file) == results


def test_the_keys_are_those_of_0_1(results: RunResults) -> None:
    """Programs read `aimic results --json` by these; further ones may come."""
    found = results_to_json(results)
    assert set(found) >= {
        *("format", "run", "state", "protocol", "optimistic", "note", "method", "confidence", "resamples", "complete"),
        *("methods", "images", "groups", "classes", "repeats", "inner_folds", "networks", "chosen", "calibration"),
        *("pairs", "baselines", "absent_baselines"),
    }
    assert list(found["baselines"]) == ["majority_class"]
    assert list(found["baselines"]["majority_class"]) == [
        *("title", "detail", "images", "groups", "pooled", "differences", "beaten_by"),
    ]
    assert found["absent_baselines"]["border_colour"]["reason"] == "not-made"
    network = found["networks"]["a"]
    assert set(network) >= {
        *("trials_done", "trials_total", "seeds", "repeats", "images", "groups", "unclassified", "pooled", "folds"),
        *("spread", "by_seed", "seed_spread", "by_repeat", "repeat_spread", "classes", "confusion"),
    }
    assert list(network["pooled"]["macro_f1"]) == ["value", "low", "high"]
    assert set(network["folds"][0]) >= {"fold", "repeat", "seed", "images", "accuracy"}
    assert list(network["by_seed"][1])[:2] == ["seed", "accuracy"]
    assert list(network["by_repeat"][1])[:2] == ["repeat", "accuracy"]
    assert list(network["classes"]["basophil"])[-7:-3] == ["support", "predicted", "groups", "groups_outside"]
    assert set(found["chosen"][0]) == {"by", "metric", "choices", "times", *network}
    assert set(found["chosen"][0]["choices"][0]) == {"fold", "repeat", "network", "values"}
    assert set(found["pairs"][0]) >= {"a", "b", "images", "differences"}
    calibration = found["calibration"]["a"]
    assert set(calibration) >= {
        *("temperatures", "before", "after", "difference", "corrected", "reliability_before", "reliability_after"),
        *("coverage", "risk", "rejections"),
    }
    assert set(calibration["rejections"][0]) >= {"wanted", "thresholds", "answered", "error"}


def test_a_file_that_0_1_wrote_gives_its_pooled_figures_only() -> None:
    """Its intervals are computed in another way by now, so everything else is made anew from the predictions."""
    file = Path(__file__).with_name("results-of-0.1.json")
    assert read_results_file(file) is None
    found = read_pooled_figure(file, "accuracy")
    assert found is not None
    assert found["mobilenet_v2"].low == pytest.approx(0.7801219113)


@pytest.mark.parametrize(
    "damage",
    [
        lambda value: [value],
        lambda value: {**value, "format": 7},
        lambda value: {key: item for key, item in value.items() if key != "networks"},
        lambda value: {**value, "networks": [1, 2]},
        lambda value: {**value, "networks": {"a": {**value["networks"]["a"], "pooled": {"accuracy": 0.9}}}},
        lambda value: {**value, "classes": None},
        lambda value: {**value, "confidence": "high"},
    ],
)
def test_damaged_results_and_those_of_other_versions_are_refused(
    results: RunResults, tmp_path: Path, damage: Any
) -> None:
    value = damage(results_to_json(results))
    with pytest.raises(ValueError, match="results"):
        results_from_json(value)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(value))
    assert read_results_file(file) is None


def test_one_figure_is_read_whatever_the_version(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read_pooled_figure(file, "macro_f1") is None
    undefined = {"value": None, "low": None, "high": None}
    networks = {"a": {"pooled": {"macro_f1": _FIGURE}}, "b": {"pooled": {"macro_f1": undefined}}, "c": {"pooled": {}}}
    file.write_text(json.dumps({"format": 5, "networks": networks}))
    assert read_pooled_figure(file, "macro_f1") == {"a": Interval(0.9, 0.8, 0.95)}
    for damaged in ("", "[1]", '{"networks": 3}', '{"networks": {"a": {"pooled": {"macro_f1": "high"}}}}'):
        file.write_text(damaged)
        assert read_pooled_figure(file, "macro_f1") is None


def _changed(value: dict[str, Any], *path: str, to: object) -> dict[str, Any]:
    """Return a copy with one value changed; None for `to` takes it away."""
    copy: dict[str, Any] = json.loads(json.dumps(value))
    *above, last = path
    inner: Any = copy
    for key in above:
        inner = inner[int(key) if isinstance(inner, list) else key]
    if to is None:
        del inner[last]
    else:
        inner[last] = to
    return copy


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("classes",), ["x", "y", "z"]),
        (("classes",), ["basophil", "basophil", "neutrophil"]),
        (("networks", "a", "classes", "basophil"), None),
        (("networks", "a", "confusion"), [[1, 2], [3, 4]]),
        (("networks", "a", "confusion"), [["1"] * 3] * 3),
        (("networks", "a", "pooled", "macro_f1"), None),
        (("networks", "a", "pooled", "macro_f1", "value"), "0.9"),
        (("networks", "a", "pooled", "macro_f1", "value"), 10**400),
        (("networks", "a", "pooled", "macro_f1", "missing"), "no reason"),
        (("networks", "a", "folds", "0", "accuracy"), None),
        (("networks", "a", "classes", "basophil", "recall"), None),
        (("networks", "a", "images"), -1),
        (("networks", "b"), None),
        (("pairs", "0", "a"), "c"),
        (("calibration", "a", "classes", "basophil"), None),
        (("protocol",), "another"),
    ],
)
def test_parts_that_dont_go_together_are_no_results(results: RunResults, path: tuple[str, ...], to: object) -> None:
    """Whoever shows one part looks its names up in another."""
    value = json.loads(json.dumps(results_to_json(results)))
    assert results_from_json(value) == results
    with pytest.raises(ValueError, match="damaged results"):
        results_from_json(_changed(value, *path, to=to))


def test_results_of_other_classes_than_the_runs_are_not_its_own(tmp_path: Path) -> None:
    run, other = (make_run(tmp_path / name, skills={network: 2.0}) for name, network in (("run", "a"), ("other", "b")))
    own, foreign = build_results(run), build_results(other)
    write_results_file(run / "results.json", own)
    assert read_stored_results(RunFolder(run)) == own
    write_results_file(run / "results.json", foreign)  # about another network
    assert read_stored_results(RunFolder(run)) is None
    text = json.dumps(results_to_json(own)).replace("basophil", "blast")
    (run / "results.json").write_text(text)
    assert read_results_file(run / "results.json") is not None
    assert read_stored_results(RunFolder(run)) is None
    assert read_results(run).classes == own.classes  # computed again
    for table in run.glob("trials/*/*/predictions.csv"):
        table.unlink()
    assert read_stored_results(RunFolder(run)) is not None  # of a run whose predictions are gone the figures are left

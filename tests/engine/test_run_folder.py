"""The names and paths of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.run_folder import RunFolder, TrialFolder, TrialKey, run_title, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20261122-190512-wbc-subtypes", "wbc-subtypes"),
        ("20261122-190512-a", "a"),
        ("wbc-subtypes-second-try", "wbc-subtypes-second-try"),  # a renamed folder
        ("2026-11-22-wbc", "2026-11-22-wbc"),
        ("1-2-3", "1-2-3"),
        ("20261122-190512-", "20261122-190512-"),
    ],
)
def test_the_title_of_a_run_is_its_name_without_the_time_in_front(name: str, expected: str) -> None:
    assert run_title(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wbc subtypes", "wbc-subtypes"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\x1b[31mb", "a-31mb"),
        ("Köln 3.5_x", "K-ln-3.5_x"),
        ("ø", "run"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_slug_is_a_safe_name_for_a_file(name: str, expected: str) -> None:
    assert slug(name, "run") == expected


KEYS = (TrialKey("hf/some.net", 2, 7, 3), TrialKey("resnet18", 1), TrialKey("resnet18", 2), TrialKey("resnet18", 10))


def test_the_trials_of_a_run_are_found_in_order_whatever_their_networks_are_called(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "trials" / "run")  # a folder above that is called like ours
    assert run.trials() == []
    for key in reversed(KEYS):
        run.trial(key).model_folder.mkdir(parents=True)
    (run.trials_folder / "resnet18" / "fold-x").mkdir()
    (run.trials_folder / "fold-1").mkdir()
    assert [trial.key for trial in run.trials()] == list(KEYS)
    assert not run.has_predictions()
    run.trial(KEYS[0]).predictions_file.touch()
    assert run.has_predictions()


@pytest.mark.parametrize("key", KEYS)
def test_a_trial_and_its_run_are_known_by_the_path_of_the_trial_or_its_model(tmp_path: Path, key: TrialKey) -> None:
    run = RunFolder(tmp_path / "trials" / "run")
    trial = run.trial(key)
    for path in (trial.path, trial.model_folder):
        found = TrialFolder.of(path)
        assert found == trial
        assert (found.key, found.run) == (key, run)


@pytest.mark.parametrize(
    "path", ["resnet18/fold-1", "trials/fold-1", "trials/resnet18", "model", "trials/net/fold-1/a/b"]
)
def test_other_paths_are_no_trials(path: str) -> None:
    assert TrialFolder.of(Path(path)) is None
    with pytest.raises(ValueError, match="not the folder of a trial"):
        TrialFolder(Path(path)).key  # noqa: B018 - a property that raises


def test_the_run_that_a_path_leads_into_is_known_by_its_files(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    model = run.trial(KEYS[1]).model_folder
    model.mkdir(parents=True)
    assert RunFolder.containing(model) is None
    run.manifest_file.touch()
    run.split_file.touch()
    assert RunFolder.containing(model) == run

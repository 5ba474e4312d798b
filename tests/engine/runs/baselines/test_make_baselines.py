"""Colour and frozen features predict a run's test images by its own folds, and nothing of it can fail the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.splitting.split import write_split
from aimic_tui.engine.evaluation.baseline import BaselineName
from aimic_tui.engine.evaluation.baseline_record import read_baseline_record
from aimic_tui.engine.evaluation.baselines import baseline_predictions
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import read_predictions, write_predictions
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.baselines.linear_classifier import INVERSE_PENALTIES, OneClassOnly, predict_fold
from aimic_tui.engine.runs.baselines.make_baselines import make_baselines
from aimic_tui.engine.runs.status import RunStatus, write_status
from tests.engine.training.small import NETWORK, make_task


def make_run(workspace: Path, **settings: str) -> RunFolder:
    """Write a run on three colours of discs, without any trial."""
    folder = RunFolder(workspace / "runs" / "20261122-190512-discs")
    folder.path.mkdir(parents=True)
    task = make_task(folder.path, **settings)
    folder.experiment_file.write_text(task.experiment.to_toml())
    write_manifest(folder.manifest_file, task.data_set, check_images(task.data_set))
    write_split(folder.split_file, task.data_set, task.split)
    write_status(folder, RunStatus(run=folder.name, state="finished", networks=(NETWORK,), folds=3))
    return folder


def macro_f1(folder: RunFolder, name: BaselineName) -> float:
    tables = [read_predictions(folder.baseline_table(name, fold)) for fold in (1, 2, 3)]
    found = scores(
        np.concatenate([table.labels for table in tables]), np.concatenate([table.probabilities for table in tables])
    )
    return found["macro_f1"] or 0.0


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "first.safetensors"
    save_file(build_network(NETWORK, 3, 32).state_dict(), path)
    return str(path)


def test_every_test_image_is_predicted_in_its_fold(tmp_path: Path, weights: str) -> None:
    folder = make_run(tmp_path, model__weights=weights)
    record = make_baselines(folder)
    assert record.made == {"border_colour": "", "image_colour": "", "frozen_features": NETWORK}
    assert read_baseline_record(folder.baseline_record) == record
    # The discs are coloured and lie inside, on grey noise: the border knows nothing of them.
    assert macro_f1(folder, "image_colour") > 0.8
    assert macro_f1(folder, "border_colour") < 0.6

    store_as_network(folder)
    tested = read_run_predictions(folder.path)
    found = baseline_predictions(folder.path, tested)
    assert [name for name, _, _ in found.found] == [
        *("majority_class", "border_colour", "image_colour", "frozen_features"),
    ]
    for _, _, predictions in found.found:
        assert sorted(predictions.images) == list(range(len(tested.data)))
        assert not np.isnan(predictions.probabilities).any()


def store_as_network(folder: RunFolder) -> None:
    for fold in (1, 2, 3):
        table = folder.path / f"trials/{NETWORK}/fold-{fold}/predictions.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        write_predictions(table, read_predictions(folder.baseline_table("image_colour", fold)))


def test_images_that_are_gone_cost_their_baselines_only(tmp_path: Path, weights: str) -> None:
    folder = make_run(tmp_path, model__weights=weights)
    (folder.path / "images/red/slide00_0.jpg").unlink()
    record = make_baselines(folder)
    assert record.made == {}
    assert [missing.reason for missing in record.missing] == ["images", "images", "failed"]
    assert "1 image of the run can't be read any more" in record.missing[0].sentence
    assert "slide00_0.jpg" in record.missing[2].sentence

    shutil.rmtree(folder.path / "images")
    assert "42 images of the run" in make_baselines(folder).missing[0].sentence


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"model__trainable": "head"}, "frozen"),
        ({}, "weights"),  # random ones, and none in the folder
    ],
)
def test_frozen_features_need_pre_trained_weights_that_the_run_fine_tunes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], reason: str
) -> None:
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "none"))
    record = make_baselines(make_run(tmp_path, **settings))
    assert set(record.made) == {"border_colour", "image_colour"}
    assert [missing.reason for missing in record.missing] == [reason]


def test_no_label_of_a_test_image_is_seen(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(len(task.data_set), 4)), task.data_set.labels
    first = predict_fold(features, labels, 3, task.split, 1, balanced=True, squares=True)
    test = task.split.indices(1, Part.TEST)
    changed = labels.copy()
    changed[test] = (labels[test] + 1) % 3
    again = predict_fold(features, changed, 3, task.split, 1, balanced=True, squares=True)
    assert np.array_equal(first, again)
    assert first.sum(axis=1) == pytest.approx(np.ones(len(test)))


def test_more_features_than_images_are_the_same_model_in_fewer_axes(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    labels, split = task.data_set.labels, task.split
    features = np.random.default_rng(1).normal(size=(len(labels), 200))
    features[:, 0] += 2 * labels
    said = predict_fold(features, labels, 3, split, 1, balanced=False)

    train, validation, test = (split.indices(1, part) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST))
    scaled = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    models = [
        LogisticRegression(C=strength, max_iter=1000, tol=1e-8).fit(scaled[train], labels[train])
        for strength in INVERSE_PENALTIES
    ]
    losses = [scores(labels[validation], model.predict_proba(scaled[validation]))["log_loss"] for model in models]
    best = models[int(np.argmin(losses))]
    assert said == pytest.approx(best.predict_proba(scaled[test]), abs=0.01)


def test_one_class_alone_teaches_nothing(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    with pytest.raises(OneClassOnly):
        predict_fold(np.zeros((42, 2)), np.zeros(42, np.int32), 3, task.split, 1, balanced=False)


def test_a_class_between_two_others_is_found_by_squares(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    features = (task.data_set.labels[:, None] - 1.0) + np.random.default_rng(0).normal(0, 0.05, (42, 1))
    middle = np.where(task.data_set.labels == 1, 1, 0).astype(np.int32)
    test = task.split.indices(1, Part.TEST)

    def accuracy(*, squares: bool) -> float:
        said = predict_fold(features, middle, 2, task.split, 1, balanced=True, squares=squares)
        return float((said.argmax(axis=1) == middle[test]).mean())

    assert accuracy(squares=True) == 1.0
    assert accuracy(squares=False) < 0.8

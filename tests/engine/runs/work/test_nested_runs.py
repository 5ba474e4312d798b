"""A run with inner folds and several seeds, carried out by a real worker and judged."""

from __future__ import annotations

import os

import pytest

from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.evaluation.build_results import build_results, read_results, write_results
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.evaluation.results_file import read_results_file
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import digest_of_file
from aimic_tui.engine.models.model_folder import find_models, read_model_card
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.runs.work.report_at_end import leave_report
from aimic_tui.engine.runs.work.stop_signal import StopSignal
from aimic_tui.engine.runs.work.worker import Worker
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.training.small import NETWORK, draw_images

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NETWORKS = [NETWORK, "test_resnet"]


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    import torch

    cells = tmp_path_factory.mktemp("data") / "cells"
    draw_images(cells)
    values = {
        "data.path": str(cells),
        "data.group": "none",
        "split.folds": 2,
        "split.inner_folds": 2,
        "split.validation": 0.3,
        "model.networks": NETWORKS,
        "model.weights": "none",
        "model.image_size": 32,
        "training.epochs": 2,
        "training.seeds": 2,
        "training.batch_size": 4,
        "training.precision": "fp32",
        "compute.devices": "cpu",
        "evaluation.resamples": 1000,
    }
    folder = create_run(Experiment().with_values(values), Workspace(tmp_path_factory.mktemp("space")), ["test"])
    torch.set_num_threads(1)
    worker = Worker(folder, "cpu", StopSignal(folder.stop_file, os.getppid()))
    for trial in read_status(folder).trials:
        assert worker.train(trial.key).state == "finished"
    write_results(folder.path)
    return folder


def test_every_trial_tests_its_own_part_and_no_inner_one_sees_the_folds_test(nested: RunFolder) -> None:
    images = read_manifest(nested.manifest_file).images
    split = read_split(nested.split_file, images)
    trials = read_status(nested).trials
    assert len(trials) == 2 * 2 * 2 + 2 * 2 * 2
    for trial in trials:
        folder = nested.trial(trial.key)
        column = split.column(trial.fold, trial.inner)
        for file, part in ((folder.predictions_file, 3), (folder.validation_file, 2)):
            expected = [image for image, code in zip(images, column.tolist(), strict=True) if code == part]
            assert sorted(read_predictions(file).images) == expected
        card = read_model_card(folder.model_folder)
        assert (card.provenance.fold, card.provenance.inner_fold) == (trial.fold, trial.inner)
        assert card.provenance.seed == trial.seed


def test_seeds_differ_and_inner_models_never_predict(nested: RunFolder) -> None:
    first, second = (nested.trial(TrialKey(NETWORK, 1, seed)).predictions_file for seed in (0, 1))
    assert digest_of_file(first) != digest_of_file(second)
    models = find_models(nested.path, NETWORK)
    assert [model.parent.name for model in models] == ["fold-1", "fold-1-seed-1", "fold-2", "fold-2-seed-1"]


def test_all_trials_share_one_cache(nested: RunFolder) -> None:
    kept = list((nested.path.parent.parent / "cache").glob("*.images"))
    assert len(kept) == 1


def test_the_results_hold_the_nested_figure_and_come_out_the_same_again(nested: RunFolder) -> None:
    results = read_results_file(nested.results_file)
    assert results is not None
    assert [found.by for found in results.selected] == ["validation part", "inner folds"]
    assert results.complete
    for network in results.networks.values():
        assert network.seeds == (0, 1)
        assert (network.trials_done, network.trials_total) == (4, 4)
        assert network.seed_spread["accuracy"].sd is not None
    assert build_results(nested.path) == results == read_results(nested.path)
    nested.results_file.unlink()
    assert write_results(nested.path) == results


def test_the_report_is_left_beside_and_tells_the_procedure(nested: RunFolder) -> None:
    assert leave_report(nested) == ""
    page = nested.report_file.read_text("utf-8")
    assert "nested cross-validation with 2 inner folds" in page
    assert "2 trainings per fold, with seeds 0 to 1" in page

"""The methods paragraphs say what was done, as a paper would."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.report.methods_text import methods_paragraphs
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run
from tests.screens.made_run import make_data, make_run


def methods(folder: RunFolder) -> str:
    return " ".join(methods_paragraphs(read_record(folder)))


def test_a_plain_training_is_described_with_its_data_and_figures(record: RunRecord) -> None:
    data, training, evaluation = methods_paragraphs(record)
    assert data.startswith("The data set held 60 images of 30 groups")
    assert "3-fold cross-validation, stratified by class, keeping all images of a group on one side" in data
    assert "were set aside as a validation part" in data
    assert training.startswith("mobilenet_v2 and resnet18 were trained from random weights; all layers were trained.")
    assert "Images were resized to each network's own input size." in training
    assert "batch size 8" in training
    assert "95 % intervals for these trained networks, on new groups: cluster bootstrap over 30 groups" in evaluation
    assert "images that are identical or nearly so" in data
    assert "The images were not audited for shortcuts, outliers or label conflicts" in data
    for wanted in ("haematoxylin, eosin and DAB of up to 10 %", "Gaussian blur of 10 %", "Gaussian noise on 25 %"):
        assert wanted in training
    assert "paired randomisation test over groups, with Holm's adjustment" in evaluation
    assert "nested cross-validation" not in evaluation
    assert "mixup" not in training


def test_what_a_plain_training_does_not_do_is_said(tmp_path: Path) -> None:
    settings = {
        "training.loss": "focal",
        "training.ema": 0.99,
        "augmentation.mixup": 0.2,
        "training.label_smoothing": 0.1,
    }
    said = methods(make_run(tmp_path / "ws", make_data(tmp_path / "data"), settings=settings))
    assert (
        "The focal loss was minimised (Lin et al. 2017, gamma 2), labels were smoothed by 0.1, images were blended by "
        "mixup (Zhang et al. 2018, alpha 0.2) and an exponential moving average of the weights (decay 0.99) was used."
        in said
    )


def test_a_frozen_network_is_not_augmented(tmp_path: Path) -> None:
    frozen = {"model.trainable": "head", "augmentation.mixup": 0.2}
    said = methods(make_run(tmp_path / "ws", make_data(tmp_path / "data"), settings=frozen))
    assert "Training images were not augmented" in said
    assert "only the classifier was trained, on the frozen network" in said
    assert "mixup (" not in said


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({"protocol": "aimic-2022"}, "so the estimates are optimistic"),
        ({"repeats": 2}, "2 times repeated 3-fold cross-validation"),
        ({"seeds": (0, 1)}, "2 trainings per fold, with seeds 0 to 1"),
        ({"skills": {"a": 2.0, "b": 1.0}, "inner_folds": 3}, "nested cross-validation with 3 inner folds"),
        ({"groups": 60, "boast": 3.0}, "calibrated by temperature scaling (Guo et al. 2017)"),
    ],
)
def test_protocol_repeats_seeds_choice_and_calibration_are_said(
    tmp_path: Path, made: dict[str, object], wanted: str
) -> None:
    said = methods(RunFolder(predicted_run(tmp_path / "run", **made)))  # type: ignore[arg-type]
    assert wanted in said

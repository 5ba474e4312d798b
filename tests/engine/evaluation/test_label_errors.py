from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.label_errors import likely_label_errors

CLASSES = ("eosinophil", "lymphocyte", "neutrophil")


def opinions(labels: np.ndarray, sure: float, seed: int = 0) -> np.ndarray:
    """Probabilities of networks that are mostly right about `labels`."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(labels), 3))
    logits[np.arange(len(labels)), labels] += sure
    weights = np.exp(logits)
    return weights / weights.sum(axis=1, keepdims=True)


def names(count: int) -> list[str]:
    return [f"cells/{index:04d}.png" for index in range(count)]


def test_swapped_labels_are_named_first():
    truth = np.repeat([0, 1, 2], 100)
    said = opinions(truth, sure=7.0)
    labels = truth.copy()
    swapped = np.random.default_rng(1).permutation(300)[:15]
    labels[swapped] = (labels[swapped] + 1) % 3
    suspects = likely_label_errors(names(300), labels, said, CLASSES)
    first = {suspect.image for suspect in suspects[:15]}
    assert len(first & {names(300)[index] for index in swapped}) >= 14
    for suspect in suspects[:3]:
        index = names(300).index(suspect.image)
        assert suspect.label == CLASSES[labels[index]]
        assert suspect.of_opinion > suspect.of_label
        assert suspect.of_opinion == pytest.approx(said[index].max())


def test_right_labels_of_sure_networks_are_not_accused():
    truth = np.repeat([0, 1, 2], 50)
    assert likely_label_errors(names(150), truth, opinions(truth, sure=12.0), CLASSES) == []


def test_a_class_the_networks_are_unsure_of_accuses_only_above_its_own_mean():
    # Everything looks a little like a neutrophil, and neutrophils get 0.8: 0.6 is no reason to doubt an eosinophil.
    said = np.array([[0.4, 0.0, 0.6]] * 10 + [[0.2, 0.0, 0.8]] * 10 + [[0.1, 0.0, 0.9]])
    labels = np.array([0] * 10 + [2] * 10 + [0])
    suspects = likely_label_errors(names(21), labels, said, CLASSES)
    assert [suspect.image for suspect in suspects] == [names(21)[20]]
    assert "labelled eosinophil" in suspects[0].sentence
    assert "neutrophil (0.90, eosinophil 0.10)" in suspects[0].sentence


def test_images_without_an_opinion_are_left_out():
    truth = np.repeat([0, 1, 2], 20)
    said = opinions(truth, sure=8.0)
    labels = truth.copy()
    labels[0] = 2
    assert [suspect.image for suspect in likely_label_errors(names(60), labels, said, CLASSES)] == [names(60)[0]]
    said[0] = np.nan
    assert likely_label_errors(names(60), labels, said, CLASSES) == []

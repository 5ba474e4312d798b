"""What all networks of a run say together about each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.opinions import opinions_of
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from tests.screens.made_run import make_data, make_run


def test_disagreement_is_the_divergence_of_the_answers(tmp_path: Path) -> None:
    data = make_data(tmp_path / "cells")
    run = make_run(tmp_path / "ws", data, networks=("mobilenet_v2", "resnet50"), epochs=2)
    tested = read_run_predictions(run.path)
    opinions = opinions_of(tested)
    assert opinions.most_answers == 2
    image = tested.data.images[3]
    p, q = (opinions.means[name][image] for name in ("mobilenet_v2", "resnet50"))
    m = (p + q) / 2
    by_hand = (np.sum(p * np.log(p / m)) + np.sum(q * np.log(q / m))) / 2 / np.log(2)
    assert opinions.disagreement[image] == pytest.approx(by_hand)
    assert all(0 <= value <= 1 for value in opinions.disagreement.values())


def test_one_answer_has_nothing_to_disagree_with(tmp_path: Path) -> None:
    run = make_run(tmp_path / "ws", make_data(tmp_path / "cells"), epochs=2)
    opinions = opinions_of(read_run_predictions(run.path))
    assert opinions.most_answers == 1
    assert opinions.disagreement == {}
    assert len(opinions.means["mobilenet_v2"]) == 60

"""What a run measures before it begins is measured on the images that train."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.training.task import preprocessing_for
from aimic_tui.engine.workspace_folder import Workspace


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """Training and validation images of 10 bits, test images that are twenty times as bright."""
    random = np.random.default_rng(0)
    for part, light in (("train", 500), ("val", 500), ("test", 10_000)):
        for label in ("a", "b"):
            folder = tmp_path / "slides" / part / label
            folder.mkdir(parents=True)
            for number in range(6):
                values = random.integers(light // 2, 2 * light, (32, 32), dtype=np.uint16)
                tifffile.imwrite(folder / f"{number}.tif", values)
    return tmp_path / "slides"


def made(slides: Path, **values: object) -> Experiment:
    settings = {
        "data.path": str(slides),
        "data.group": "none",
        "split.method": "predefined",
        "model.networks": ["test_resnet"],
        "model.weights": "none",
        "model.image_size": 32,
        "compute.devices": "cpu",
    }
    run: RunFolder = create_run(Experiment().with_values({**settings, **values}), Workspace(slides.parent / "ws"), [])
    return Experiment.from_file(run.experiment_file)


def test_no_test_image_has_a_say_in_the_bits_in_use(slides: Path) -> None:
    experiment = made(slides)
    assert experiment.data.window == [0, 1023]
    way = preprocessing_for(experiment, find_network("test_resnet"))
    assert way.window == (0, 1023)
    assert way.load(slides / "test/a/0.tif").min() == 255


def test_nor_in_percentiles(slides: Path) -> None:
    low, high = made(slides, **{"data.intensity": "percentiles", "data.percentiles": [2, 98]}).data.window
    assert 250 <= low < high <= 1000


def test_the_same_experiment_again_keeps_the_window(slides: Path) -> None:
    first = made(slides)
    again = made(slides, **{"data.window": first.data.window})
    assert again.data == first.data


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"data.intensity": "window"}, UsageProblem, "needs data.window"),
        ({"data.channels": "1:crimson"}, UsageProblem, "crimson"),
        ({"data.channels": "2"}, InputProblem, "asks for channel 2"),
    ],
)
def test_a_rule_that_can_not_be_is_refused_and_leaves_nothing(slides, values, kind, words) -> None:
    with pytest.raises(kind, match=words):
        made(slides, **values)
    assert not list((slides.parent / "ws").glob("runs/*"))

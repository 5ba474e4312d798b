"""The ten networks of the paper, and one that hides a version: each trains, is interrupted, goes on, leaves a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.models.catalogue import all_networks, find_network
from aimic_tui.engine.models.model_folder import read_model_card
from aimic_tui.engine.run_events import EpochRecord, TrialEvent
from aimic_tui.engine.training.trial import train_trial
from tests.engine.training.small import Story, draw_images, make_task

PAPER = [network.name for network in all_networks() if network.paper]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "images"
    draw_images(folder, each=4)
    return folder


def test_the_paper_has_ten_networks() -> None:
    assert len(PAPER) == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PAPER, "mnasnet0_5"])
def test_it_trains_is_interrupted_goes_on_and_leaves_a_model(name: str, images: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    class Dying(Story):
        def emit(self, event: TrialEvent) -> None:
            super().emit(event)
            if isinstance(event, EpochRecord):
                raise Killed

    torch.set_num_threads(1)
    task = make_task(
        tmp_path,
        data__path=str(images),
        data__group="none",
        split__folds=2,
        model__networks=[name],
        # Inception's auxiliary classifier needs its full size.
        model__image_size=299 if name == "inception_v3" else max(64, find_network(name).minimum_size),
        training__epochs=2,
        training__batch_size=4,
        training__optimizer="sgd",
        training__momentum=0.0,
    )
    try:
        with pytest.raises(Killed):
            train_trial(task, emit=Dying().emit, should_stop=lambda: False)
        story = Story()
        assert train_trial(task, emit=story.emit, should_stop=story.should_stop).state == "finished"
        assert story.of("trial-started")[0] | {"epoch": 2, "resumed": True} == story.of("trial-started")[0]
        assert read_model_card(task.folder / "model").network == name
        assert len(read_predictions(task.folder / "predictions.csv").images) == story.of("trial-started")[0]["test"]
    finally:
        shutil.rmtree(task.folder)  # some have half a gigabyte of weights

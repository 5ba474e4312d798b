"""A draft: texts in, an experiment or its problems out, and back again."""

from __future__ import annotations

import pytest

from aimic_tui.engine.experiment import PRESETS, Experiment, ExperimentProblem
from aimic_tui.workspace.experiment_draft import OWN, ExperimentDraft, data_table


def test_an_untouched_draft_is_the_default_experiment() -> None:
    draft = ExperimentDraft()
    assert draft.changed == {}
    assert draft.experiment() == Experiment()


def test_what_was_typed_is_kept_right_or_wrong() -> None:
    draft = ExperimentDraft({"training.epochs": "-3", "model.networks": "resnet18, resnet50", "no.such.key": "1"})
    draft.write("training.learning_rate", "fast")
    assert draft.changed == {
        "training.epochs": "-3",
        "model.networks": "resnet18, resnet50",
        "training.learning_rate": "fast",
    }
    with pytest.raises(ExperimentProblem) as found:
        draft.experiment()
    assert {problem.key for problem in found.value.problems} == {"training.epochs", "training.learning_rate"}
    draft.reset("training.epochs")
    draft.put("training.learning_rate", 1e-4)
    assert draft.text("training.learning_rate") == "1e-4"
    assert draft.experiment().model.networks == ["resnet18", "resnet50"]


def test_an_experiment_comes_back_as_it_was() -> None:
    settings = {
        "name": "Größe, x",
        "data.classes": {"band": "neutrophil", "baso, phil": ""},
        "data.channels": "1:green,2:#ff00ff",
        "data.window": [0.0, 4095.0],
        "split.from": "latest",
        "training.batch_size": 16,
        "training.shuffle": False,
        "augmentation.blur": 0.25,
    }
    experiment = Experiment().with_values(settings)
    draft = ExperimentDraft()
    draft.fill(experiment)
    assert draft.experiment() == experiment
    assert ExperimentDraft(draft.changed).experiment() == experiment
    assert data_table(draft.changed)["channels"] == "1:green,2:#ff00ff"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_recognised_and_left_for_another(name: str) -> None:
    draft = ExperimentDraft()
    draft.take_preset(name, {})
    assert draft.preset == name
    draft.put("training.epochs", 13)
    assert draft.preset == OWN


def test_what_was_decided_about_the_data_comes_back_after_the_papers_preset() -> None:
    draft = ExperimentDraft({"data.group": "patient"})
    draft.take_preset("paper", {"group": "patient"})
    assert draft.text("data.group") == "none"
    draft.take_preset("quick", {"group": "patient"})
    assert draft.text("data.group") == "patient"

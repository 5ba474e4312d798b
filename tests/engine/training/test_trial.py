"""A trial from its start to its end, and from any interruption to the same end."""

from __future__ import annotations

import math
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.files import read_table
from aimic_tui.engine.models.model_folder import read_model_card
from aimic_tui.engine.run_events import EpochRecord, TrialEvent
from aimic_tui.engine.training import pipelines, stepper
from aimic_tui.engine.training.trial import TrialResult, TrialTask, train_trial
from tests.engine.training.small import CLASSES, Story, draw_images, make_task


def run(task: TrialTask, story: Story | None = None) -> tuple[TrialResult, Story]:
    story = story or Story()
    return train_trial(task, emit=story.emit, should_stop=story.should_stop), story


def end_of(task: TrialTask) -> dict[str, Any]:
    """Everything that an undisturbed trial and an interrupted one must have in common."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in read_table(task.folder / "metrics.csv")]
    files = ("model/weights.safetensors", "predictions.csv", "validation.csv")
    return {"metrics": rows} | {name: (task.folder / name).read_bytes() for name in files}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    draw_images(folder / "images")
    return folder


@pytest.fixture
def task_for(images: Path, tmp_path: Path) -> Callable[..., TrialTask]:
    """Makes tasks on the same images, each in a folder of its own."""

    def make(name: str = "a", **settings: Any) -> TrialTask:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if not (folder / "images").exists():
            (folder / "images").symlink_to(images / "images")
        return make_task(folder, data__path=str(images / "images"), **settings)

    return make


def test_a_finished_trial_leaves_what_a_run_is_made_of(task_for: Callable[..., TrialTask]) -> None:
    task = task_for()
    outcome, story = run(task)
    assert outcome.state == "finished"
    assert [event for event, _ in story.events if event not in ("progress", "warning")] == [
        "trial-started",
        "weights",
        *["epoch"] * 4,
        "trial-finished",
    ]
    started, finished = story.of("trial-started")[0], story.of("trial-finished")[0]
    parts = task.split.parts[0]
    assert (started["train"], started["validation"], started["test"]) == tuple(
        int((parts == part).sum()) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)
    )
    assert started["resumed"] is False and started["epoch"] == 1 and started["batch_size"] == 8
    assert finished["epochs"] == 4 and finished["stopped_early"] is False
    assert 0 <= finished["test"]["accuracy"] <= 1

    rows = read_table(task.folder / "metrics.csv")
    assert [list(row) for row in rows] == [list(event) for event in story.of("epoch")]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4]

    test = read_predictions(task.folder / "predictions.csv")
    assert test.images == tuple(task.data_set.images[i] for i in np.flatnonzero(parts == Part.TEST))
    assert np.allclose(test.probabilities.sum(axis=1), 1)
    validation = read_predictions(task.folder / "validation.csv")
    assert not set(validation.images) & set(test.images)

    card = read_model_card(task.folder / "model")
    assert card.classes == CLASSES and card.preprocessing.image_size == 32
    assert card.provenance.epoch == outcome.best_epoch == finished["best_epoch"]
    assert card.provenance.validation["macro_f1"] == max(e["validation_macro_f1"] for e in story.of("epoch"))


def test_two_trials_of_one_seed_are_the_same_and_of_another_seed_are_not(task_for: Callable[..., TrialTask]) -> None:
    one, other, another = task_for("one"), task_for("other"), task_for("another", seed=1)
    for task in (one, other, another):
        run(task)
    assert end_of(one) == end_of(other) != end_of(another)


RECIPES = {
    "plain": {},
    "layerwise": {"model__trainable": "gradual", "training__epochs": 8},
    "head": {"model__trainable": "head"},
    "plateau": {"training__schedule": "plateau", "training__decay_every": 1, "training__gradient_clip": 1.0},
    "sgd": {"training__optimizer": "sgd", "training__schedule": "one-cycle", "data__balance": "oversample"},
    "lbfgs": {"training__optimizer": "lbfgs", "training__epochs": 3, "training__learning_rate": 0.1},
    "rprop": {"training__optimizer": "rprop", "augmentation__preset": "strong"},
    "bf16": {"training__precision": "bf16", "augmentation__preset": "stain", "training__monitor": "loss"},
    "fp16": {"training__precision": "fp16", "training__label_smoothing": 0.1},
    "uncached": {"compute__cache": "off", "augmentation__preset": "flips"},
    "ema": {"training__ema": 0.9, "augmentation__blur": 0.5},
    "ema head": {"training__ema": 0.9, "model__trainable": "gradual", "training__epochs": 8},
    "mixed": {"augmentation__mixup": 0.4, "augmentation__cutmix": 1.0, "training__label_smoothing": 0.1},
    "focal": {"training__loss": "focal", "augmentation__mixup": 1.0, "training__ema": 0.99},
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_trial_that_is_stopped_again_and_again_ends_as_if_never_stopped(
    task_for: Callable[..., TrialTask], recipe: str
) -> None:
    undisturbed, disturbed = task_for("undisturbed", **RECIPES[recipe]), task_for("disturbed", **RECIPES[recipe])
    _, whole = run(undisturbed)
    random = np.random.default_rng(1)
    stories: list[Story] = []
    while not stories or not stories[-1].of("trial-finished"):
        # Later and later, so that it comes to an end: each sitting does more than the one before.
        stories.append(Story(stop_at=int(random.integers(2, 12)) + 6 * len(stories)))
        outcome, _ = run(disturbed, stories[-1])
        assert (outcome.state == "stopped") == bool(stories[-1].of("trial-stopped"))
    assert len(stories) > 2
    assert end_of(disturbed) == end_of(undisturbed)
    epochs: dict[int, dict[str, Any]] = {}
    for story in stories:
        epochs |= {event["epoch"]: {**event, "seconds": 0} for event in story.of("epoch")}
    assert list(epochs.values()) == [{**event, "seconds": 0} for event in whole.of("epoch")]


@pytest.mark.parametrize("killed_after", [1, 2, 4])
def test_a_trial_that_dies_with_an_epochs_event_goes_on_after_that_epoch(
    task_for: Callable[..., TrialTask], killed_after: int
) -> None:
    class Killed(BaseException):
        pass

    class Dying(Story):
        def emit(self, event: TrialEvent) -> None:
            if isinstance(event, EpochRecord) and event.epoch == killed_after:
                raise Killed
            super().emit(event)

    undisturbed, killed = task_for("undisturbed"), task_for("killed")
    run(undisturbed)
    with pytest.raises(Killed):
        run(killed, Dying())
    _, story = run(killed)
    assert story.of("trial-started")[0]["resumed"] is True
    assert [event["epoch"] for event in story.of("epoch")] == list(range(killed_after, 5))
    assert end_of(killed) == end_of(undisturbed)


def test_a_stop_leaves_the_best_model_so_far(task_for: Callable[..., TrialTask]) -> None:
    task = task_for(training__epochs=50)
    _, story = run(task, Story(stop_at=16))
    done = len(story.of("epoch"))
    assert story.events[-1] == ("trial-stopped", {"epoch": done})
    assert 1 <= done < 50
    assert read_model_card(task.folder / "model").provenance.epoch == story.of("epoch")[-1]["best_epoch"]


@pytest.mark.parametrize("damaged", [["checkpoint.pt"], ["checkpoint.pt", "checkpoint-older.pt"]])
def test_damaged_checkpoints_cost_epochs_but_never_the_trial(
    task_for: Callable[..., TrialTask], damaged: list[str]
) -> None:
    undisturbed, task = task_for("undisturbed"), task_for("damaged")
    run(undisturbed)
    run(task, Story(stop_at=16))
    for name in damaged:
        content = bytearray((task.folder / name).read_bytes())
        content[len(content) // 2] ^= 4
        (task.folder / name).write_bytes(content)
    _, story = run(task)
    assert len(story.warnings) == len(damaged)
    assert story.of("trial-started")[0]["resumed"] is (len(damaged) == 1)
    assert end_of(task) == end_of(undisturbed)


def test_a_full_disk_is_a_sentence_and_the_trial_goes_on_when_there_is_room(task_for: Callable[..., TrialTask]) -> None:
    undisturbed, task = task_for("undisturbed"), task_for("full")
    run(undisturbed)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Story):
        def emit(self, event: TrialEvent) -> None:
            super().emit(event)
            if isinstance(event, EpochRecord) and event.epoch == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))

    try:
        with pytest.raises(AimicError, match=r"can't be written: .*aimic resume") as caught:
            run(task, Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 1
    assert not list(task.folder.glob(".*.part"))
    _, story = run(task)
    assert story.of("trial-started")[0]["epoch"] == 3
    assert end_of(task) == end_of(undisturbed)


def test_a_checkpoint_of_another_fold_is_refused(task_for: Callable[..., TrialTask]) -> None:
    first, second = task_for(fold=1), task_for(fold=2)
    run(first)
    shutil.copytree(first.folder, second.folder, dirs_exist_ok=True)
    with pytest.raises(InputProblem, match="belongs to another fold"):
        run(second)


def test_early_stopping_keeps_the_best_epoch(task_for: Callable[..., TrialTask]) -> None:
    outcome, story = run(task_for(training__epochs=60, training__patience=2))
    epochs, finished = story.of("epoch"), story.of("trial-finished")[0]
    assert finished["stopped_early"] is True and finished["epochs"] == len(epochs) < 60
    monitored = [event["monitor"] for event in epochs]
    assert max(monitored) == monitored[outcome.best_epoch - 1]
    assert max(monitored[:-2]) == max(monitored)


def test_the_published_protocol_chooses_on_the_test_part(task_for: Callable[..., TrialTask]) -> None:
    task = task_for(split__protocol="aimic-2022", data__group="none", training__monitor="accuracy")
    outcome, story = run(task)
    assert story.of("trial-started")[0]["validation"] == story.of("trial-started")[0]["test"]
    assert outcome.test["accuracy"] == max(event["validation_accuracy"] for event in story.of("epoch"))
    card = read_model_card(task.folder / "model")
    assert card.preprocessing.mean == card.preprocessing.std == (0.5, 0.5, 0.5)
    assert card.provenance.protocol == "aimic-2022"
    assert not (task.folder / "validation.csv").exists()


def test_a_frozen_network_looks_at_each_image_once_for_all_folds(
    task_for: Callable[..., TrialTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = pipelines.features

    def counted(network: nn.Module, images: Tensor) -> Tensor:
        seen.append(len(images))
        return original(network, images)

    monkeypatch.setattr(pipelines, "features", counted)
    first, second = (task_for(model__trainable="head", training__epochs=20, fold=fold) for fold in (1, 2))
    run(first)
    assert sum(seen) == len(first.data_set)
    run(second)
    assert sum(seen) == len(first.data_set)
    # Found or computed: the bits are the same.
    alone = task_for("alone", model__trainable="head", training__epochs=20, fold=2)
    run(alone)
    assert sum(seen) == 2 * len(first.data_set)
    assert end_of(second) == end_of(alone)
    # Of another seed the random network is another one, and so are its features.
    run(task_for(model__trainable="head", training__epochs=20, fold=3, seed=1))
    assert sum(seen) == 3 * len(first.data_set)


def test_features_are_not_kept_where_the_cache_is_off_or_too_small(task_for: Callable[..., TrialTask]) -> None:
    _, story = run(task_for("off", model__trainable="head", compute__cache="off"))
    assert story.warnings == []
    task = task_for("little", model__trainable="head", compute__cache_limit=0.0)
    _, story = run(task)
    assert any("There is no room to store" in sentence for sentence in story.warnings)
    assert not list(task.cache_folder.glob("*.features"))


def test_a_damaged_file_of_features_is_made_anew(task_for: Callable[..., TrialTask]) -> None:
    task, again = (task_for(model__trainable="head", fold=fold) for fold in (1, 2))
    run(task)
    (file,) = task.cache_folder.glob("*.features")
    file.write_bytes(file.read_bytes()[:100])
    run(again)
    alone = task_for("alone", model__trainable="head", fold=2)
    run(alone)
    assert end_of(again) == end_of(alone)


def test_a_frozen_networks_layers_and_norms_stay_as_they_were(task_for: Callable[..., TrialTask]) -> None:
    from safetensors.torch import load_file

    short, longer = (task_for(name, model__trainable="head", training__epochs=n) for name, n in (("a", 1), ("b", 9)))
    run(short)
    run(longer)
    one, other = (load_file(task.folder / "model" / "weights.safetensors") for task in (short, longer))
    changed = {name for name in one if not torch.equal(one[name], other[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_a_loss_that_diverges_is_a_sentence(task_for: Callable[..., TrialTask]) -> None:
    task = task_for(training__optimizer="sgd", training__learning_rate=100, training__warmup=0, training__epochs=30)
    with pytest.raises(
        AimicError, match=r"diverged: its loss is not finite \(epoch .*\). Lower training.learning_rate \(it is 100\)"
    ):
        run(task)


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_short_numbers_that_overflow_fall_back_to_full_precision(
    task_for: Callable[..., TrialTask], monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """bf16, chosen or asked for, that overflows in the third epoch: the epoch is done again in fp32."""
    from aimic_tui.engine.training import device_plan as plan

    original = stepper.Stepper.step
    steps = 0

    def overflowing(self: stepper.Stepper, *arguments: Any, **more: Any) -> stepper.StepResult:
        nonlocal steps
        steps += 1
        result = original(self, *arguments, **more)
        if self._precision.format == "bf16" and steps > 7:
            return stepper.StepResult(result.loss, result.loss_sum * math.nan, result.weight, result.correct)
        return result

    monkeypatch.setattr(plan, "choose_format", lambda *_, **__: "bf16")
    monkeypatch.setattr(stepper.Stepper, "step", overflowing)
    task = task_for(training__precision=precision, training__ema=0.9)
    outcome, story = run(task)
    assert outcome.state == "finished"
    assert [event["epoch"] for event in story.of("epoch")] == [1, 2, 3, 4]
    assert "in bf16 (epoch 3, step" in story.warnings[0] and "repeated in fp32" in story.warnings[0]
    checkpoint = torch.load(task.folder / "checkpoint.pt", weights_only=True)
    assert checkpoint["content"]["plan"]["format"] == "fp32"


def test_memory_that_runs_out_is_a_warning_and_the_trial_goes_on(
    task_for: Callable[..., TrialTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = pipelines.training_outputs

    def little_memory(network: nn.Module, images: Tensor) -> list[tuple[float, Tensor]]:
        if len(images) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(network, images)

    monkeypatch.setattr(pipelines, "training_outputs", little_memory)
    outcome, story = run(task_for())
    assert outcome.state == "finished"
    assert len(story.warnings) == 1 and "continuing with 4 at once" in story.warnings[0]
    assert "batch norms see 4 at a time" in story.warnings[0]


def test_automatic_choices_are_made_once_for_all_folds(
    task_for: Callable[..., TrialTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aimic_tui.engine.training import device_plan as plan

    automatic = {"training__batch_size": "auto", "training__precision": "auto"}
    _, story = run(task_for(fold=1, **automatic))
    chosen = story.of("trial-started")[0]["batch_size"]
    monkeypatch.setattr(plan, "automatic_batch_size", lambda *_: 2 * chosen)
    _, story = run(task_for(fold=2, **automatic))
    assert story.of("trial-started")[0]["batch_size"] == chosen


def test_batches_of_one_image_are_refused_where_batch_norm_can_not_learn(task_for: Callable[..., TrialTask]) -> None:
    with pytest.raises(UsageProblem, match="at least 2 images"):
        run(task_for(training__batch_size=1))


def test_an_unreadable_image_ends_the_trial_with_its_name(images: Path, tmp_path: Path) -> None:
    shutil.copytree(images / "images", tmp_path / "images")
    task = make_task(tmp_path)
    broken = task.data_set.path(3)
    broken.write_bytes(b"no image")
    with pytest.raises(InputProblem, match=broken.name):
        run(task)


def test_a_stop_while_images_are_prepared_is_a_stop(task_for: Callable[..., TrialTask]) -> None:
    task = task_for()
    outcome, story = run(task, Story(stop_at=1))
    assert outcome.state == "stopped" and story.events[-1] == ("trial-stopped", {"epoch": 0})
    assert run(task)[0].state == "finished"


def test_a_rate_that_is_too_high_is_told_once_however_often_the_trial_is_stopped(
    task_for: Callable[..., TrialTask],
) -> None:
    settings = {
        "training__optimizer": "sgd",
        "training__learning_rate": 3.0,
        "training__warmup": 1,
        "training__epochs": 6,
        "training__gradient_clip": 5.0,
        "training__patience": 99,
    }
    undisturbed, disturbed = task_for("undisturbed", **settings), task_for("disturbed", **settings)
    _, whole = run(undisturbed)
    (sentence,) = whole.warnings
    assert "The learning rate seems too high" in sentence and "it is 3)" in sentence
    told: list[str] = []
    sittings = 0
    while not (disturbed.folder / "predictions.csv").exists():
        sittings += 1
        _, story = run(disturbed, Story(stop_at=9 + 3 * sittings))
        told += story.warnings
    assert sittings > 2 and told == [sentence]


def test_a_network_that_learns_its_few_images_by_heart_is_told_to_overfit(task_for: Callable[..., TrialTask]) -> None:
    task = task_for(
        augmentation__preset="none", training__epochs=40, training__patience=99, training__schedule="constant"
    )
    rng = np.random.default_rng(0)
    task.data_set.labels[:] = rng.permutation(task.data_set.labels)  # nothing to be learned but by heart
    _, story = run(task)
    assert len(story.warnings) == 1 and "Overfitting after epoch" in story.warnings[0]


def test_few_images_that_choose_the_epoch_are_told_at_the_start(task_for: Callable[..., TrialTask]) -> None:
    task = task_for()
    _, story = run(task, Story(stop_at=16))
    (warning,) = story.of("warning")
    assert "The best epoch is a guess" in warning["sentence"]
    _, story = run(task)
    assert story.of("warning") == []


def test_the_model_is_the_average_and_the_average_is_what_chose_it(task_for: Callable[..., TrialTask]) -> None:
    from safetensors.torch import load_file

    task = task_for(training__ema=0.99, training__epochs=3, training__patience=99)
    outcome, story = run(task)
    content = torch.load(task.folder / "checkpoint.pt", weights_only=True)["content"]
    model = load_file(task.folder / "model" / "weights.safetensors")
    if outcome.best_epoch == 3:
        assert all(torch.equal(model[name], value) for name, value in content["average"].items())
    assert any(not torch.equal(content["network"][name], value) for name, value in content["average"].items())
    # What is predicted for the validation part by the model is what the epoch's figures said.
    validation = read_predictions(task.folder / "validation.csv")
    right = float((validation.probabilities.argmax(axis=1) == validation.labels).mean())
    assert right == pytest.approx(story.of("epoch")[outcome.best_epoch - 1]["validation_accuracy"])

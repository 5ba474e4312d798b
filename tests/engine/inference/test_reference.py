from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.splitting.split import write_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_file
from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS, colour_statistics
from aimic_tui.engine.inference.loaded_model import load_model
from aimic_tui.engine.inference.make_reference import reference_of
from aimic_tui.engine.inference.origin import find_origin
from aimic_tui.engine.inference.predict import predict
from aimic_tui.engine.inference.reference import (
    FILE,
    Reference,
    choose_sample,
    group_codes,
    read_reference,
    short_digest,
    trained_images,
    write_reference,
)
from aimic_tui.engine.models.model_folder import recorded_digest
from aimic_tui.engine.training.task import TrialTask
from aimic_tui.engine.training.trial import train_trial
from tests.engine.training.small import Story, make_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TrialTask:
    """A finished trial in a run's folder."""
    folder = tmp_path_factory.mktemp("run")
    made = make_task(folder, training__epochs=1)
    (folder / "experiment.toml").write_text(made.experiment.to_toml())
    write_manifest(folder / "manifest.csv", made.data_set, check_images(made.data_set))
    write_split(folder / "split.csv", made.data_set, made.split)
    train_trial(made, emit=Story().emit, should_stop=lambda: False)
    return made


def test_a_trial_leaves_what_its_model_says_and_sees_of_images_it_was_not_trained_on(task: TrialTask) -> None:
    folder = task.folder / "model"
    reference = read_reference(folder, recorded_digest(folder))
    assert reference is not None
    test, validation = (task.split.indices(1, part) for part in (Part.TEST, Part.VALIDATION))
    assert (int(reference.tested.sum()), len(reference.tested)) == (len(test), len(test) + len(validation))
    order = np.union1d(test, validation)
    assert reference.labels.tolist() == task.data_set.labels[order].tolist()
    model = load_model(folder, fused=False)
    way = model.card.preprocessing
    pixels = np.stack([way.load(task.data_set.path(int(index))) for index in order])
    said, seen = model.with_features(model.prepare(pixels))
    np.testing.assert_allclose(reference.probabilities, said, atol=2e-3)  # the trial looked at JPEGs from its cache
    np.testing.assert_allclose(reference.features, seen, atol=2e-2, rtol=2e-2)
    np.testing.assert_allclose(said, load_model(folder).probabilities(model.prepare(pixels)), atol=1e-4)
    np.testing.assert_allclose(reference.colours, [colour_statistics(image) for image in pixels], atol=1e-4)


def test_it_knows_the_images_it_was_trained_on_even_where_the_run_is_gone(task: TrialTask, tmp_path: Path) -> None:
    folder = task.folder / "model"
    trained = task.split.indices(1, Part.TRAIN)
    expected = {short_digest(digest_of_file(task.data_set.path(int(index)))) for index in trained}
    known = trained_images([folder])
    assert known is not None
    assert set(known.tolist()) == expected
    away = tmp_path / "away"
    away.mkdir()
    for name in ("model.json", "weights.safetensors", FILE):
        (away / name).write_bytes((folder / name).read_bytes())
    again = trained_images([away])
    assert again is not None
    assert again.tolist() == known.tolist()
    (away / FILE).unlink()
    assert trained_images([away]) is None
    with pytest.raises(InputProblem, match="is not in a run"):
        reference_of(load_model(away, fused=False))


def test_a_prediction_counts_the_images_that_the_model_was_trained_on(task: TrialTask, tmp_path: Path) -> None:
    models = [task.folder / "model"]
    files = [(image, task.data_set.path(index)) for index, image in enumerate(task.data_set.images)]
    summary = predict(models, files, tmp_path / "p.csv", device="cpu")
    assert summary.trained == len(task.split.indices(1, Part.TRAIN))
    test = [files[index] for index in task.split.indices(1, Part.TEST)]
    assert predict(models, test, tmp_path / "p.csv", device="cpu").trained == 0


def test_an_older_model_gets_its_reference_from_the_runs_images_and_keeps_it(task: TrialTask) -> None:
    folder = task.folder / "model"
    before = read_reference(folder, recorded_digest(folder))
    assert before is not None
    (folder / FILE).unlink()
    known = trained_images([folder])
    assert known is not None
    assert known.tolist() == before.trained.tolist()
    made = reference_of(load_model(folder, fused=False))
    kept = read_reference(folder, recorded_digest(folder))
    assert kept is not None
    for field in fields(Reference):
        if field.name in ("features", "probabilities"):
            np.testing.assert_allclose(getattr(made, field.name), getattr(before, field.name), atol=2e-2, rtol=2e-2)
        else:
            assert np.array_equal(getattr(made, field.name), getattr(before, field.name)), field.name
        assert np.array_equal(getattr(made, field.name), getattr(kept, field.name))
    assert read_reference(folder, "0" * 64) is None, "it is about other weights"


def test_an_image_that_is_gone_leaves_an_older_model_without_a_reference(task: TrialTask, tmp_path: Path) -> None:
    model = load_model(task.folder / "model", fused=False)
    reference, content = task.folder / "model" / FILE, (task.folder / "model" / FILE).read_bytes()
    image = task.data_set.path(int(task.split.indices(1, Part.TEST)[0]))
    moved = image.rename(tmp_path / image.name)
    reference.unlink()
    try:
        with pytest.raises(InputProblem, match=rf"was tested on can't be read any more: .*{image.name} "):
            reference_of(model)
        assert not reference.exists()
    finally:
        moved.rename(image)
        reference.write_bytes(content)


def test_a_damaged_reference_is_a_sentence(task: TrialTask, tmp_path: Path) -> None:
    reference = reference_of(load_model(task.folder / "model", fused=False))
    write_reference(tmp_path, reference)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputProblem, match="damaged"):
        read_reference(tmp_path, reference.weights)
    write_reference(tmp_path, replace(reference, labels=reference.labels[1:]))
    with pytest.raises(InputProblem, match="damaged"):
        read_reference(tmp_path, reference.weights)


def test_an_origin_says_which_images_a_fold_had(task: TrialTask, tmp_path: Path) -> None:
    origin = find_origin(task.folder / "model")
    assert origin.train.tolist() == task.split.indices(1, Part.TRAIN).tolist()
    assert (origin.fold, origin.protocol) == (1, "honest")
    with pytest.raises(InputProblem, match="is not in a run"):
        find_origin(tmp_path / "model")


def test_large_parts_are_sampled_test_images_first() -> None:
    test, validation = np.arange(0, 700), np.arange(700, 1400)
    kept, tested = choose_sample(test, validation, 1280)
    assert (len(kept), int(tested.sum())) == (1000, 700)
    assert (np.diff(kept) > 0).all()
    assert (kept[tested] < 700).all()
    assert len(choose_sample(test, validation, 100_000)[0]) == 200


def test_equal_names_make_equal_groups_in_any_data_set() -> None:
    codes = group_codes(["smear1", "smear2", "smear1"])
    assert codes[0] == codes[2] != codes[1]
    assert group_codes(["smear1"])[0] == codes[0]


def test_colours_are_what_they_are_called() -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    found = dict(zip(COLOUR_STATISTICS, colour_statistics(red).tolist(), strict=True))
    assert (found["red"], found["green"], found["saturation"]) == (200, 0, 1)
    assert found["contrast"] == pytest.approx(0, abs=1e-4)
    assert found["brightness"] == pytest.approx(59.8, abs=0.01)
    black = dict(zip(COLOUR_STATISTICS, colour_statistics(np.zeros((8, 8, 3), np.uint8)).tolist(), strict=True))
    assert black["saturation"] == 0
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 255
    assert colour_statistics(stripes)[-1] >= 0.5

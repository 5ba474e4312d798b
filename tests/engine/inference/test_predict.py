from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import write_manifest
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.splitting.split import Split, write_split
from aimic_tui.engine.errors import InputProblem, Interrupted, UsageProblem
from aimic_tui.engine.evaluation.model_calibration import write_model_calibrations
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.temperature import fit_temperature, scaled
from aimic_tui.engine.files import read_table
from aimic_tui.engine.inference.loaded_model import load_model
from aimic_tui.engine.inference.predict import predict
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import all_networks
from aimic_tui.engine.models.model_folder import find_models, read_model_card
from aimic_tui.engine.models.weights import read_weights
from aimic_tui.engine.progress import Progress
from tests.engine.inference.conftest import CLASSES, WAY, make_images, make_model

Files = list[tuple[str, Path]]


def plainly(model: Path, files: Files) -> np.ndarray:
    """Predict one image at a time with the network as its library builds it: what everything fast must agree with."""
    card = read_model_card(model)
    network = build_network(card.network, len(card.classes), card.preprocessing.image_size)
    network.load_state_dict(read_weights(model / "weights.safetensors"))
    network.eval()
    rows = []
    for _, path in files:
        values = torch.from_numpy(card.preprocessing.load(path).copy()).permute(2, 0, 1)[None].float() / 255
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (card.preprocessing.mean, card.preprocessing.std))
        with torch.no_grad():
            rows.append(network((values - mean) / std).softmax(1)[0].double().numpy())
    return np.stack(rows)


def test_a_table_has_a_row_an_image_with_the_mean_of_the_folds(run: Path, images: Files, tmp_path: Path) -> None:
    models = find_models(run)
    summary = predict(models, images, tmp_path / "p.csv", batch_size=4)
    each = np.stack([plainly(model, images) for model in models])
    expected = each.mean(axis=0)
    table = read_predictions(tmp_path / "p.csv")
    assert table.images == tuple(name for name, _ in images)
    assert table.classes == CLASSES
    np.testing.assert_allclose(table.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(table.probabilities.sum(axis=1), 1, atol=1e-7)
    assert (table.labels == -1).all()
    rows = read_table(tmp_path / "p.csv")
    assert list(rows[0]) == [
        *("image", "label", "predicted", "probability"),
        *(f"p_{name}" for name in CLASSES),
        *("margin", "entropy", "agreement", "problem", "calibrated", "rejected"),
    ]
    for row, mean, votes in zip(rows, expected, each.argmax(axis=2).T, strict=True):
        top = np.sort(mean)
        assert row["predicted"] == CLASSES[mean.argmax()]
        assert float(row["probability"]) == pytest.approx(top[-1], abs=1e-5)
        assert float(row["margin"]) == pytest.approx(top[-1] - top[-2], abs=2e-5)
        assert float(row["entropy"]) == pytest.approx(-(mean * np.log(mean)).sum(), abs=1e-4)
        assert float(row["agreement"]) == (votes == mean.argmax()).mean()
        assert row["problem"] == ""
    assert (summary.images, summary.unreadable, summary.models) == (21, 0, 2)
    assert sum(summary.counts.values()) == 21
    assert sorted(path.name for path in tmp_path.glob("p.csv*")) == ["p.csv"]


def test_classes_that_a_spreadsheet_could_run_are_harmless(run: Path, images: Files, tmp_path: Path) -> None:
    predict(find_models(run), images, tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_an_image_that_cant_be_read_is_said_in_its_row_and_the_others_go_on(
    run: Path, images: Files, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no image")
    broken = [
        ("empty.png", tmp_path / "empty.png"),
        ("text.jpg", tmp_path / "text.jpg"),
        ("gone.png", tmp_path / "gone.png"),
    ]
    summary = predict(find_models(run), [*broken, *images], tmp_path / "p.csv", batch_size=3)
    rows = read_table(tmp_path / "p.csv")
    assert [row["predicted"] for row in rows[:3]] == ["", "", ""]
    assert ["empty" in rows[0]["problem"], "not an image" in rows[1]["problem"], "not exist" in rows[2]["problem"]] == [
        True
    ] * 3
    assert all(row["predicted"] and not row["problem"] for row in rows[3:])
    assert summary.unreadable == 3


def test_json_says_the_same(run: Path, images: Files, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    files = [*images, ("empty.png", tmp_path / "empty.png")]
    predict(find_models(run), files, tmp_path / "p.json")
    predict(find_models(run), files, tmp_path / "p.csv")
    value = json.loads((tmp_path / "p.json").read_bytes())
    rows = read_table(tmp_path / "p.csv")
    assert value["classes"] == list(CLASSES)
    assert [entry["image"] for entry in value["predictions"]] == [row["image"] for row in rows]
    first, last = value["predictions"][0], value["predictions"][-1]
    assert first["probabilities"] == {name: float(rows[0][f"p_{name}"]) for name in CLASSES}
    assert (first["label"], first["problem"]) == (None, None)
    assert (last["predicted"], last["probabilities"]) == (None, None)
    assert "empty" in last["problem"]
    assert sorted(path.name for path in tmp_path.glob("p.json*")) == ["p.json"]


def test_rows_appear_as_they_are_made_and_a_stopped_prediction_goes_on(
    run: Path, images: Files, tmp_path: Path
) -> None:
    models, seen = find_models(run), list[int]()

    def watch(now: Progress) -> None:
        if now.phase == "predict":
            seen.append(len(read_table(tmp_path / "p.csv.partial")))
            assert seen[-1] == now.done

    with pytest.raises(Interrupted, match="8 of 21 images"):
        predict(models, images, tmp_path / "p.csv", report=watch, should_stop=lambda: len(seen) == 3, batch_size=4)
    assert seen == [0, 4, 8]
    assert not (tmp_path / "p.csv").exists()
    with (tmp_path / "p.csv.partial").open("ab") as file:
        file.write(b"cell008.png,,basoph")  # it died while it wrote a row
    summary = predict(models, images, tmp_path / "p.csv", report=watch, batch_size=4)
    assert seen[3:] == [8, 12, 16, 20, 21]
    assert (summary.resumed, summary.images, sum(summary.counts.values())) == (8, 21, 21)
    predict(models, images, tmp_path / "whole.csv", batch_size=4)
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("p.csv*")) == ["p.csv"]


def test_rows_of_other_models_or_files_are_not_taken_over(run: Path, images: Files, tmp_path: Path) -> None:
    models = find_models(run)
    for other_models, other_files in [(models[:1], images), (models, images[:-1])]:
        with pytest.raises(Interrupted):
            predict(models, images, tmp_path / "p.csv", should_stop=lambda: True, batch_size=4)
        assert predict(other_models, other_files, tmp_path / "p.csv", batch_size=4).resumed == 0


def test_names_with_line_breaks_and_foreign_bytes_survive_an_interruption(run: Path, tmp_path: Path) -> None:
    files = make_images(tmp_path / "images", 6)
    odd = [(f'line\n"break" {os.fsdecode(bytes([250 + n]))}, {name}', path) for n, (name, path) in enumerate(files)]
    with pytest.raises(Interrupted):
        predict(find_models(run), odd, tmp_path / "p.csv", should_stop=lambda: True, batch_size=2)
    assert predict(find_models(run), odd, tmp_path / "p.csv", batch_size=2).resumed == 2
    assert [row["image"] for row in read_table(tmp_path / "p.csv")] == [name for name, _ in odd]


def test_a_single_model_says_nothing_about_agreement(run: Path, images: Files, tmp_path: Path) -> None:
    predict(find_models(run)[:1], images, tmp_path / "p.csv")
    assert {row["agreement"] for row in read_table(tmp_path / "p.csv")} == {""}


def test_the_number_of_images_at_once_changes_nothing(run: Path, images: Files, tmp_path: Path) -> None:
    for size in (1, 64):
        predict(find_models(run), images, tmp_path / f"{size}.csv", batch_size=size)
    one, many = (read_predictions(tmp_path / f"{size}.csv").probabilities for size in (1, 64))
    np.testing.assert_allclose(one, many, atol=1e-6)


def test_models_with_other_classes_or_preprocessing(run: Path, images: Files, tmp_path: Path) -> None:
    first = find_models(run)[0]
    other = make_model(tmp_path / "other", 3, classes=("a", "b", "c"))
    with pytest.raises(InputProblem, match="other classes"):
        predict([first, other], images, tmp_path / "p.csv")
    with pytest.raises(InputProblem):
        predict([], images, tmp_path / "p.csv")
    efficientnet = make_model(tmp_path / "efficientnet", 4, network="test_efficientnet")
    predict([first, efficientnet], images, tmp_path / "p.csv")
    expected = (plainly(first, images) + plainly(efficientnet, images)) / 2
    np.testing.assert_allclose(read_predictions(tmp_path / "p.csv").probabilities, expected, atol=1e-5)


def test_a_model_that_does_not_fit_its_card_is_a_sentence(run: Path, images: Files, tmp_path: Path) -> None:
    model = find_models(run)[0]
    card = (model / "model.json").read_text()
    (model / "model.json").write_text(card.replace('"test_resnet"', '"test_efficientnet"'))
    with pytest.raises(InputProblem, match=r"\(test_efficientnet\) does not fit its network"):
        load_model(model)


@pytest.mark.parametrize("output", ["", "missing/p.csv"])
def test_an_output_that_cant_be_is_a_sentence(run: Path, images: Files, tmp_path: Path, output: str) -> None:
    with pytest.raises(UsageProblem, match="Name a file"):
        predict(find_models(run), images, tmp_path / output)


def test_a_device_that_is_not_here_is_a_sentence(run: Path, images: Files, tmp_path: Path) -> None:
    for device in ("cuda:97", "tpu"):
        with pytest.raises(UsageProblem, match=device):
            predict(find_models(run), images, tmp_path / "p.csv", device=device)


def test_only_one_process_writes_a_table(run: Path, images: Files, tmp_path: Path) -> None:
    def again(now: Progress) -> None:
        if now.phase == "load":
            with pytest.raises(InputProblem, match="Another prediction"):
                predict(find_models(run), images, tmp_path / "p.csv")

    predict(find_models(run), images, tmp_path / "p.csv", report=again)


def test_the_way_from_file_to_network_is_the_models(tmp_path: Path, images: Files) -> None:
    assert isinstance(WAY, Preprocessing)
    loaded = load_model(make_model(tmp_path / "m", 1))
    pixels = np.stack([WAY.load(path) for _, path in images[:2]])
    inputs = loaded.prepare(pixels)
    expected = (pixels / 255.0 - np.array(WAY.mean)) / np.array(WAY.std)
    np.testing.assert_allclose(inputs.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("network", [info.name for info in all_networks() if info.paper])
def test_each_of_the_papers_ten_predicts_what_its_library_does(network: str, images: Files, tmp_path: Path) -> None:
    way = replace(WAY, image_size=299 if network == "inception_v3" else 64)
    model = make_model(tmp_path / "model", 1, network=network, way=way)
    predict([model], images[:6], tmp_path / "p.csv")
    np.testing.assert_allclose(
        read_predictions(tmp_path / "p.csv").probabilities, plainly(model, images[:6]), atol=1e-4
    )


def believed(run: Path, boast: float, images: int = 200, protocol: str = "honest") -> list[float]:
    """Leave stored predictions beside the models, `boast` times too sure; return their temperatures.

    Each fold tests `images` images, and validates with a third of the next fold's.
    """
    random, classes = np.random.default_rng(5), tuple(sorted(CLASSES))
    trials = sorted(run.glob("trials/*/fold-*"))
    names = [tuple(f"{trial.name}-{number}.png" for number in range(images)) for trial in trials]
    labels = random.integers(len(classes), size=(len(trials), images)).astype(np.int32)
    data = DataSet(
        root=run,
        images=tuple(name for of_trial in names for name in of_trial),
        classes=classes,
        labels=labels.ravel(),
        groups=np.arange(labels.size, dtype=np.int32),
        group_names=tuple(map(str, range(labels.size))),
        group_rule="",
    )
    parts = np.full((len(trials), labels.size), Part.TRAIN, np.int8)
    temperatures = []
    for fold, trial in enumerate(trials):
        following = (fold + 1) % len(trials)
        of_parts = {"predictions.csv": (fold, images), "validation.csv": (following, images // 3)}
        for (file, (place, count)), part in zip(of_parts.items(), (Part.TEST, Part.VALIDATION), strict=True):
            logits = random.normal(0, 2, (count, len(classes)))
            chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            truth = (random.random(count)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2)
            order = (np.arange(len(classes)) + (labels[place, :count] - truth)[:, None]) % len(classes)
            said = np.empty_like(chances)
            np.put_along_axis(said, order, scaled(chances, 1 / boast), axis=1)
            write_predictions(trial / file, Predictions(names[place][:count], labels[place, :count], said, classes))
            parts[fold, place * images : place * images + count] = part
        temperatures.append(fit_temperature(labels[following, :count], said, np.arange(count, dtype=np.int32)).value)
    (run / "experiment.toml").write_text(f'[split]\nprotocol = "{protocol}"\n')
    write_manifest(run / "manifest.csv", data)
    write_split(run / "split.csv", data, Split(parts))
    write_model_calibrations(run)
    return temperatures


def test_probabilities_are_calibrated_by_each_models_own_temperature(run: Path, images: Files, tmp_path: Path) -> None:
    models = find_models(run)
    temperatures = believed(run, boast=3.0)
    summary = predict(models, images, tmp_path / "p.csv")
    assert summary.calibrated
    expected = np.mean([scaled(plainly(m, images), t) for m, t in zip(models, temperatures, strict=True)], axis=0)
    np.testing.assert_allclose(read_predictions(tmp_path / "p.csv").probabilities, expected, atol=1e-5)
    assert {row["calibrated"] for row in read_table(tmp_path / "p.csv")} == {"yes"}
    plain = predict(models, images, tmp_path / "q.csv", as_trained=True)
    assert not plain.calibrated
    expected = np.mean([plainly(model, images) for model in models], axis=0)
    np.testing.assert_allclose(read_predictions(tmp_path / "q.csv").probabilities, expected, atol=1e-5)
    assert {(row["calibrated"], row["rejected"]) for row in read_table(tmp_path / "q.csv")} == {("no", "")}


def test_where_one_of_the_models_knows_no_temperature_none_is_calibrated(
    run: Path, images: Files, tmp_path: Path
) -> None:
    believed(run, boast=3.0)
    (find_models(run)[0] / "calibration.json").unlink()
    (find_models(run)[0].parent / "validation.csv").unlink()
    assert not predict(find_models(run), images[:2], tmp_path / "p.csv").calibrated
    with pytest.raises(InputProblem, match="No error rate can be promised for this model: it was trained without"):
        predict(find_models(run), images[:2], tmp_path / "p.csv", max_error=0.1)


def test_images_below_the_threshold_are_left_to_a_person(run: Path, images: Files, tmp_path: Path) -> None:
    believed(run, boast=1.0)
    summary = predict(find_models(run), [*images, ("no.png", tmp_path / "no.png")], tmp_path / "p.csv", max_error=0.2)
    rows = read_table(tmp_path / "p.csv")
    assert summary.threshold is not None
    for row in rows[:-1]:
        assert row["rejected"] == ("yes" if float(row["probability"]) < summary.threshold else "no")
    assert (rows[-1]["calibrated"], rows[-1]["rejected"]) == ("", "")
    assert summary.rejected == sum(row["rejected"] == "yes" for row in rows)
    predict(find_models(run), images[:3], tmp_path / "p.json", max_error=0.2)
    entries = json.loads((tmp_path / "p.json").read_bytes())["predictions"]
    assert [(entry["calibrated"], entry["rejected"]) for entry in entries] == [
        (True, row["rejected"] == "yes") for row in rows[:3]
    ]


def test_what_cant_be_promised_is_a_sentence_with_what_can(run: Path, images: Files, tmp_path: Path) -> None:
    believed(run, boast=1.0)
    models = find_models(run)
    with pytest.raises(InputProblem, match=r"at most 0\.1 % can't be promised: that takes 2,302 .* there are 400"):
        predict(models, images, tmp_path / "p.csv", max_error=0.001)
    with pytest.raises(InputProblem, match=r"too many of the surest test images are wrong\. Choose [\d.]+ % or"):
        predict(models, images, tmp_path / "p.csv", max_error=0.007)


def test_the_published_protocol_promises_no_error_rate(run: Path, images: Files, tmp_path: Path) -> None:
    believed(run, boast=1.0, protocol="aimic-2022")
    with pytest.raises(InputProblem, match="the protocol published in 2022, in which test images choose the epochs"):
        predict(find_models(run), images, tmp_path / "p.csv", max_error=0.2)
    assert predict(find_models(run), images[:2], tmp_path / "p.csv").calibrated


def test_rejections_are_counted_over_an_interruption_and_not_mixed_with_others(
    run: Path, images: Files, tmp_path: Path
) -> None:
    believed(run, boast=1.0)
    models = find_models(run)
    with pytest.raises(Interrupted):
        predict(models, images, tmp_path / "p.csv", should_stop=lambda: True, batch_size=8, max_error=0.2)
    summary = predict(models, images, tmp_path / "p.csv", batch_size=8, max_error=0.2)
    assert summary.resumed == 8
    assert summary.rejected == sum(row["rejected"] == "yes" for row in read_table(tmp_path / "p.csv"))
    with pytest.raises(Interrupted):
        predict(models, images, tmp_path / "p.csv", should_stop=lambda: True, batch_size=8, max_error=0.2)
    assert predict(models, images, tmp_path / "p.csv", batch_size=8).resumed == 0

"""`aimic results`: figures with intervals for people, one JSON object for programs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aimic_tui.cli import aimic
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.evaluation.build_results import build_results, write_results
from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.metrics import METRICS
from aimic_tui.engine.evaluation.opinions import opinions_of
from aimic_tui.engine.evaluation.results_file import results_to_json, write_results_file
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions, read_validation_predictions
from tests.engine.evaluation.run_with_columns import make_run_with_columns
from tests.engine.evaluation.stored_run import CLASSES, make_run


def call(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aimic, ["--workspace", str(workspace), "results", *arguments])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "20261122-190512-some", skills={"mobilenet_v2": 2.0, "resnet18": 3.0})
    return tmp_path


def test_people_get_every_figure_with_its_interval(workspace: Path) -> None:
    result = call(workspace, "latest")
    assert result.exit_code == 0, result.output
    for wanted in (
        "macro F1",
        "AUROC",
        "calibration error",
        "24 groups",
        "Honest protocol",
        "true \\ predicted",
        *CLASSES,
    ):
        assert wanted in result.stdout
    assert "95 % interval" in result.stdout
    assert "mobilenet_v2 - resnet18" in result.stdout


def test_figures_stand_with_their_points_below_each_other(workspace: Path) -> None:
    lines = call(workspace, "latest").stdout.splitlines()
    start = next(place for place, line in enumerate(lines) if "all folds together" in line)
    figures = lines[start + 1 : start + 14]
    assert len({line.index(".") for line in figures}) == 1


def test_programs_get_one_object(workspace: Path) -> None:
    result = call(workspace, "20261122", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (found["run"], found["state"], found["protocol"]) == ("20261122-190512-some", "finished", "honest")
    network = found["networks"]["resnet18"]
    assert all(set(network["pooled"][name]) == {"value", "low", "high"} for name in METRICS)
    assert len(network["folds"]) == 3
    assert set(network["classes"]) == set(CLASSES)
    assert len(network["confusion"]) == len(CLASSES)


def test_what_is_stored_is_used_only_while_it_is_current(workspace: Path) -> None:
    run = workspace / "runs" / "20261122-190512-some"
    write_results_file(run / "results.json", replace(write_results(run), note="read from the file"))
    assert json.loads(call(workspace, "latest", "--json").stdout)["note"] == "read from the file"
    predictions = run / "trials/resnet18/fold-1/predictions.csv"
    predictions.write_bytes(predictions.read_bytes())
    assert json.loads(call(workspace, "latest", "--json").stdout) == results_to_json(build_results(run))


def test_a_run_without_a_tested_fold_says_so(workspace: Path) -> None:
    shutil.rmtree(workspace / "runs" / "20261122-190512-some" / "trials")
    result = call(workspace, "latest")
    assert result.exit_code == 0
    assert "No fold of it is tested yet" in result.stderr
    assert json.loads(call(workspace, "latest", "--json").stdout)["networks"] == {}


def test_the_published_protocol_is_called_optimistic(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "paper", protocol="aimic-2022")
    assert "aimic-2022 protocol (optimistic)" in call(tmp_path, "paper").stdout
    assert json.loads(call(tmp_path, "paper", "--json").stdout)["optimistic"] is True


def test_an_unknown_run_is_a_sentence(tmp_path: Path) -> None:
    problem = call(tmp_path, "nothing").exception
    assert isinstance(problem, InputProblem)
    assert "no run nothing" in problem.sentence


def test_a_folder_that_is_named_like_no_network_cannot_reach_the_terminal(workspace: Path) -> None:
    run = workspace / "runs" / "20261122-190512-some"
    (run / "trials" / "mobilenet_v2").rename(run / "trials" / "evil\x1b[31m")
    output = call(workspace, "latest").stdout
    assert "evil" not in output  # no name of a network, so no trial of the run


def test_choosing_between_networks_has_figures_of_its_own(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "nested", skills={"mobilenet_v2": 2.0, "resnet18": 3.0}, inner_folds=2, groups=48)
    lines = call(tmp_path, "nested").stdout.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Selecting a network in each fold"))
    assert lines[start + 2].startswith("validation part, macro F1")
    assert lines[start + 3].startswith("inner folds, macro F1")
    assert lines[start + 3].endswith("resnet18 3")


def test_seeds_and_repeats_are_told(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "many", seeds=(0, 1), repeats=2, groups=48)
    text = call(tmp_path, "many").stdout
    assert "A figure is the mean over 2 seeds and 2 repeats" in text
    assert "sd over seeds" in text
    assert "sd over repeats" in text


def test_the_figures_are_made_again_and_are_the_same(workspace: Path) -> None:
    run = workspace / "runs" / "20261122-190512-some"
    first = call(workspace, "latest", "--again", "--json")
    kept = (run / "results.json").read_bytes()
    (run / "results.json").unlink()
    second = call(workspace, "latest", "--again", "--json")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert (run / "results.json").read_bytes() == kept


def test_every_figure_has_its_method_beside_it(workspace: Path) -> None:
    lines = call(workspace, "latest").stdout.splitlines()
    assert any("all folds together" in line and line.endswith("interval by") for line in lines)
    assert any(
        line.split()[:1] == ["accuracy"] and line.endswith("Wilson, effective number of images") for line in lines
    )
    assert any("calibration error" in line and line.endswith("inverted test") for line in lines)
    assert any("top-3 accuracy" in line and line.endswith("not defined for so few classes") for line in lines)


def test_a_class_has_all_its_figures_in_tables_that_fit_the_terminal(workspace: Path) -> None:
    lines = call(workspace, "latest").stdout.splitlines()
    heads = [line.split("  ") for line in lines if line.strip().startswith("class ")]
    found = [title.strip() for head in heads for title in head]
    for title in ("sensitivity", "specificity", "PPV", "NPV", "F1", "AUROC", "average precision", "images"):
        assert title in found
    tables = [line for line in lines if line.strip().startswith(("class ", *CLASSES))]
    assert max(map(len, tables)) <= 120
    assert any(
        "95 % intervals: Wilson, effective number of images (sensitivity, specificity, PPV" in line for line in lines
    )
    figures = json.loads(call(workspace, "latest", "--json").stdout)["networks"]["resnet18"]["classes"]["basophil"]
    npv = figures["negative_predictive_value"]
    assert f"{npv['value']:.3f} [{npv['low']:.3f}"[:6] in "\n".join(lines)


def test_too_few_groups_are_the_reason_given(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "few", groups=8, images_a_group=6)
    text = call(tmp_path, "few").stdout
    assert "none: 8 groups; 10 are needed" in text
    assert "No intervals: the images come from 8 groups; 10 are needed." in text


def test_what_choosing_the_best_does_is_said_with_the_setting_that_helps(workspace: Path) -> None:
    text = call(workspace, "latest").stdout
    assert "owes part of its lead to chance, as these images picked it: expect less on new ones. Nested" in text
    assert "cross-validation avoids that: split.inner_folds = 3." in text


def test_calibration_is_told_before_and_after(workspace: Path) -> None:
    found = json.loads(call(workspace, "latest", "--json").stdout)["calibration"]["resnet18"]
    text = call(workspace, "latest").stdout
    after = found["after"]["log_loss"]["value"]
    assert any("log loss" in line and f"{after:.3f}" in line for line in text.splitlines())
    assert "errors among these, %" in text


def test_the_calibration_of_a_class_is_told_network_by_network(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "20261122-190512-proud", groups=60, boast=3.0, skills={"a": 0.8, "b": 0.5})
    name = CLASSES[0]
    answer = call(tmp_path, "latest", "--calibration", name)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.count(f"class {name} against the rest") == 2
    assert "over the whole range with 95 % confidence" in answer.stdout
    found = json.loads(call(tmp_path, "latest", "--calibration", name, "--network", "a", "--json").stdout)
    assert (found["class"], list(found["networks"])) == (name, ["a"])
    stored = json.loads(call(tmp_path, "latest", "--json").stdout)["calibration"]["a"]["classes"][name]
    assert found["networks"]["a"]["slope_before"] == stored["slope_before"]
    curve = found["networks"]["a"]["before"]
    assert len(curve["stated"]) == len(curve["observed"]) == len(curve["low"])


def test_options_find_a_class_and_a_network_in_another_writing_and_call_them_by_their_names(workspace: Path) -> None:
    written, network = CLASSES[0].upper(), "MobileNet-v2"
    decided = json.loads(call(workspace, "latest", "--decision", written, "--network", network, "--json").stdout)
    assert (decided["case"], list(decided["networks"])) == (CLASSES[0], ["mobilenet_v2"])
    curves = json.loads(call(workspace, "latest", "--calibration", f" {CLASSES[0]}", "--json").stdout)
    assert curves["class"] == CLASSES[0]
    values = json.loads(call(workspace, "latest", "--prevalence", f"{written}=0.02", "--json").stdout)
    assert [row["class"] for row in values["predictive_values"]["resnet18"]] == [CLASSES[0]]


@pytest.mark.parametrize("option", ["--decision", "--calibration", "--prevalence"])
def test_a_class_that_is_not_there_is_answered_with_those_there_are_and_the_nearest(
    workspace: Path, option: str
) -> None:
    value = "basophils=0.02" if option == "--prevalence" else "basophils"
    problem = call(workspace, "latest", option, value).exception
    assert isinstance(problem, UsageProblem)
    wanted = f"has no class basophils; it has {', '.join(CLASSES)}. Did you mean basophil?"
    assert problem.sentence.endswith(wanted)


def test_predictive_values_are_given_at_the_prevalences_that_are_named(workspace: Path) -> None:
    named = ("--prevalence", f"{CLASSES[0]}=0.02", "--prevalence", f"{CLASSES[1]}=30 %")
    answer = json.loads(call(workspace, "latest", *named, "--json").stdout)
    rows = answer["predictive_values"]["resnet18"]
    assert [(row["class"], row["prevalence"]) for row in rows] == [(CLASSES[0], 0.02), (CLASSES[1], 0.3)]
    of = answer["networks"]["resnet18"]["classes"][CLASSES[0]]
    sensitivity, specificity = of["recall"]["value"], of["specificity"]["value"]
    value = sensitivity * 0.02 / (sensitivity * 0.02 + (1 - specificity) * 0.98)
    assert rows[0]["ppv"]["value"] == pytest.approx(value)
    text = call(workspace, "latest", *named).stdout
    assert text.count("They hold at that prevalence") == 2
    assert "predictive_values" not in json.loads(call(workspace, "latest", "--json").stdout)


@pytest.mark.parametrize("named", ["no such=0.1", f"{CLASSES[0]}=2", CLASSES[0], "=0.1"])
def test_a_prevalence_that_makes_no_sense_is_wrong_usage(workspace: Path, named: str) -> None:
    assert isinstance(call(workspace, "latest", "--prevalence", named).exception, UsageProblem)


def test_what_acting_on_a_class_is_worth_is_told_network_by_network(workspace: Path) -> None:
    case = CLASSES[0]
    answer = call(workspace, "latest", "--decision", case)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.count("Useful at thresholds ") == 2
    assert answer.stdout.count(f"positive class {case}") == 2
    found = json.loads(call(workspace, "latest", "--decision", case, "--network", "resnet18", "--json").stdout)
    assert (found["case"], list(found["networks"])) == (case, ["resnet18"])
    curve = found["networks"]["resnet18"]
    at = curve["thresholds"].index(0.5)
    run_folder = workspace / "runs" / "20261122-190512-some"
    run = read_run_predictions(run_folder)
    network = next(network for network in run.networks if network.name == "resnet18")
    table = calibrated(network, read_validation_predictions(run_folder, run, network))
    assert curve["calibrated"] == (table is not None)
    said = network.probabilities if table is None else table
    acts, cases = said.reshape(-1, *said.shape[-2:])[0, :, 0] >= 0.5, network.labels == 0
    assert curve["network"][at] == pytest.approx((acts & cases).mean() - (acts & ~cases).mean())
    assert curve["everyone"][at] == pytest.approx(cases.mean() - (~cases).mean())
    assert curve["gain"][at] == pytest.approx(curve["network"][at] - max(0, curve["everyone"][at]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--decision", "no such"), "it has"),
        (("--calibration", "no such"), "it has"),
        (("--decision", CLASSES[0], "--network", "vgg16"), "Tested: mobilenet_v2, resnet18"),
        (("--network", "resnet18"), "--decision"),
    ],
)
def test_a_decision_curve_that_cant_be_had_is_a_sentence(
    workspace: Path, arguments: tuple[str, ...], words: str
) -> None:
    answer = call(workspace, "latest", *arguments)
    assert isinstance(answer.exception, AimicError)
    assert words in answer.exception.sentence


def test_the_images_that_deserve_a_second_look_are_listed(tmp_path: Path) -> None:
    workspace = tmp_path
    opinions = opinions_of(
        read_run_predictions(make_run(tmp_path / "runs" / "20261122-190512-weak", skills={"a": 0.8, "b": 0.5}))
    )
    assert len(opinions.suspects) > 1
    found = json.loads(call(workspace, "latest", "--review", "--json").stdout)
    assert [one["image"] for one in found["label_errors"]] == list(opinions.suspects)
    first = next(iter(opinions.suspects.values()))
    assert found["label_errors"][0] == {
        "image": first.image,
        "label": first.label,
        "predicted": first.opinion,
        "probability": first.of_opinion,
        "probability_of_label": first.of_label,
    }
    assert {one["image"]: one["disagreement"] for one in found["disagreement"]} == opinions.disagreement
    values = [one["disagreement"] for one in found["disagreement"]]
    assert values == sorted(values, reverse=True)
    text = call(workspace, "latest", "--review").stdout
    assert text.startswith(f"{len(opinions.suspects)} likely label errors")
    assert "The 20 images with the largest disagreement" in text
    assert found["disagreement"][0]["image"] in text
    assert found["disagreement"][20]["image"] not in text.partition("disagreement")[2]


def test_one_answer_an_image_is_no_disagreement(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "20261122-190512-one")
    text = call(tmp_path, "latest", "--review").stdout
    assert "Every image was classified only once" in text
    assert json.loads(call(tmp_path, "latest", "--review", "--json").stdout)["disagreement"] == []


@pytest.mark.parametrize(
    "options",
    [
        ("--calibration", CLASSES[0], "--decision", CLASSES[0]),
        ("--review", "--decision", CLASSES[0]),
        ("--review", "--again"),
        ("--network", "resnet18"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(workspace: Path, options: tuple[str, ...]) -> None:
    assert isinstance(call(workspace, "latest", *options).exception, UsageProblem)


def test_figures_that_are_computed_report_their_progress(workspace: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    assert call(workspace, "latest", "--again", "--events", str(events)).exit_code == 0
    told = [json.loads(line) for line in events.read_text().splitlines()]
    progress = [event for event in told if event["event"] == "progress"]
    assert {event["phase"] for event in progress} == {"resample"}
    assert progress[-1]["done"] == progress[-1]["total"] > 0
    assert told[-1]["event"] == "finished"


class TestSubgroups:
    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        (tmp_path / "runs").mkdir()
        make_run_with_columns(tmp_path / "runs/some", tmp_path / "cells.csv")
        return tmp_path

    def test_the_manifest_of_the_run_has_the_column(self, workspace: Path) -> None:
        result = call(workspace, "some", "--by", "sex")
        assert result.exit_code == 0, result.output
        assert "net: By sex, " in result.stdout
        for wanted in ("minus the others", "macro F1", "balanced accuracy", "p adjusted", "Holm"):
            assert wanted in result.stdout

    def test_programs_get_figures_and_differences(self, workspace: Path) -> None:
        answer = json.loads(call(workspace, "some", "--by", "Age:40,50", "--json").stdout)
        subgroups = answer["networks"]["net"]["subgroups"]
        assert [one["name"] for one in subgroups] == ["below 40", "40 to <50", "from 50"]
        assert [one["groups"] for one in subgroups] == [20, 10, 10]
        assert {"value", "low", "high"} <= set(subgroups[0]["figures"]["accuracy"])
        assert {"interval", "p", "shown"} == set(subgroups[0]["differences"]["accuracy"])

    def test_another_table_may_have_it(self, workspace: Path, tmp_path: Path) -> None:
        table = tmp_path / "slides.csv"
        table.write_text(
            "smear,lab\n" + "".join(f"smear{code:03d},{'Ulm' if code < 18 else 'Bonn'}\n" for code in range(40))
        )
        result = call(workspace, "some", "--by", "lab", "--table", str(table))
        assert result.exit_code == 0, result.output
        assert "Ulm" in result.stdout
        assert isinstance(call(workspace, "some", "--by", "lab").exception, InputProblem)

    def test_a_manifest_that_is_gone_is_said_to_be(self, workspace: Path) -> None:
        (workspace / "cells.csv").unlink()
        problem = call(workspace, "some", "--by", "sex").exception
        assert isinstance(problem, InputProblem)
        assert "is gone" in problem.sentence
        assert "--table FILE" in problem.sentence

    def test_groups_of_the_run_are_listed_the_worst_first(self, workspace: Path) -> None:
        result = call(workspace, "some", "--by", "group")
        assert "worse than the spread of groups explains" in result.stdout
        answer = json.loads(call(workspace, "some", "--by", "group", "--json").stdout)["networks"]["net"]
        accuracies = [one["accuracy"]["value"] for one in answer]
        assert accuracies == sorted(accuracies)
        assert {"name", "images", "wrong", "limit", "p", "worse"} <= set(answer[0])

    def test_options_that_need_each_other(self, workspace: Path) -> None:
        for arguments in (("--table", "x.csv"), ("--by", "sex", "--review"), ("--by", "sex", "--again")):
            assert isinstance(call(workspace, "some", *arguments).exception, UsageProblem)

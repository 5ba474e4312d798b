from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.timings import NetworkTiming, write_timings
from aimic_tui.engine.study.figures import mean_of, paired_gap, read_figures
from aimic_tui.engine.study.sentences import beside, percent
from aimic_tui.engine.study.study_document import make_study_document
from aimic_tui.engine.study.study_file import Study, read_study
from aimic_tui.engine.study.study_folder import StudyFolder, StudyRun, runs_of_cell, study_folder
from aimic_tui.engine.study.study_results_file import read_study_results
from aimic_tui.engine.study.write_tables import write_study
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.evaluation.stored_run import make_run

NETWORKS = ("resnet50", "mobilenet_v2", "vgg16")
TEXT = """
name = "two sets"
protocols = ["honest", "aimic-2022"]
[model]
networks = ["resnet50", "mobilenet_v2", "vgg16"]
[data-sets.PBC]
path = "pbc"
published = "PBC"
[data-sets."other =cells"]
path = "cells"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "study.toml").write_text(TEXT)
    return read_study(tmp_path / "study.toml")


@pytest.fixture
def folder(workspace: Workspace, study: Study) -> StudyFolder:
    """The study with its four runs, as they would be after training; the optimistic ones are better."""
    found = study_folder(workspace, study.name)
    found.path.mkdir(parents=True)
    for number, cell in enumerate(study.cells):
        bonus = 0.8 if cell.protocol == "aimic-2022" else 0.0
        name = f"20261122-19051{number}-cell"
        skills = {network: 2.5 - 0.6 * place + bonus for place, network in enumerate(NETWORKS)}
        make_run(workspace.runs_folder / name, skills=skills, protocol=cell.protocol, groups=24 + 6 * (number // 2))
        found.add_run(StudyRun(cell.data.name, cell.protocol, cell.digest, NETWORKS, name))
    return found


def test_figures_are_those_of_the_runs(study: Study, folder: StudyFolder, workspace: Workspace) -> None:
    figures = read_figures(study, folder, workspace)
    assert figures.complete
    assert figures.problems == ()
    assert len(figures.networks) == 2 * 2 * 3
    found = figures.networks["PBC", "honest", "vgg16"]
    results = read_results(found.run.path).networks["vgg16"]
    assert found.pooled["macro_f1"] == results.pooled["macro_f1"]
    assert found.fold_means["accuracy"] == pytest.approx(np.mean([fold.values["accuracy"] for fold in results.folds]))
    mean = figures.average("honest", "vgg16", "accuracy")
    each = [figures.figure(data.name, "honest", "vgg16", "accuracy") for data in study.data_sets]
    assert mean is not None
    assert mean.value == pytest.approx(np.mean([figure.value for figure in each]))  # type: ignore[union-attr]


def test_the_gap_is_paired_by_image(study: Study, folder: StudyFolder, workspace: Workspace) -> None:
    figures = read_figures(study, folder, workspace)
    gap = figures.gaps["PBC", "vgg16"]["macro_f1"]
    values = [figures.figure("PBC", protocol, "vgg16", "macro_f1") for protocol in ("aimic-2022", "honest")]
    assert gap.value == pytest.approx(values[0].value - values[1].value)  # type: ignore[union-attr, operator]
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < gap.value < gap.high  # type: ignore[operator]
    run = figures.networks["PBC", "honest", "vgg16"].run
    network = next(one for one in read_run_predictions(run.path).networks if one.name == "vgg16")
    assert paired_gap(network, network)["accuracy"] == Interval(0.0, 0.0, 0.0)
    few = network.select(np.flatnonzero(network.groups < 5))
    assert paired_gap(few, few)["accuracy"] == Interval(0.0)


def test_tables_are_written_with_the_published_numbers_beside_ours(
    study: Study, folder: StudyFolder, workspace: Workspace
) -> None:
    timing = NetworkTiming("vgg16", 224, (0.2,), (9.0,), 100, 1.0, 12.0, "2026-11-22T19:05:12+00:00")
    write_timings(workspace.root, "a <fast> device", [timing])
    figures = read_figures(study, folder, workspace)
    results = write_study(figures, folder, workspace)
    page = folder.page.read_text()
    text = (folder.path / "study.md").read_text()
    assert "://" not in page.replace("http://www.w3.org", "")
    assert "a &lt;fast&gt; device" in page
    ours = figures.figure("PBC", "honest", "resnet50", "macro_f1")
    assert "majority class for every image" in page
    assert "95 % intervals for these trained networks, on new groups" in page
    assert "sets a validation part aside" in page, "the gap's causes are all named"
    for words in ("98.46", percent(ours), percent(beside(ours, 98.46)), "17.179", "Acevedo 96.2"):
        assert words in page
        assert words.replace("−", "−") in text
    assert "Optimistic" in page or "optimistic" in page
    drawings = sorted(path.name for path in (folder.path / "study-figures").iterdir())
    assert sum(name.endswith(".svg") for name in drawings) == 6  # averages, F1 and ranks, for each protocol
    with (folder.path / "figures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 * 5
    row = next(row for row in rows if row["network"] == "resnet50" and row["figure"] == "macro_f1")
    assert (row["data_set"], float(row["published"])) == ("PBC", pytest.approx(0.9846))
    assert float(row["difference"]) == pytest.approx(float(row["value"]) - 0.9846)
    assert all(not cell.startswith("=") for row in rows for cell in row.values())
    answer = json.loads((folder.path / "results.json").read_text())
    assert answer["version"] == 1
    assert read_study_results(folder.results_file) == results
    assert answer["ranking"]["honest"]["average_ranks"]["resnet50"] == 1
    assert len(answer["gaps"]) == 6


def test_a_study_that_is_not_whole_says_so_and_shows_what_there_is(
    study: Study, folder: StudyFolder, workspace: Workspace
) -> None:
    runs = folder.runs()
    shutil.rmtree(workspace.runs_folder / runs[0].run)  # deleted by a person: to be made again
    (workspace.runs_folder / runs[1].run / "manifest.csv").unlink()
    figures = read_figures(study, folder, workspace)
    assert not figures.complete
    assert len(figures.problems) == 1
    assert "manifest.csv" in figures.problems[0]
    assert runs_of_cell(workspace, runs, study.cells[0]).missing == NETWORKS
    assert set(figures.gaps) == {("other =cells", name) for name in NETWORKS}
    document = make_study_document(figures, {})
    assert any("not complete" in getattr(block, "text", "") for block in document.sections[0].blocks)
    write_study(figures, folder, workspace)


def test_runs_of_other_settings_dont_count_and_a_further_network_needs_a_run_of_its_own(
    study: Study, folder: StudyFolder, workspace: Workspace, tmp_path: Path
) -> None:
    planned = runs_of_cell(workspace, folder.runs(), study.cells[0])
    assert ([networks for _, networks in planned.runs], planned.missing, planned.outdated) == ([NETWORKS], (), ())
    (tmp_path / "study.toml").write_text(TEXT.replace('"vgg16"]', '"resnet34"]'))
    more = runs_of_cell(workspace, folder.runs(), read_study(tmp_path / "study.toml").cells[0])
    assert ([networks for _, networks in more.runs], more.missing) == ([("resnet50", "mobilenet_v2")], ("resnet34",))
    (tmp_path / "study.toml").write_text(TEXT + "\n[training]\nepochs = 7\n")
    other = runs_of_cell(workspace, folder.runs(), read_study(tmp_path / "study.toml").cells[0])
    assert (other.runs, other.missing, other.outdated) == ((), NETWORKS, (folder.runs()[0].run,))


def test_means_and_differences_carry_their_limits() -> None:
    mean = mean_of([Interval(0.9, 0.8, 0.95), Interval(0.7, 0.6, 0.8)])
    assert mean.value == pytest.approx(0.8)
    assert mean.low == pytest.approx(0.8 - np.hypot(0.1, 0.1) / 2)
    assert mean.high == pytest.approx(0.8 + np.hypot(0.05, 0.1) / 2)
    assert mean_of([Interval(0.9, 0.8, 0.95), Interval(0.7)]) == Interval(0.8)
    found = beside(Interval(0.97, 0.96, 0.98), 98.0)
    assert found is not None
    assert percent(found) == "−1.00 (−2.00 to 0.00)"
    assert beside(None, 98.0) is beside(Interval(0.9), None) is None
    assert percent(None) == "–"


def test_a_damaged_list_of_runs_is_a_sentence(folder: StudyFolder, study: Study, workspace: Workspace) -> None:
    folder.runs_file.write_text("{}")
    with pytest.raises(InputProblem, match="Delete it"):
        read_figures(study, folder, workspace)


@pytest.mark.parametrize("run", ["../../other", "/etc", "..", "", "a/b"])
def test_a_run_elsewhere_is_none_of_the_study(folder: StudyFolder, run: str) -> None:
    record = {"data": "", "protocol": "honest", "digest": "", "networks": [], "run": run}
    write_json(folder.runs_file, {"version": 1, "runs": [record]})
    with pytest.raises(InputProblem, match=r"can't be read .*is not the name of a run"):
        folder.runs()


def test_figures_of_an_incomplete_network_are_marked(study: Study, folder: StudyFolder, workspace: Workspace) -> None:
    run = workspace.runs_folder / folder.runs()[0].run
    shutil.rmtree(run / "trials" / "vgg16" / "fold-3")
    figures = read_figures(study, folder, workspace)
    assert not figures.complete
    assert replace(figures.networks["PBC", "honest", "vgg16"]).complete is False
    assert ("PBC", "vgg16") not in figures.gaps

"""Figures against what the networks cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.inference.timings import NetworkTiming, write_timings
from aimic_tui.engine.report.cost_section import cost_section
from aimic_tui.engine.report.network_costs import network_costs
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run
from tests.engine.report.report_page import report_of


def test_measured_times_stand_beside_the_figures(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "runs" / "some", skills={"mobilenet_v2": 2.0, "resnet18": 2.5})
    text = report_of(RunFolder(path))[1].text
    assert "No times were measured in this workspace" in text
    timing = NetworkTiming("resnet18", 224, (0.2, 0.3), (5.0, 6.0), 100, 1.0, 50.0, "2026-11-22T12:00:00Z")
    write_timings(tmp_path, "a device", [timing, replace(timing, network="mobilenet_v2", one=(0.1, 0.1))])
    text = report_of(RunFolder(path))[1].text
    assert "By seconds for one image, a device: mobilenet_v2" in text
    assert "measured by `aimic benchmark` on a device, median of 2, from a file to its class" in text
    assert "No times were measured" not in text


def test_parameters_are_those_of_the_trained_networks(record: RunRecord) -> None:
    costs = network_costs(record.folder, record.snapshot, record.networks, record.timings)
    parameters = next(cost for cost in costs if cost.title == "parameters, millions")
    assert parameters.values["mobilenet_v2"] == 2_227_715 / 1e6


def test_one_network_needs_no_section(tmp_path: Path) -> None:
    assert list(cost_section(read_record(RunFolder(predicted_run(tmp_path / "run"))))) == []

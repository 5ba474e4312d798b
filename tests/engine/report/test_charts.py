"""The drawings show the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.curves import GRID, ClassCurves, Curve
from aimic_tui.engine.evaluation.decision import THRESHOLDS, DecisionCurve
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.pareto import Cost
from aimic_tui.engine.evaluation.ranking import rank_networks
from aimic_tui.engine.evaluation.run_results import ReliabilityBin
from aimic_tui.engine.report import comparison_charts, curve_charts
from aimic_tui.engine.report.calibration_charts import reliability, risk_coverage
from aimic_tui.engine.report.chart import Chart, short, themed
from aimic_tui.engine.report.interval_chart import interval_chart
from aimic_tui.engine.report.learning_chart import learning_curves
from aimic_tui.engine.report.rank_chart import rank_diagram
from aimic_tui.engine.report.run_record import RunRecord


def lines(chart: Chart, axes: int = 0) -> list[tuple[list[float], list[float]]]:
    """The lines of a drawing: abscissae and ordinates."""
    return [
        (list(map(float, x)), list(map(float, y)))
        for x, y in (line.get_data() for line in chart.figure.axes[axes].lines)
    ]


def texts(chart: Chart) -> list[str]:
    return [text.get_text() for axes in chart.figure.axes for text in axes.texts]


def test_intervals_are_lines_and_figures_dots() -> None:
    rows = [("F1", [Interval(0.9, 0.8, 0.95), Interval(0.7)]), ("none", [None, Interval(None)])]
    chart = interval_chart("x", rows, ("here", "published"))
    limits, dot, bare = lines(chart)
    assert (limits[0], dot[0], bare[0]) == ([0.8, 0.95], [0.9], [0.7])
    assert dot[1][0] > bare[1][0], "the series of a row stand one below the other"
    assert [label.get_text() for label in chart.figure.axes[0].get_yticklabels()] == ["F1", "none"]
    low, high = chart.figure.axes[0].get_xlim()
    assert low < 0.7
    assert high > 1


def test_learning_curves_mark_the_selected_epoch(record: RunRecord) -> None:
    (trial, *_) = record.trials_of("resnet18")
    chart = learning_curves("resnet18", [trial], "macro F1", "validation")
    training, validation, best_loss = lines(chart)
    monitor, best = lines(chart, 1)
    assert training[1] == [epoch.train_loss for epoch in trial.epochs]
    assert validation[1] == [epoch.validation_loss for epoch in trial.epochs]
    assert best[0] == best_loss[0] == [trial.best_epoch]
    assert best[1] == [max(monitor[1])]


def test_reliability_shows_bins_with_images_only() -> None:
    bins = [ReliabilityBin(0.0, 0.5, 0, None, None), ReliabilityBin(0.5, 1.0, 40, 0.8, 0.6)]
    _, before, after = lines(reliability("n", bins, bins))
    assert before == after == ([0.8], [0.6])


def test_risk_starts_at_nothing_answered() -> None:
    (line,) = lines(risk_coverage("n", [0.5, 1.0], [0.0, 0.2]))
    assert line == ([0.0, 0.5, 1.0], [0.0, 0.0, 0.2])


def test_a_confusion_matrix_is_in_shares_of_the_true_class() -> None:
    chart = comparison_charts.confusion("n", ["a", "b"], [[3, 1], [0, 4]])
    assert texts(chart) == ["75 %", "25 %", "100 %"]
    assert chart.figure.axes[0].get_ylabel() == "true class"


def test_a_trade_off_line_joins_the_front() -> None:
    merits = {"small": Interval(0.8, 0.7, 0.9), "large": Interval(0.9), "poor": Interval(0.5), "open": Interval(None)}
    cost = Cost("parameters", "", {"small": 1.0, "large": 4.0, "poor": 5.0, "open": 2.0})
    chart = comparison_charts.pareto("run", merits, cost, ["small", "large"], "macro F1")
    assert lines(chart)[0] == ([1.0, 4.0], [0.8, 0.9])
    assert texts(chart) == ["small", "large", "poor"]
    assert chart.figure.axes[0].get_xscale() == "log"


def test_curves_have_a_line_a_class_and_a_band_around_the_mean() -> None:
    curve = Curve(np.linspace(0, 1, len(GRID)), None, None)
    mean = Curve(curve.values, curve.values - 0.1, curve.values + 0.1)
    a_class = ClassCurves(curve, curve, 0.4, 0.5, 0.5)
    chart = curve_charts.roc("n", ["a", "b"], [a_class, None], ClassCurves(mean, mean, 0.4, 0.5, 0.5))
    assert len(lines(chart)) == 3, "the diagonal, one class, the mean"
    assert len(chart.figure.axes[0].collections) == 1
    assert len(lines(curve_charts.precision_recall("n", ["a"], [a_class], a_class))) == 2


def test_net_benefit_stands_beside_acting_on_all_and_on_none() -> None:
    values = np.linspace(0.3, 0, len(THRESHOLDS))
    curve = DecisionCurve(network=values, low=None, high=None, everyone=values - 0.1, share=0.3)
    chart = curve_charts.decision("n", "blast", curve)
    assert [line[1][0] for line in lines(chart)][1:] == pytest.approx([values[0] - 0.1, values[0]])
    assert "blast" in chart.figure.axes[0].get_xlabel()


def test_ranks_are_written_beside_the_names() -> None:
    figures = {f"set {at}": {"a": 0.9, "b": 0.8, "c": 0.7} for at in range(6)}
    ranking = rank_networks(figures, "macro_f1")
    said = texts(rank_diagram(ranking))
    assert [text.split()[0] for text in said if "  " in text.strip()] == ["a", "b", "c"]
    assert any(text.strip() == "a  1.00" for text in said)
    assert any(text.startswith("CD ") for text in said)


def test_a_drawing_is_the_same_bytes_and_takes_a_pages_colours() -> None:
    def drawn() -> Chart:
        return interval_chart("x", [("$\\alpha$ <b>", [Interval(0.9)])], ("here",))

    assert drawn().svg == drawn().svg
    assert drawn().pdf() == drawn().pdf()
    assert drawn().pdf().startswith(b"%PDF")
    assert "&lt;b&gt;" in drawn().svg
    assert "#222222" not in themed(drawn().svg)
    assert "currentColor" in themed(drawn().svg)


def test_long_names_are_cut_and_escapes_shown() -> None:
    assert short("a" * 28) == "a" * 28
    assert short("a" * 29) == "a" * 27 + "…"
    assert short("\x1b") == "\\x1b"

"""A table of predictions comes back as it was written, whatever the names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions


def some() -> Predictions:
    table = np.random.default_rng(0).dirichlet(np.ones(3), size=4)
    table[2] = np.nan
    return Predictions(
        ("a/1.png", '=HYPERLINK("x").png', "tab\tand\nline.png", "b,c.png"),
        np.array([0, 2, -1, 1], dtype=np.int32),
        table,
        ("one", "=two", "p_three"),
    )


def test_it_comes_back_exactly(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", some())
    again = read_predictions(tmp_path / "p.csv")
    assert again.images == some().images
    assert again.classes == some().classes
    assert again.labels.tolist() == some().labels.tolist()
    np.testing.assert_array_equal(again.probabilities, some().probabilities)
    assert again.predicted[2] == -1


def test_the_columns_are_those_of_the_design(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", some())
    header, first, *_ = (tmp_path / "p.csv").read_text().splitlines()
    assert header == "image,label,predicted,probability,p_one,p_=two,p_p_three"
    assert first.startswith("a/1.png,one,")


def test_columns_that_follow_and_an_unfinished_line_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("image,label,predicted,probability,p_a,p_b,margin,problem\nx,a,a,0.9,0.9,0.1,0.8,\ny,,b,0.6,0.4")
    found = read_predictions(path)
    assert found.images == ("x",)
    assert found.classes == ("a", "b")
    assert found.confidence.tolist() == [0.9]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "columns"),
        ("image,label\nx,y\n", "columns"),
        ("image,label,predicted,probability,p_a\nx,b,a,1,1\n", "label b"),
        ("image,label,predicted,probability,p_a\nx,a,a,1,much\n", "not a number"),
        (f"image,label,predicted,probability,p_a\nx,{'a' * (1 << 25)},a,1,1\n", "a row of it is longer"),
    ],
)
def test_another_table_is_a_sentence(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(InputProblem, match=what):
        read_predictions(tmp_path / "p.csv")


def test_a_missing_table_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="no predictions"):
        read_predictions(tmp_path / "p.csv")

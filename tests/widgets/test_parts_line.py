"""The line of a screen's parts: with keys, without, and with whole names only where it is narrow."""

import pytest

from aimic_tui.widgets.parts_line import Part, parts_line

PARTS = {name.lower(): Part(name[0].lower(), name, "#x", "") for name in ("Matrix", "Calibration", "Groups", "Costs")}


@pytest.mark.parametrize(
    ("shown", "width", "line"),
    [
        ("matrix", 99, "m Matrix  c Calibration  g Groups  c Costs"),
        ("matrix", 39, "m Matrix c Calibration g Groups c Costs"),
        ("matrix", 34, "Matrix  Calibration  Groups  Costs"),
        ("matrix", 31, "Matrix Calibration Groups Costs"),
        ("matrix", 30, "Matrix Calibration Groups …"),
        ("costs", 30, "… Calibration Groups Costs"),
        ("calibration", 15, "… Calibration …"),
        ("calibration", 3, ""),
    ],
)
def test_no_name_is_cut_and_the_shown_one_stays(shown: str, width: int, line: str) -> None:
    assert parts_line(PARTS, shown, width).plain == line

"""Every metric has a default margin with its reason; a margin that can't be one is refused."""

from __future__ import annotations

import pytest

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.margin import checked_margin, default_margin, reason_of_default
from aimic_tui.engine.evaluation.metrics import ALL_METRICS


def test_shares_have_two_in_a_hundred_and_longer_scales_more() -> None:
    assert default_margin("macro_f1") == default_margin("accuracy") == 0.02
    assert default_margin("kappa") == 2 * default_margin("accuracy")
    assert all(default_margin(metric) > 0 and reason_of_default(metric) for metric in ALL_METRICS)


def test_the_users_margin_is_taken_or_refused() -> None:
    assert checked_margin(None, "log_loss") == 0.05
    assert checked_margin(0.1, "log_loss") == 0.1
    for wrong in (0.0, -0.1, 1.0, float("nan")):
        with pytest.raises(UsageProblem, match="above 0 and below 1"):
            checked_margin(wrong, "accuracy")

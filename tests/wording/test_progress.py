from __future__ import annotations

import pytest

from aimic_tui.engine.progress import Progress
from aimic_tui.wording.progress import progress_figures


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("find", 1), "1 image"),
        (Progress("read", 1200, 5000, "", 35.0, 109.0), "1,200 of 5,000 images, 35 images/s, 2 min left"),
        (Progress("compare", 3, 9, "", 2.0, 3.0), "3 of 9 pairs, 3.0 s left"),
        (Progress("load", 0, 9), ""),
        (Progress("resample", 1, 4, "", 1.0, 3.0), "25 %, 3.0 s left"),
        (Progress("download", 2_000_000, None, "", 500_000.0), "2.0 MB, 500 kB/s"),
        (Progress("download", 2_000_000, 4_000_000), "2.0 MB of 4.0 MB"),
        (Progress("step", 3, 9, "loss \x1b[31m0.5"), "3 of 9 steps, loss \\x1b[31m0.5"),
        (Progress("predict", 9, 9, "", 3.0, 0.0), "9 of 9 images, 3.0 images/s"),
    ],
)
def test_progress_in_words(progress: Progress, words: str) -> None:
    assert progress_figures(progress) == words

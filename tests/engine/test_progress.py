"""Reports of progress: their speed, and their way through an event file."""

from __future__ import annotations

import pytest

from aimic_tui.engine.progress import Pace, Progress


def paced(*reports: tuple[float, Progress]) -> list[Progress]:
    """Give reports at the moments beside them to one pace."""
    moments = iter([moment for moment, _ in reports])
    pace = Pace(lambda: next(moments))
    return [pace.timed(report) for _, report in reports]


def test_speed_and_time_left_are_those_since_the_phase_began() -> None:
    first, second = paced((10, Progress("predict", 100, 1100)), (14, Progress("predict", 300, 1100)))
    assert (first.per_second, first.seconds_left) == (None, None)
    assert (second.per_second, second.seconds_left) == (50, 16), "what an earlier call did is not in the speed"


def test_another_phase_and_another_file_begin_anew() -> None:
    reports = paced(
        (0, Progress("read", 0, 10)),
        (1, Progress("read", 10, 10)),
        (2, Progress("compare", 0, 100)),
        (3, Progress("compare", 20, 100)),
        (5, Progress("compare", 0, 50)),
        (6, Progress("compare", 5, 50)),
    )
    assert [report.per_second for report in reports] == [None, 10, None, 20, None, 5]


def test_what_the_reporter_knows_itself_stays() -> None:
    _, timed = paced((0, Progress("read", 0, 1)), (1, Progress("read", 0.5, 1, per_second=7.0, seconds_left=90.0)))
    assert (timed.per_second, timed.seconds_left) == (7.0, 90.0)


@pytest.mark.parametrize(
    "progress", [Progress("find", 12), Progress("measure", 0.4, 1.0, "resnet18", 0.1, 6.0), Progress("load", 0, 5)]
)
def test_a_report_comes_back_from_its_event(progress: Progress) -> None:
    assert Progress.read({"event": "progress", **progress.to_json()}) == progress


def test_events_of_version_0_1_are_read() -> None:
    assert Progress.read({"event": "loading", "total": 9}) == Progress("load", 0, 9)
    old = {"event": "progress", "done": 4, "total": 9, "images_per_second": 2.0, "seconds_left": 2.5}
    assert Progress.read(old) == Progress("predict", 4, 9, "", 2.0, 2.5)
    assert Progress.read({"event": "judging"}) == Progress("resample", 0, None)
    old = {"event": "judging", "resamples": 500, "of": 2000, "seconds_left": 3.0}
    assert Progress.read(old) == Progress("resample", 500, 2000, "", None, 3.0)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "finished"},
        {"event": "progress", "phase": "train", "epoch": 3, "batch": 1},
        {"event": "progress", "phase": "of a later version", "done": 3},
        {"event": "progress", "phase": ["read"], "done": 3},
        {"event": "progress", "phase": "read", "done": "many"},
        {"event": "progress", "phase": "read", "done": None},
    ],
)
def test_other_events_tell_of_no_progress(event: dict[str, object]) -> None:
    assert Progress.read(event) is None

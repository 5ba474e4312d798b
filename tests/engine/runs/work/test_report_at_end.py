"""A run that is through leaves its report; whatever happens to that, the run is what it is."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from aimic_tui.commands.following import Follower
from aimic_tui.commands.progress import ProgressMeter
from aimic_tui.engine.evaluation.baseline_record import read_baseline_record
from aimic_tui.engine.evaluation.results_file import read_results_file
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.work.report_at_end import leave_baselines, leave_report
from tests.engine.evaluation.stored_run import make_run
from tests.run_folders import make_run as make_folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(make_run(tmp_path / "runs" / "20261122-190512-some"))


def test_the_report_is_written_into_the_runs_folder(run: RunFolder) -> None:
    assert leave_report(run) == ""
    page = run.report_file.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "mobilenet_v2" in page


def test_what_goes_wrong_is_a_sentence(run: RunFolder) -> None:
    run.split_file.write_text("image,fold,part\nnobody.png,1,test\n")
    assert "does not fit the run's images" in leave_report(run)
    assert not run.report_file.exists()


def test_a_report_that_takes_too_long_is_left(run: RunFolder) -> None:
    assert "`aimic report` makes it" in leave_report(run, patience=0.01)


def test_the_baselines_are_there_before_the_report(run: RunFolder) -> None:
    """This run has no images, which the record says; nothing fails."""
    assert leave_baselines(run) == ""
    record = read_baseline_record(run.baseline_record)
    assert record is not None
    assert [missing.reason for missing in record.missing] == ["images", "images", "weights"]
    assert read_results_file(run.results_file) is not None
    run.baseline_record.write_text('{"made": {"border_colour": ""}}')
    assert leave_baselines(run) == ""  # they are not made again
    assert run.baseline_record.read_text() == '{"made": {"border_colour": ""}}'


def test_where_nothing_is_tested_there_is_nothing_to_report(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "20261122-190512-cells", "failed")
    assert leave_report(folder) == ""
    assert not folder.report_file.exists()


def test_who_follows_a_run_leaves_when_its_report_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path, "20261122-190512-cells", "finished", done=5)
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    released: list[float] = []

    def release() -> None:
        time.sleep(1.0)
        released.append(time.monotonic())
        lock.release()

    thread = threading.Thread(target=release)
    thread.start()
    status = Follower(folder, ProgressMeter(), stop_on_interrupt=False).follow()
    assert released
    thread.join()
    assert status.state == "finished"
    assert "writing the report" in capsys.readouterr().err

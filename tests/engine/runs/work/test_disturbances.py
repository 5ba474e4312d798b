"""Real runs and what a long night brings: signals, a clock that jumps, another number of workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.event_log import EventReader, to_time
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import resume, start_scheduler
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.status import read_status
from tests.engine.runs.work.test_kills import Watch, end_of, make_run, wait_for, wait_until_over
from tests.forking import open_nursery
from tests.processes import children_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("forked")]

# Every few answers the time of day is hours further or earlier; what counts only upwards is left alone.
JUMPING_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>
static long jump(void) {
    static unsigned asked = 0;
    static const long hours[] = {0, 5, -7, 30, -49, 2};
    return hours[(__atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED) / 3) % 6] * 3600;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, now);
    if (!answer && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return answer;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    int answer = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return answer;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""


@pytest.fixture(scope="module")
def undisturbed(cells: Path, forked: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = make_run(cells, tmp_path_factory.mktemp("undisturbed"), model__networks=["test_efficientnet"])
    start_scheduler(folder)
    assert wait_until_over(folder).state == "finished"
    return folder


def assert_same(folder: RunFolder, undisturbed: RunFolder) -> None:
    for trial in read_status(undisturbed).trials:
        assert end_of(folder, trial.key) == end_of(undisturbed, trial.key), trial.key.name


def test_the_result_does_not_depend_on_the_number_of_workers(
    undisturbed: RunFolder, cells: Path, tmp_path: Path
) -> None:
    folder = make_run(cells, tmp_path, model__networks=["test_efficientnet"], compute__workers=2)
    start_scheduler(folder)
    assert wait_for(lambda: sum(trial.state == "running" for trial in read_status(folder).trials) == 2)
    assert wait_until_over(folder).state == "finished"
    assert_same(folder, undisturbed)


def test_a_run_that_is_resumed_with_another_number_of_workers_keeps_its_threads(cells: Path, tmp_path: Path) -> None:
    ends = []
    for resumed in (False, True):
        folder = make_run(
            cells,
            tmp_path / str(resumed),
            model__networks=["test_resnet"],
            split__folds=2,
            training__epochs=3,
            compute__threads=0,
        )
        start_scheduler(folder)
        if resumed:
            watch = Watch(folder)
            assert wait_for(lambda watch=watch: watch.done >= 1)  # type: ignore[misc]
            folder.stop_file.touch()
            assert wait_until_over(folder).state == "stopped"
            experiment = folder.experiment_file.read_text()
            folder.experiment_file.write_text(experiment.replace("workers = 1", "workers = 2"))
            resume(folder)
        assert wait_until_over(folder).state == "finished"
        ends.append([end_of(folder, trial.key) for trial in read_status(folder).trials])
        assert read_json(folder.environment_file)["threads"] >= 1
    assert ends[0] == ends[1]


def test_signals_to_the_scheduler_stop_the_run_and_it_goes_on_later(
    undisturbed: RunFolder, cells: Path, tmp_path: Path
) -> None:
    folder = make_run(cells, tmp_path, model__networks=["test_efficientnet"])
    start_scheduler(folder)
    watch = Watch(folder)
    for number, epochs in ((signal.SIGTERM, 2), (signal.SIGINT, 5), (signal.SIGHUP, 8)):
        assert wait_for(lambda epochs=epochs: watch.done >= epochs)  # type: ignore[misc]
        scheduler = read_status(folder).pid
        assert scheduler is not None
        os.kill(scheduler, number)
        assert wait_until_over(folder).state == "stopped"
        assert not folder.stop_file.exists()
        resume(folder)
    assert wait_until_over(folder).state == "finished"
    assert_same(folder, undisturbed)


def test_a_signal_to_a_worker_ends_its_process_and_the_run_goes_on(
    undisturbed: RunFolder, cells: Path, tmp_path: Path
) -> None:
    folder = make_run(cells, tmp_path, model__networks=["test_efficientnet"])
    start_scheduler(folder)
    watch = Watch(folder)
    for at, number in ((1, signal.SIGTERM), (3, signal.SIGINT), (5, signal.SIGHUP)):
        assert wait_for(lambda at=at: watch.done >= at)  # type: ignore[misc]
        for worker in children_of(read_status(folder).pid):
            os.kill(worker, number)
    status = wait_until_over(folder)
    assert status.state == "finished"
    assert sum(trial.attempts - 1 for trial in status.trials) >= 2  # a busy machine may be late with the last
    told = {event["event"] for event in EventReader(folder.events_file).new()}
    assert not told & {"trial-failed", "worker-died"}, "a worker that leaves is handed nothing more"
    assert_same(folder, undisturbed)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler to make a jumping clock with")
def test_a_clock_that_jumps_changes_nothing_but_the_times_that_are_shown(
    undisturbed: RunFolder, cells: Path, tmp_path: Path
) -> None:
    library = tmp_path / "clock.so"
    source = tmp_path / "clock.c"
    source.write_text(JUMPING_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    folder = make_run(cells, tmp_path, model__networks=["test_efficientnet"])
    with open_nursery(LD_PRELOAD=str(library)) as jumping, jumping.starting():
        start_scheduler(folder)
        watch = Watch(folder)
        assert wait_for(lambda: watch.done >= 4)
        left = RunFollower(folder).snapshot().seconds_left
        assert left is not None and 0 <= left < 3600
        folder.stop_file.touch()
        assert wait_until_over(folder).state == "stopped"
        resume(folder)
        assert wait_until_over(folder).state == "finished"
    assert_same(folder, undisturbed)
    events = EventReader(folder.trial(read_status(folder).trials[0].key).events_file).new()
    times = [time for event in events if (time := to_time(event["time"]))]
    assert times != sorted(times)  # it did jump
    assert all(0 <= event["seconds"] < 600 for event in events if event["event"] == "epoch")

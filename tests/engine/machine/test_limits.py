"""What the system lets a run take."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.machine import limits as module
from aimic_tui.engine.machine import quotas
from aimic_tui.engine.machine.devices import Slot
from aimic_tui.engine.machine.limits import Limits, read_limits, require_limits, shortages

CPU = (Slot(1, "cpu", "", 2),)
GPUS = (Slot(1, "cuda:0+1", "0,1", 4, 2),)
AMPLE = Limits(1024, 500, 100_000_000_000, 10_000_000_000, 1 << 30)


def test_a_run_fits_into_usual_limits() -> None:
    assert list(shortages(AMPLE, CPU)) == list(shortages(AMPLE, GPUS)) == list(shortages(Limits(), GPUS)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open_files": 20}, "only 20 files open.*ulimit -n"),
        ({"processes": 3}, "Only 3 processes or threads more.*compute.workers"),
        ({"addresses": 3_000_000_000}, r"3.0 GB of address space.*ulimit -v unlimited"),
        ({"file_bytes": 100_000}, r"100 kB.*ulimit -f"),
    ],
)
def test_each_limit_that_is_too_small_is_a_sentence(change: dict[str, int], words: str) -> None:
    (sentence,) = shortages(replace(AMPLE, **change), CPU)
    assert re.search(words, sentence)


def test_only_gpus_that_share_a_trial_need_shared_memory() -> None:
    little = replace(AMPLE, shared_memory=64 << 20)
    assert list(shortages(little, CPU)) == []
    (sentence,) = shortages(little, GPUS)
    assert "--shm-size" in sentence


def test_more_workers_need_more_processes() -> None:
    some = replace(AMPLE, processes=20)
    assert list(shortages(some, CPU)) == []
    assert len(list(shortages(some, [Slot(number, "cpu", "", 2) for number in (1, 2, 3)]))) == 1


def test_a_run_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_limits", lambda: Limits(processes=1))
    with pytest.raises(InputProblem) as caught:
        require_limits(CPU)
    assert caught.value.key == "compute.workers"


def test_the_tightest_group_of_processes_binds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tmp_path / "slurm" / "job_7"
    job.mkdir(parents=True)
    for folder, most, now in ((job, "12", "10"), (job.parent, "100", "50"), (tmp_path, "max", "900")):
        (folder / "pids.max").write_text(most + "\n")
        (folder / "pids.current").write_text(now + "\n")
    (tmp_path / "own").write_text("0::/slurm/job_7\n")
    monkeypatch.setattr(quotas, "_CGROUP", tmp_path)
    monkeypatch.setattr(quotas, "_OWN_GROUPS", tmp_path / "own")
    assert read_limits().processes == 2
    (job / "memory.max").write_text("600000000\n")
    (job / "memory.current").write_text("100000000\n")
    assert quotas.memory_bytes()[0] == 600_000_000


def test_open_files_are_allowed_as_far_as_the_user_may() -> None:
    program = (
        "import resource; from aimic_tui.engine.machine.own_limits import allow_open_files\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (50, 300)); allow_open_files()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["300", "300"]


def test_an_app_without_its_threads_is_a_sentence() -> None:
    program = (
        "import threading\nfrom aimic_tui.engine.machine.own_limits import require_threads\nrequire_threads(8)\n"
        'def refuse(*_): raise RuntimeError("can\'t start new thread")\n'
        "threading._start_new_thread = threading._start_joinable_thread = refuse\n"
        "try: require_threads(2)\nexcept Exception as error: print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ulimit -u" in answer.stdout

"""What may be signalled, and where a run may write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.errors import InputProblem, StorageProblem
from aimic_tui.engine.files import FileLock, write_json
from aimic_tui.engine.run_folder import RunFolder, TrialFolder, TrialKey
from aimic_tui.engine.runs import control
from aimic_tui.engine.runs.control import SCHEDULER, request_stop, start_scheduler
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, read_recorded, write_status

# Holds the file that is named as a lock, as a scheduler does, until it is ended.
HOLDER = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); input()"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(control, "touch_unlinked", refuse)


def holding(lock: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(lock), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def running(folder: RunFolder, pid: int | None) -> None:
    write_status(folder, RunStatus(run=folder.name, state="running", pid=pid, host=os.uname().nodename))


@pytest.mark.usefixtures("unwritable")
def test_a_process_that_a_file_names_is_not_signalled(folder: RunFolder, tmp_path: Path) -> None:
    # It holds a lock, and may even be called like a scheduler, but not with this run's lock in its hands.
    for stranger in holding(tmp_path / "other", SCHEDULER):
        lock = FileLock(folder.lock_file)
        assert lock.acquire()
        running(folder, stranger.pid)
        with pytest.raises(StorageProblem, match="no process of this machine is proved"):
            request_stop(folder)
        assert stranger.poll() is None
        lock.release()


@pytest.mark.usefixtures("unwritable")
def test_a_lock_that_another_program_holds_is_no_proof(folder: RunFolder) -> None:
    for stranger in holding(folder.lock_file):
        running(folder, stranger.pid)
        with pytest.raises(StorageProblem, match="Read-only file system"):
            request_stop(folder)
        assert stranger.poll() is None


@pytest.mark.usefixtures("unwritable")
def test_the_scheduler_itself_is_signalled_where_the_stop_file_cannot_be_written(folder: RunFolder) -> None:
    for scheduler in holding(folder.lock_file, SCHEDULER):
        running(folder, scheduler.pid)
        request_stop(folder)
        assert scheduler.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("pid", [-1, 0, True, "1", 1.0, [1], None])
def test_what_is_no_process_is_none(folder: RunFolder, pid: object) -> None:
    running(folder, None)
    write_json(folder.status_file, {**read_json(folder.status_file), "pid": pid})
    assert read_recorded(folder).pid is None


NETWORKS = ["../../..", "/etc", "a/../../b", "..", ".", "a//b", "a/", "", "a\n", "a b", "a\0b", "n" * 201]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_whose_name_leads_outside_is_refused(folder: RunFolder, network: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a network"):
        TrialKey(network, 1)
    trial = TrialStatus("resnet18", 1, 0)
    write_status(folder, RunStatus(run=folder.name, state="stopped", trials=(trial,)))
    record = read_json(folder.status_file)
    record["trials"][0]["network"] = network
    write_json(folder.status_file, record)
    with pytest.raises(InputProblem, match="is damaged"):
        read_recorded(folder)


@pytest.mark.parametrize("network", ["resnet18", "timm/vit_base_patch16_224.augreg_in21k", "hf_hub:a/b", "a..b"])
def test_a_network_of_any_usual_name_is_a_folder_below_the_run(folder: RunFolder, network: str) -> None:
    assert folder.trial(TrialKey(network, 1)).path.resolve().is_relative_to(folder.path.resolve())


@pytest.mark.parametrize("number", [0, -1, 2**63, 1.5, "1"])
def test_a_fold_that_is_no_number_of_one_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="is not the number of a fold"):
        TrialKey("resnet18", number)  # type: ignore[arg-type]


def test_a_folder_that_is_no_trial_is_passed_over(folder: RunFolder) -> None:
    for name in ("resnet18/fold-0", "resnet18/fold-99999999999999999999", "res net/fold-1", "resnet18/fold-2"):
        (folder.trials_folder / name).mkdir(parents=True)
    assert [trial.key.name for trial in folder.trials()] == ["resnet18/fold-2"]
    assert TrialFolder.of(folder.trials_folder / "resnet18" / "fold-0") is None


@pytest.mark.parametrize(
    "name", ["trials", "events.jsonl", "trials/resnet18", "lock", "stop", "scheduler.log", ".reserve"]
)
def test_a_run_with_a_link_that_leads_out_of_it_is_not_started(folder: RunFolder, name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    running(folder, None)
    link = folder.path / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(InputProblem, match=f"{link.name} is a link that leads out of"):
        start_scheduler(folder)
    assert list(outside.iterdir()) == []


def test_a_link_that_stays_inside_is_no_fault(folder: RunFolder) -> None:
    (folder.path / "latest.pt").symlink_to("trials/resnet18/fold-1/checkpoint.pt")
    control.refuse_outward_links(folder.path)

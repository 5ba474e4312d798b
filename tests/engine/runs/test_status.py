from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs import status as run_status
from aimic_tui.engine.runs.status import TrialStatus, read_status, status_of, write_status

MakeRun = Callable[..., RunFolder]


def test_a_status_reads_back_as_it_was_written(make_run: MakeRun) -> None:
    folder = make_run(["mobilenet_v2", "resnet50"], folds=3)
    status = replace(read_status(folder), pid=77, reason="because")
    write_status(folder, status)
    assert read_status(folder) == status
    assert [trial.key.name for trial in status.trials][:2] == ["mobilenet_v2/fold-1", "mobilenet_v2/fold-2"]


def test_a_run_is_interrupted_when_nobody_holds_its_lock(make_run: MakeRun) -> None:
    folder = make_run(state="running")
    status = read_status(folder)
    write_status(folder, replace(status, state="running", trials=(replace(status.trials[0], state="running"),)))
    lock = FileLock(folder.lock_file)
    lock.acquire()
    assert read_status(folder).state == "running"
    lock.release()
    dead = read_status(folder)
    assert dead.state == "interrupted"
    assert dead.trials[0].state == "stopped"
    assert "checkpoints are kept" in dead.reason


def test_a_full_disk_is_said_of_an_interrupted_run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run(state="running")
    assert "full" not in read_status(folder).reason
    monkeypatch.setattr(run_status, "has_room", lambda _: False)
    assert f"The disk of {folder.path} is full" in read_status(folder).reason


@pytest.mark.parametrize("state", ["queued", "stopped", "finished", "failed"])
def test_a_run_that_is_not_going_on_needs_no_lock(make_run: MakeRun, state: str) -> None:
    assert read_status(make_run(state=state)).state == state


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state": "on fire"}', b'{"state": "queued", "trials": [7]}'])
def test_a_damaged_status_is_a_sentence(make_run: MakeRun, content: bytes) -> None:
    folder = make_run()
    folder.status_file.write_bytes(content)
    with pytest.raises(InputProblem, match="it is damaged"):
        read_status(folder)
    assert status_of(folder).state == "failed"


def test_a_status_of_version_0_1_reads_as_before_and_one_of_a_later_version_is_refused(make_run: MakeRun) -> None:
    folder = make_run()
    before = read_status(folder)
    record = json.loads(folder.status_file.read_text())
    assert record.pop("version") == 1
    for trial in record["trials"]:
        del trial["code"], trial["setting"]
    folder.status_file.write_text(json.dumps(record))
    assert read_status(folder) == before
    folder.status_file.write_text(json.dumps({**record, "version": 2}))
    with pytest.raises(InputProblem, match="a later version of aimic wrote it"):
        read_status(folder)


def test_a_folder_without_a_status_is_a_sentence(make_run: MakeRun) -> None:
    folder = make_run()
    folder.status_file.unlink()
    with pytest.raises(InputProblem, match="No such file"):
        read_status(folder)


@pytest.mark.parametrize("key", [TrialKey("mobilenet_v2", 1), TrialKey("vit_tiny.augreg", 10, 3)])
def test_a_trial_is_known_by_its_name(key: TrialKey) -> None:
    assert TrialKey.from_name(key.name) == key


@pytest.mark.parametrize("name", ["", "fold-1", "mobilenet_v2/fold-x", "mobilenet_v2/fold-1-seed-", "a/b"])
def test_what_is_no_trial_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a trial"):
        TrialKey.from_name(name)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (TrialKey("mobilenet_v2", 1), "mobilenet_v2/fold-1"),
        (TrialKey("mobilenet_v2", 12, 3), "mobilenet_v2/fold-12-seed-3"),
        (TrialKey("mobilenet_v2", 2, 0, 1), "mobilenet_v2/fold-2-inner-1"),
        (TrialKey("hf/some.net", 2, 7, 3), "hf/some.net/fold-2-inner-3-seed-7"),
    ],
)
def test_a_trials_name_reads_back(make_run: MakeRun, key: TrialKey, name: str) -> None:
    assert key.name == name
    assert TrialKey.from_name(name) == key
    folder = make_run()
    write_status(folder, replace(read_status(folder), trials=(TrialStatus.queued(key),)))
    assert read_status(folder).trials[0].key == key


@pytest.mark.parametrize("name", ["fold-1", "net/fold-", "net/fold-1-seed-2-inner-1", "net/fold-1-inner-", "net/x"])
def test_what_is_no_trials_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a trial"):
        TrialKey.from_name(name)

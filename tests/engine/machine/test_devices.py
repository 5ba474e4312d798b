"""Which workers a run gets; a machine's GPUs are given, since tests run where there are none."""

from __future__ import annotations

import pytest

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.machine import gpus
from aimic_tui.engine.machine.devices import find_slots, worker_environment
from aimic_tui.engine.machine.gpus import Gpu, usable_gpus
from aimic_tui.engine.machine.quotas import available_processors


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = tuple(Gpu(number, "H100", f"GPU-{number}{number}", 80 * 10**9) for number in range(4))
    monkeypatch.setattr(gpus, "all_gpus", lambda: found)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "all_gpus", lambda: ())


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_the_processors_are_divided_among_the_workers() -> None:
    (alone,) = find_slots("auto", workers=1, threads=0)
    assert (alone.device, alone.threads) == ("cpu", available_processors())
    assert [slot.threads for slot in find_slots("cpu", workers=3, threads=2)] == [2, 2, 2]
    assert all(slot.threads >= 1 for slot in find_slots("cpu", workers=64, threads=0))


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ("auto", ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]),
        ("cuda", ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]),
        ("cuda:2, cuda:0", ["cuda:0", "cuda:2"]),
        ("cpu", ["cpu"]),
    ],
)
def test_each_gpu_that_is_wished_for_gets_one_worker(wish: str, names: list[str]) -> None:
    slots = find_slots(wish, workers=1, threads=0)
    assert [slot.device for slot in slots] == names
    assert [slot.number for slot in slots] == list(range(1, len(names) + 1))


@pytest.mark.usefixtures("four_gpus")
def test_a_worker_sees_its_own_gpu_only() -> None:
    slot = find_slots("cuda:2", workers=1, threads=5)[0]
    environment = worker_environment(slot, {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-22"
    assert environment["OMP_NUM_THREADS"] == "5"
    assert environment["PATH"] == "/bin"


@pytest.mark.usefixtures("four_gpus")
@pytest.mark.parametrize(
    ("allowed", "visible"),
    [("3,1", ["3", "1"]), ("GPU-22", ["GPU-22"]), ("1,-1,2", ["1"]), ("", []), ("7", [])],
)
def test_a_choice_of_gpus_by_the_environment_is_kept(
    monkeypatch: pytest.MonkeyPatch, allowed: str, visible: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert [gpu.visible for gpu in usable_gpus()] == visible
    assert [gpu.number for gpu in usable_gpus()] == list(range(len(visible)))


@pytest.mark.usefixtures("four_gpus")
def test_gpus_that_share_a_trial_are_one_place_and_seen_together() -> None:
    first, second = find_slots("auto", workers=1, threads=0, ranks=2)
    assert (first.device, first.visible, first.ranks) == ("cuda:0+1", "GPU-00,GPU-11", 2)
    assert (second.device, second.visible) == ("cuda:2+3", "GPU-22,GPU-33")
    (alone,) = find_slots("auto", workers=1, threads=0, ranks=3)  # the fourth has nobody to share with
    assert alone.device == "cuda:0+1+2"
    with pytest.raises(InputProblem, match=r"data_parallel = 2: there is only one GPU"):
        find_slots("cuda:1", workers=1, threads=0, ranks=2)


@pytest.mark.usefixtures("no_gpu")
def test_processes_that_share_a_trial_share_the_processors() -> None:
    (slot,) = find_slots("cpu", workers=1, threads=0, ranks=64)
    assert (slot.device, slot.ranks, slot.threads) == ("cpu", 64, max(1, available_processors() // 64))


@pytest.mark.usefixtures("four_gpus")
def test_a_gpu_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(InputProblem, match=r"no cuda:4, only cuda:0 to cuda:3"):
        find_slots("cuda:4", workers=1, threads=0)


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_where_there_is_none_is_a_sentence() -> None:
    with pytest.raises(InputProblem, match="no GPU"):
        find_slots("cuda", workers=1, threads=0)


@pytest.mark.parametrize("wish", ["", "gpu", "cuda:", "cuda:0;cuda:1", "cuda:0,cpu"])
def test_a_wish_that_is_not_understood_is_a_sentence(wish: str) -> None:
    with pytest.raises(UsageProblem, match=r"compute\.devices"):
        find_slots(wish, workers=1, threads=0)

"""What a run ran on, and what of it a resumed run keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.files import write_json
from aimic_tui.engine.machine.devices import Slot
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.prepare.environment import describe_environment, read_environment, resolve_threads


def slots(threads: int, count: int = 1, device: str = "cpu") -> list[Slot]:
    return [Slot(number, device, "", threads) for number in range(1, count + 1)]


def test_a_run_keeps_the_threads_that_it_began_with(make_run: Callable[..., RunFolder]) -> None:
    folder = make_run()
    write_json(folder.environment_file, describe_environment(["aimic", "train"]))
    assert resolve_threads(folder, slots(2), 0) == (tuple(slots(2)), "")
    environment = read_json(folder.environment_file)
    assert environment["threads"] == 2
    assert environment["command_line"] == ["aimic", "train"]

    # Two workers on the same processors would have one thread each, and other last digits.
    kept, sentence = resolve_threads(folder, slots(1, count=64), 0)
    assert [slot.threads for slot in kept] == [2] * 64
    assert "keeps the 2 processor threads" in sentence
    assert resolve_threads(folder, slots(2), 0) == (tuple(slots(2)), "")


def test_threads_that_are_set_are_taken_and_said(make_run: Callable[..., RunFolder]) -> None:
    folder = make_run()
    resolve_threads(folder, slots(2), 2)
    kept, sentence = resolve_threads(folder, slots(4), 4)
    assert kept[0].threads == 4
    assert "started with 2 processor threads per worker and continues with 4" in sentence
    assert resolve_threads(folder, slots(9, device="cuda:0"), 0) == (tuple(slots(9, device="cuda:0")), "")


def test_a_damaged_environment_stops_nothing(make_run: Callable[..., RunFolder]) -> None:
    folder = make_run()
    folder.environment_file.write_text("{")
    assert resolve_threads(folder, slots(1), 0) == (tuple(slots(1)), "")


def test_of_a_damaged_environment_what_can_be_read_is_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert read_environment(run) == {}
    write_json(
        run.environment_file,
        {"aimic": "0.2", "python": ["3"], "versions": "many", "devices": [{"device": 3}], "threads": -4, "later": [1]},
    )
    assert read_environment(run) == {"aimic": "0.2", "later": [1]}
    run.environment_file.write_text("[" * 100_000)
    assert read_environment(run) == {}

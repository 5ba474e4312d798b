"""What killed work leaves, and what living work must keep."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from aimic_tui.engine.files import FileLock, replacing, write_atomically
from aimic_tui.engine.litter import IN_USE, remove_dead, temporary_folder


def make_old(path: Path) -> None:
    before = time.time() - 3600
    os.utime(path, (before, before))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_killed_commands_folder_goes_at_the_next_start_of_its_kind(temporary: Path) -> None:
    for name in ("aimic-audit-dead", "aimic-other-dead", "aimic-audit-alive", "aimic-audit-young"):
        (temporary / name).mkdir()
        (temporary / name / "events.jsonl").write_text("{}\n")
    alive = FileLock(temporary / "aimic-audit-alive" / IN_USE)
    assert alive.acquire()
    for name in ("aimic-audit-dead", "aimic-other-dead", "aimic-audit-alive"):
        make_old(temporary / name)
    with temporary_folder("aimic-audit-") as folder:
        there = {path.name for path in temporary.iterdir()} - {folder.name}
        assert there == {"aimic-other-dead", "aimic-audit-alive", "aimic-audit-young"}
        make_old(folder)
        remove_dead(temporary, "aimic-audit-")
        assert folder.is_dir()
    assert not folder.exists()
    alive.release()


def test_a_link_and_a_file_are_left_alone(temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "file").write_text("mine")
    (temporary / "aimic-audit-link").symlink_to(elsewhere)
    (temporary / "aimic-audit-file").write_text("")
    make_old(elsewhere)
    make_old(temporary / "aimic-audit-file")
    remove_dead(temporary, "aimic-audit-")
    assert (elsewhere / "file").exists() and (temporary / "aimic-audit-file").exists()


def test_what_a_killed_writer_left_goes_with_the_next_write_of_the_file(tmp_path: Path) -> None:
    dead, young, other = (tmp_path / f".{name}.part" for name in ("a.csv.1", "a.csv.2", "b.csv.1"))
    for path in (dead, young, other):
        path.write_text("half")
    make_old(dead)
    make_old(other)
    write_atomically(tmp_path / "a.csv", "whole")
    assert (dead.exists(), young.exists(), other.exists()) == (False, True, True)


def test_a_writer_that_is_at_work_for_long_keeps_its_file(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.csv") as file:
        (part,) = tmp_path.glob("*.part")
        make_old(part)
        write_atomically(tmp_path / "a.csv", "another's")
        file.write(b"mine")
    assert (tmp_path / "a.csv").read_bytes() == b"mine"

"""Checkpoints: whole, of this trial, and never both lost."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.files import digest_of_file
from aimic_tui.engine.training.checkpoint import Checkpoints, Identity

IDENTITY = Identity("resnet50", 1, 0, ("a", "b"), "e" * 64, "s" * 64)


def content(epoch: int) -> dict:
    return {"epoch": epoch, "network": {"weight": torch.full((1000,), float(epoch))}, "rate": 0.1, "nothing": None}


def saved(folder: Path, epochs: int) -> Checkpoints:
    checkpoints = Checkpoints(folder / "checkpoint.pt", IDENTITY)
    for epoch in range(1, epochs + 1):
        checkpoints.save(content(epoch), None)
    return checkpoints


def fresh(folder: Path, identity: Identity = IDENTITY) -> Checkpoints:
    return Checkpoints(folder / "checkpoint.pt", identity)


def damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_the_newest_is_loaded_as_it_was(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    loaded = fresh(tmp_path).load()
    assert loaded.content is not None and loaded.warnings == ()
    assert loaded.content["epoch"] == 3 and loaded.content["nothing"] is None
    assert torch.equal(loaded.content["network"]["weight"], content(3)["network"]["weight"])


def test_two_are_kept_each_with_its_digest(tmp_path: Path) -> None:
    saved(tmp_path, 4)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "checkpoint.pt",
        "checkpoint.pt.sha256",
        "checkpoint-older.pt",
        "checkpoint-older.pt.sha256",
    }
    digest = (tmp_path / "checkpoint.pt.sha256").read_text().split()[0]
    assert digest == digest_of_file(tmp_path / "checkpoint.pt")


def test_without_any_the_trial_starts_anew(tmp_path: Path) -> None:
    loaded = fresh(tmp_path).load()
    assert loaded.content is None and loaded.warnings == ()


def test_a_flipped_bit_in_the_newest_is_noticed_and_the_older_one_is_used(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    damage(tmp_path / "checkpoint.pt")
    checkpoints = fresh(tmp_path)
    loaded = checkpoints.load()
    assert loaded.content is not None and loaded.content["epoch"] == 2
    assert len(loaded.warnings) == 1 and "damaged" in loaded.warnings[0]
    # The good one is not pushed out by the damaged one when the trial goes on.
    checkpoints.save(content(3), None)
    damage(tmp_path / "checkpoint.pt")
    again = fresh(tmp_path).load()
    assert again.content is not None and again.content["epoch"] == 2


def test_both_damaged_start_the_trial_anew_with_a_warning_each(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    damage(tmp_path / "checkpoint.pt")
    (tmp_path / "checkpoint-older.pt").write_bytes(b"")
    loaded = fresh(tmp_path).load()
    assert loaded.content is None and len(loaded.warnings) == 2
    assert "starts from the beginning" in loaded.warnings[1]


@pytest.mark.parametrize("gone", [["checkpoint.pt"], ["checkpoint.pt.sha256", "checkpoint-older.pt.sha256"]])
def test_a_missing_file_never_fails(tmp_path: Path, gone: list[str]) -> None:
    saved(tmp_path, 2)
    for name in gone:
        (tmp_path / name).unlink()
    loaded = fresh(tmp_path).load()
    assert loaded.content is None or loaded.content["epoch"] == 1


def test_a_kill_between_any_two_renames_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    replace_file = Path.replace
    for survived in range(5):
        folder = tmp_path / str(survived)
        folder.mkdir()
        checkpoints = saved(folder, 2)
        left = survived

        def dying(self: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return replace_file(self, target)

        monkeypatch.setattr(Path, "replace", dying)
        try:
            checkpoints.save(content(3), None)
            ended = 3
        except Killed:
            ended = 2
        monkeypatch.setattr(Path, "replace", replace_file)
        loaded = fresh(folder).load()
        assert loaded.content is not None and loaded.content["epoch"] in {ended, 3}
        assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (replace(IDENTITY, fold=2), "fold"),
        (replace(IDENTITY, network="vgg16"), "network"),
        (replace(IDENTITY, experiment_digest="x"), "experiment"),
        (replace(IDENTITY, split_digest="x"), "split"),
        (replace(IDENTITY, classes=("b", "a")), "classes"),
    ],
)
def test_another_trials_checkpoint_is_refused(tmp_path: Path, other: Identity, word: str) -> None:
    saved(tmp_path, 1)
    with pytest.raises(InputProblem, match=f"belongs to another {word}"):
        fresh(tmp_path, other).load()


def test_a_full_disk_is_a_sentence_and_leaves_the_old_checkpoint_and_no_litter(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        with pytest.raises(AimicError, match=r"checkpoint.pt can't be written: .*aimic resume") as caught:
            checkpoints.save({"network": torch.zeros(100_000)}, None)
        with pytest.raises(AimicError):
            checkpoints.save_best(3, {"weight": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_best_weights_stay_as_long_as_a_checkpoint_points_to_them(tmp_path: Path) -> None:
    checkpoints = fresh(tmp_path)
    best = checkpoints.save_best(1, {"weight": torch.ones(3)})
    checkpoints.save(content(1), best)
    better = checkpoints.save_best(2, {"weight": torch.full((3,), 2.0)})
    checkpoints.save(content(2), better)
    assert {path.name for path in tmp_path.glob("best-*.pt")} == {"best-0001.pt", "best-0002.pt"}
    damage(tmp_path / "checkpoint.pt")
    loaded = fresh(tmp_path).load()
    assert loaded.best == best
    assert torch.equal(fresh(tmp_path).load_best(best)["weight"], torch.ones(3))
    for epoch in (3, 4):
        checkpoints.save(content(epoch), better)
    assert {path.name for path in tmp_path.glob("best-*.pt")} == {"best-0002.pt"}


def test_a_finished_trial_keeps_one_checkpoint_and_the_best_weights(tmp_path: Path) -> None:
    checkpoints = fresh(tmp_path)
    for epoch in (1, 2, 3):
        best = checkpoints.save_best(epoch, {"weight": torch.full((3,), float(epoch))})
        checkpoints.save(content(epoch), best)
    checkpoints.remove_older(best)
    whole = {"checkpoint.pt", "best-0003.pt"}
    assert {path.name for path in tmp_path.iterdir()} == whole | {f"{name}.sha256" for name in whole}
    assert fresh(tmp_path).load().best == best


def test_a_network_that_is_the_best_one_is_written_once(tmp_path: Path) -> None:
    checkpoints, network = fresh(tmp_path), content(1)["network"]
    best = checkpoints.save_best(1, network)
    checkpoints.save(content(1) | {"network": None}, best)
    loaded = fresh(tmp_path).load().content
    assert loaded is not None and torch.equal(loaded["network"]["weight"], network["weight"])


def test_a_checkpoint_whose_best_weights_are_damaged_is_not_used(tmp_path: Path) -> None:
    checkpoints = fresh(tmp_path)
    checkpoints.save(content(1), checkpoints.save_best(1, {"weight": torch.ones(3)}))
    checkpoints.save(content(2), checkpoints.save_best(2, {"weight": torch.ones(3)}))
    damage(tmp_path / "best-0002.pt")
    loaded = fresh(tmp_path).load()
    assert loaded.content is not None and loaded.content["epoch"] == 1


def test_a_checkpoint_that_would_run_code_is_not_loaded(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    file = tmp_path / "checkpoint.pt"
    torch.save(Malicious(), file)
    (tmp_path / "checkpoint.pt.sha256").write_text(f"{digest_of_file(file)}  checkpoint.pt\n")
    assert fresh(tmp_path).load().content is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"content": None},
        {"identity": 3},
        {"best": {"epoch": 1, "file": "../../weights.pt", "digest": "0" * 64}},
        {"best": {"epoch": "1"}},
        {"best": [1]},
        {"format": [1]},
    ],
)
def test_a_checkpoint_of_another_shape_is_damaged_whatever_its_digest_says(tmp_path: Path, changes: dict) -> None:
    saved(tmp_path, 1)
    file = tmp_path / "checkpoint.pt"
    torch.save({**torch.load(file, weights_only=True), **changes}, file)
    (tmp_path / "checkpoint.pt.sha256").write_text(digest_of_file(file))
    loaded = fresh(tmp_path).load()
    assert loaded.content is None
    assert loaded.warnings == ("The checkpoint checkpoint.pt is damaged; the trial starts from the beginning.",)

"""Checkpoints: after every epoch, everything needed to continue a trial as if it had never stopped.

The last two are on disk, each with its SHA-256 beside it (torch and safetensors both load a flipped bit silently). The
best epoch's weights are in a separate file that checkpoints point to, so they are written once. Every file is
written under a temporary name and renamed, so a kill or a full disk at any moment leaves an intact checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor

from aimic_tui.engine.bounded_files import read_end
from aimic_tui.engine.errors import AimicError, InputProblem, StorageProblem
from aimic_tui.engine.files import digest_of_file, replacing
from aimic_tui.engine.system_errors import is_disk_full
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import text, whole

_FORMAT = 1


@dataclass(frozen=True)
class Identity:
    """Which trial a checkpoint belongs to: another one's weights may have been trained on this fold's test images."""

    network: str
    fold: int
    seed: int
    classes: tuple[str, ...]
    experiment_digest: str
    split_digest: str


@dataclass(frozen=True)
class BestWeights:
    """The file with the best epoch's weights, beside the checkpoint, and its SHA-256."""

    epoch: int
    file: str
    digest: str


@dataclass(frozen=True)
class LoadedCheckpoint:
    """The checkpoint to continue from.

    Attributes:
        content: the argument of `save`, tensors on the CPU; None where the trial starts from the beginning.
        best: the best epoch's weights so far.
        warnings: sentences about damaged checkpoints.
    """

    content: dict[str, Any] | None
    best: BestWeights | None
    warnings: tuple[str, ...]


class Checkpoints:
    """The checkpoints of one trial.

    Args:
        file: the path of the newest one; the older one, the digests and the best weights are beside it.
        identity: of the trial; checkpoints of another one are refused.
    """

    def __init__(self, file: Path, identity: Identity) -> None:
        self._newest = file
        self._older = file.with_name(f"{file.stem}-older{file.suffix}")
        self._identity = identity
        self._best_files: list[str] = []  # that the checkpoints on disk point to, newest last
        self._newest_is_intact = True

    def save(self, content: Mapping[str, Any], best: BestWeights | None) -> None:
        """Write the checkpoint of an epoch; the previous one becomes the older one.

        Args:
            content: plain values and tensors; its "network" may be None where it is that of the best epoch, which is
                then not written twice.

        Raises:
            StorageProblem: the disk is full or gone. The existing checkpoints are unharmed.
        """
        record = {
            "format": _FORMAT,
            "identity": asdict(self._identity) | {"classes": list(self._identity.classes)},
            "best": asdict(best) if best else None,
            "content": dict(content),
        }
        # A damaged newest one must not replace the older one that the trial was continued from.
        self._write(self._newest, record, keep_older=self._newest_is_intact)
        self._newest_is_intact = True
        self._best_files = [*self._best_files[-1:], best.file if best else ""]
        self._remove_best_except(set(self._best_files))

    def save_best(self, epoch: int, network: Mapping[str, Tensor]) -> BestWeights:
        """Write the weights of the best epoch so far; the next checkpoint points to them.

        Raises:
            StorageProblem: the disk is full or gone.
        """
        file = self._newest.with_name(best_file(epoch))
        return BestWeights(epoch, file.name, self._write(file, dict(network), keep_older=False))

    def load_best(self, best: BestWeights) -> dict[str, Tensor]:
        """Return the best epoch's weights, on the CPU.

        Raises:
            AimicError: it is damaged or gone.
        """
        path = self._newest.with_name(best.file)
        if not _is_intact(path, {best.digest}):
            raise AimicError(
                f"{printable(str(path))}, the weights of the best epoch, is damaged or gone. Remove the trial's folder "
                "and `aimic resume` the run to train it anew."
            )
        return self._weights(best)

    def _weights(self, best: BestWeights) -> dict[str, Tensor]:
        path = self._newest.with_name(best.file)
        return cast(dict[str, Tensor], torch.load(path, map_location="cpu", weights_only=True))

    def load(self) -> LoadedCheckpoint:
        """Return the newest intact checkpoint.

        Raises:
            InputProblem: it belongs to another trial.
        """
        self._newest_is_intact = True
        digests = {digest for file in (self._newest, self._older) if (digest := _digest_beside(file))}
        existing = [file for file in (self._newest, self._older) if file.exists()]
        warnings: list[str] = []
        for number, file in enumerate(existing):
            record = _read(file, digests)
            best = BestWeights(**record["best"]) if record and record["best"] else None
            if record is not None:
                self._check(file, record["identity"])
                if best is None or _is_intact(file.with_name(best.file), {best.digest}):
                    self._best_files = [best.file if best else ""]
                    content = record["content"]
                    if best is not None and content["network"] is None:
                        content["network"] = self._weights(best)
                    return LoadedCheckpoint(content, best, tuple(warnings))
            if file == self._newest:
                self._newest_is_intact = False
            then = "the one before it is used" if number + 1 < len(existing) else "the trial starts from the beginning"
            warnings.append(f"The checkpoint {printable(file.name)} is damaged; {then}.")
        return LoadedCheckpoint(None, None, tuple(warnings))

    def remove_older(self, best: BestWeights) -> None:
        """Remove the older checkpoint and all best weights but the last: a finished trial doesn't need them."""
        self._older.unlink(missing_ok=True)
        _digest_file(self._older).unlink(missing_ok=True)
        self._remove_best_except({best.file})

    def _remove_best_except(self, names: set[str]) -> None:
        for file in self._newest.parent.glob("best-*.pt"):
            if file.name not in names:
                file.unlink(missing_ok=True)
                _digest_file(file).unlink(missing_ok=True)

    def _check(self, file: Path, found: Mapping[str, Any]) -> None:
        expected = asdict(self._identity) | {"classes": list(self._identity.classes)}
        names = {"experiment_digest": "experiment", "split_digest": "split"}
        other = [names.get(key, key) for key, value in expected.items() if found.get(key) != value]
        if other:
            raise InputProblem(
                f"{printable(str(file))} belongs to another {' and '.join(other)} and is not used. Move it "
                "away to train this trial from its start."
            )

    def _write(self, path: Path, value: dict[str, Any], *, keep_older: bool) -> str:
        """Write `value` and its digest; return the digest."""
        writer: _DigestingWriter | None = None
        try:
            # The digest's file is renamed first: between the two renames, the older checkpoint is the only intact one.
            with replacing(path) as file, replacing(_digest_file(path)) as digest_file:
                writer = _DigestingWriter(file)
                torch.save(value, cast(IO[bytes], writer))
                file.flush()
                os.fsync(file.fileno())
                digest = writer.digest.hexdigest()
                digest_file.write(f"{digest}  {path.name}\n".encode())
                digest_file.flush()
                os.fsync(digest_file.fileno())
                if keep_older and path.exists():
                    path.replace(self._older)
                    _digest_file(path).replace(_digest_file(self._older))
            return digest
        except (OSError, RuntimeError) as error:
            # torch replaces the file's error with its own; the writer still has the original.
            cause = (writer.error if writer else None) or error
            if not isinstance(cause, OSError):
                raise
            why = cause.strerror or str(cause)
            full = is_disk_full(cause)
        raise StorageProblem(
            f"{printable(str(path))} can't be written: {why}. Make room there and `aimic resume` the run; it continues "
            "after the last finished epoch.",
            retry=not full,
            code="disk-full" if full else "storage",
        )


def best_file(epoch: int) -> str:
    """Return the name of the file with an epoch's weights, where that epoch is the best so far."""
    return f"best-{epoch:04d}.pt"


class _DigestingWriter:
    """A file for `torch.save` that also computes the digest of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def _digest_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _digest_beside(path: Path) -> str | None:
    try:
        return read_end(_digest_file(path)).split()[0]
    except (OSError, ValueError, IndexError):
        return None


def _is_intact(path: Path, digests: set[str]) -> bool:
    try:
        return digest_of_file(path) in digests
    except OSError:
        return False


def _read(path: Path, digests: set[str]) -> dict[str, Any] | None:
    """Return a checkpoint's dict, or None where it is damaged or of a format this program doesn't know."""
    if not _is_intact(path, digests):
        return None
    try:
        record = torch.load(path, map_location="cpu", weights_only=True)
        if record["format"] != _FORMAT or not isinstance(record["content"], dict):
            return None
        dict(record["identity"])
        if (best := record["best"]) is not None:
            named = BestWeights(whole(best["epoch"]), text(best["file"]), text(best["digest"]))
            if named.file != best_file(named.epoch):
                return None
        return cast(dict[str, Any], record)
    except Exception:  # what a damaged archive holds can fail in any way
        return None

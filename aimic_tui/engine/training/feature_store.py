"""Features of a frozen network, stored beside the cached images: all folds of a run use the same ones.

A file's name is a digest of everything that determines the features: the images as the image cache identifies them,
the preprocessing, the network and its frozen weights, the arithmetic. The features are computed for all images that
any fold uses, always in the same batches, so a fold trains on the same bits whether it computed or loaded them. A
frozen network has not been trained on any of them, so features of test images leak nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from aimic_tui.engine.data.cache import FEATURES_SUFFIX, enforce_limit, images_key
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.models.build import head_tensors
from aimic_tui.engine.system_errors import explain
from aimic_tui.engine.text import bytes_text

_VERSION = 1
_TENSOR = "features"
_SPARE = 1 << 30  # bytes left free on the disk


class FeatureStore:
    """One file of features.

    Args:
        folder: of the caches.
        key: see `features_key`.
        images: the number of rows.
        limit: bytes that all caches of the folder may take.
        warn: receives a sentence where there is no room.
    """

    def __init__(self, folder: Path, key: str, images: int, *, limit: int, warn: Callable[[str], None]) -> None:
        self._path = folder / f"{key}{FEATURES_SUFFIX}"
        self._images, self._limit, self._warn = images, limit, warn

    def read(self) -> Tensor | None:
        """Return float32 [images, ...] on the CPU, or None where they have not been stored."""
        try:
            found = load_file(self._path)[_TENSOR]
        except (OSError, SafetensorError, KeyError):
            return None
        if len(found) != self._images:
            return None
        with suppress(OSError):  # the time of last use, by which caches are removed
            os.utime(self._path)
        return found

    def write(self, features: Tensor) -> None:
        """Store features for the next trial; where there is no room, warn and go on."""
        needed = features.numel() * features.element_size()
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if needed > self._limit or needed > shutil.disk_usage(folder).free - _SPARE:
                self._warn(
                    f"There is no room to store {bytes_text(needed)} of features (compute.cache_limit); each trial "
                    "computes them again."
                )
                return
            enforce_limit(folder, self._limit - needed)
            write_atomically(self._path, save({_TENSOR: features.contiguous()}))
        except OSError as error:
            self._warn(f"The features can't be stored, so each trial computes them again: {explain(error)}")


def features_key(
    network: nn.Module,
    name: str,
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    arithmetic: dict[str, Any],
    *,
    digests: Sequence[str] = (),
) -> str:
    """Return the digest of everything that determines the features.

    Args:
        network: the layers before its classifier compute them.
        name: in the catalogue.
        paths: of the images, in order.
        digests: of their contents, see `images_key`.
        arithmetic: what else determines their bits: format, batch size, device, versions.

    Raises:
        UnreadableImage: an image does not exist.
    """
    digest = hashlib.sha256(
        json.dumps(
            [_VERSION, name, images_key(paths, preprocessing, digests), preprocessing.to_json(), arithmetic],
            sort_keys=True,
        ).encode()
    )
    heads = head_tensors(network)
    for tensor_name, tensor in network.state_dict().items():
        if tensor_name not in heads:
            digest.update(f"{tensor_name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:40]

"""A small record of the images of a model's run, stored beside its weights: to tell whether new images resemble them.

reference.safetensors in a model's folder holds a sample of the images that the model was not trained on (its fold's
test and validation images): features, colour statistics, labels and predicted probabilities. It also holds the first
64 bits of the digests of the training images, so that these are recognised. Reading it needs neither torch nor the
data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_bytes, read_table, write_atomically
from aimic_tui.engine.inference.origin import find_origin
from aimic_tui.engine.models.model_folder import recorded_digest
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.typed_values import MALFORMED

FILE = "reference.safetensors"
_FORMAT = 1
_MOST_IMAGES, _FEWEST_IMAGES = 1000, 200
_FEATURES = 2_000_000  # in all: 4 MB in half precision

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reference:
    """A sample of n images that a model was not trained on, and which images it was trained on.

    Attributes:
        features: float16 [n, d], what entered the classifier's last layer.
        colours: float32 [n, 7], `colour_statistics.COLOUR_STATISTICS`.
        labels: int32 [n], codes of the model's classes.
        groups: uint64 [n], `group_codes` of their groups.
        tested: bool [n], True for test images, False for validation images.
        probabilities: float32 [n, c], as the model predicted.
        trained: uint64 [m], ascending: `short_digest` of each training image; empty where they are unknown.
        weights: SHA-256 of the model's weights.
    """

    features: NDArray[np.float16]
    colours: NDArray[np.float32]
    labels: NDArray[np.int32]
    groups: NDArray[np.uint64]
    tested: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    trained: NDArray[np.uint64]
    weights: str


_TENSORS = tuple(field.name for field in fields(Reference) if field.name != "weights")


def short_digest(digest: str) -> int:
    """Return the first 64 bits of a SHA-256 that is given in hexadecimal."""
    return int(digest[:16], 16)


def group_codes(names: Sequence[str]) -> NDArray[np.uint64]:
    """Return uint64 [n], equal for equal names, in any data set, and in practice only for these."""
    known: dict[str, int] = {}
    for name in names:
        if name not in known:
            known[name] = short_digest(digest_of_bytes(name.encode("utf-8", "surrogateescape")))
    return np.array([known[name] for name in names], np.uint64)


def choose_sample(test: Integers, validation: Integers, width: int) -> tuple[Integers, NDArray[np.bool_]]:
    """Choose the images to store: all test and validation images if they are few enough, else test images first.

    Args:
        test, validation: indices.
        width: number of features.

    Returns:
        The indices, ascending, and for each whether it is a test image. The same arguments give the same answer.
    """
    most = int(np.clip(_FEATURES // max(width, 1), _FEWEST_IMAGES, _MOST_IMAGES))
    generator = np.random.default_rng(0)
    from_test = np.sort(generator.permutation(test)[:most])
    rest = np.sort(generator.permutation(validation)[: most - len(from_test)])
    both = np.concatenate([from_test, rest]).astype(np.int64)
    tested = np.repeat([True, False], [len(from_test), len(rest)])
    order = np.argsort(both, kind="stable")
    return both[order], tested[order]


def trained_digests(manifest: Path, data_set: DataSet, train: Integers) -> NDArray[np.uint64]:
    """Return `Reference.trained` for images of a run, from its manifest.csv; empty where that can't be read."""
    try:
        digests = {row["image"]: row["digest"] for row in read_table(manifest)}
        found = [digests.get(data_set.images[index], "") for index in train]
        return np.unique(np.array([short_digest(digest) for digest in found if digest], np.uint64))
    except (OSError, *MALFORMED):
        return np.empty(0, np.uint64)


def write_reference(folder: Path, reference: Reference) -> None:
    """Write a reference into a model's folder.

    Raises:
        OSError: no space, or no permission.
    """
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(getattr(reference, name)) for name in _TENSORS}
    content = save(tensors, metadata={"format": str(_FORMAT), "weights": reference.weights})
    write_atomically(folder / FILE, content)


def read_reference(folder: Path, weights: str) -> Reference | None:
    """Read the reference in a model's folder; None where there is none, or it belongs to other weights.

    Args:
        weights: SHA-256 of the model's weights.

    Raises:
        InputProblem: it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            if about.get("format") != str(_FORMAT) or about.get("weights") != weights:
                return None
            tensors: dict[str, Any] = {name: file.get_tensor(name) for name in _TENSORS}
        found = Reference(**tensors, weights=weights)
        if len({len(getattr(found, name)) for name in _TENSORS if name != "trained"}) > 1 or found.features.ndim != 2:
            raise ValueError("its columns differ in length")
        return found
    except (OSError, ValueError, SafetensorError) as error:
        raise InputProblem(
            f"{printable(str(path))} is damaged ({one_line(str(error), 120)}). Delete it; it is made anew as "
            "long as the run's images are there."
        ) from None


def trained_images(folders: Sequence[Path]) -> NDArray[np.uint64] | None:
    """Return the short digests of all images that any of these models was trained on; None where that is unknown.

    A model whose reference doesn't hold them takes them from the run that its folder is in.
    """
    found = []
    for folder in folders:
        digests = None
        with suppress(InputProblem):
            reference = read_reference(folder, recorded_digest(folder))
            digests = None if reference is None else reference.trained
        if digests is None or not len(digests):
            digests = _from_run(folder)
        if digests is None or not len(digests):
            return None
        found.append(digests)
    return np.unique(np.concatenate(found))


def _from_run(folder: Path) -> NDArray[np.uint64] | None:
    try:
        origin = find_origin(folder)
    except InputProblem:
        return None
    return trained_digests(origin.manifest, origin.data_set, origin.train)

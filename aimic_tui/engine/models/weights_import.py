"""Put a file of weights into the offline folder: checked against its network, as safetensors, with its digest."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.files import digest_of_bytes, write_atomically
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.published import Publication
from aimic_tui.engine.models.weights import fitted, read_weights
from aimic_tui.engine.models.weights_folder import WeightsEntry, put_entry
from aimic_tui.engine.text import printable


def import_weights(
    path: Path, info: NetworkInfo, tag: str, folder: Path, publication: Publication | None = None, *, part: str = ""
) -> tuple[WeightsEntry, tuple[str, ...]]:
    """Convert the file `path` and add it to `folder` as a network's weights `tag`.

    Args:
        publication: what is known of the file where it was published; its input size, mean and standard deviation
            are otherwise the network's own.
        part: where the network lies in a file that holds several, as `teacher/backbone.`.

    Returns:
        The new entry, and what there is to say on what was taken and what was left.

    Raises:
        UsageProblem: a tag that can't be part of a file's name.
        InputProblem: the file can't be read, or is not for this network.
    """
    if not tag or not all(char.isalnum() or char in "._-" for char in tag) or tag.startswith("."):
        raise UsageProblem(f"{printable(tag)} can't be a tag: letters, digits, '.', '_' and '-' can.")
    size = publication.size if publication else info.input_size
    network = build_network(info.name, 2, size if _possible(info, size) else info.input_size)
    found = fitted(network, read_weights(path), info, printable(path.name), part)
    # Views of one storage, as tied weights are, are refused by the format: each tensor gets its own.
    content = save({name: tensor.contiguous().clone() for name, tensor in found.state.items()})
    entry = WeightsEntry(
        network=info.name,
        tag=tag,
        file=f"{info.name}.{tag}.safetensors",
        source=publication.address if publication else path.name,
        sha256=digest_of_bytes(content),
        bytes=len(content),
        mean=publication.mean if publication else info.mean,
        std=publication.std if publication else info.std,
        size=size,
        licence=publication.licence if publication else "",
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / entry.file, content)
    put_entry(entry, folder)
    return entry, found.remarks


def _possible(info: NetworkInfo, size: int) -> bool:
    try:
        info.check_size(size)
    except UsageProblem:
        return False
    return True

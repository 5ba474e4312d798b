"""The offline folder of published weights: files and a manifest that says what each is, digests included.

Training never downloads. `aimic weights fetch` and `aimic weights import` fill this folder; it can be copied
to a machine without network access. Nothing here needs torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import open_regular, parse_json, read_json
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.foreign_content import foreign_content
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import FileLock, digest_of_file, write_json
from aimic_tui.engine.models.catalogue import NetworkInfo, find_network
from aimic_tui.engine.models.model_folder import ModelCard, find_models, read_model_card, validation_value
from aimic_tui.engine.models.provenance import Provenance
from aimic_tui.engine.models.weights_suffixes import OTHER_PROGRAMS, WEIGHTS_SUFFIXES
from aimic_tui.engine.proposed_command import proposed_command
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.typed_values import MALFORMED, number, text, whole
from aimic_tui.engine.user_folders import data_folder, expanded

FORMAT = 1
MANIFEST = "manifest.json"
_HEADER_LIMIT = 16 << 20  # bytes; that of the largest network in the catalogue has some hundred thousand
_KEYWORD = "imagenet"
_PART_OF_SEVERAL = re.compile(r"-\d{5}-of-\d{5}\.|\.index\.json$")  # as Hugging Face names them
_TEXTS = (b"version ", b"<", b"{")  # how pointers of Git LFS, web pages and error messages begin
_MOST_TEXT = 1024


@dataclass(frozen=True)
class WeightsEntry:
    """One file of the folder.

    Attributes:
        network, tag: whose weights, and which of them.
        file: its name in the folder.
        source: the address or the file it came from.
        sha256: of the file in the folder.
        bytes: its size.
        mean, std, size: of the input that the weights expect (as `NetworkInfo`).
        licence: as far as the publisher says one; may be empty.
    """

    network: str
    tag: str
    file: str
    source: str
    sha256: str
    bytes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int
    licence: str


def fetch_command(network: str, tag: str = "") -> str:
    """Return the command that gets published weights, for a sentence."""
    return proposed_command("weights fetch", network, options=["--tag", tag] if tag else [])


def weights_folder() -> Path:
    """Return the folder: `$AIMIC_WEIGHTS`, else a place of this user's; it may not exist yet.

    Raises:
        InputProblem: there is no home folder to find it by.
    """
    chosen = os.environ.get("AIMIC_WEIGHTS")
    if chosen:
        return expanded(chosen)
    return data_folder("the folder of pre-trained weights", "AIMIC_WEIGHTS") / "weights"


def read_entries(folder: Path | None = None) -> tuple[WeightsEntry, ...]:
    """Return what the folder's manifest lists; nothing where there is no folder yet.

    Raises:
        InputProblem: the manifest can't be read.
    """
    path = (folder or weights_folder()) / MANIFEST
    try:
        value = read_json(path)
        if value["format"] > FORMAT:
            raise InputProblem(f"{printable(str(path))} was written by a newer aimic. Update aimic.")
        return tuple(_entry(item) for item in value["weights"])
    except FileNotFoundError:
        return ()
    except (OSError, *MALFORMED) as error:
        raise InputProblem(
            f"{printable(str(path))} can't be read: {one_line(repr(error))}. Import or fetch the weights again."
        ) from None


def _entry(item: dict[str, Any]) -> WeightsEntry:
    file = text(item["file"])
    if Path(file).name != file:
        raise ValueError(f"{file!r} is not the name of a file in the folder")
    return WeightsEntry(
        network=text(item["network"]),
        tag=text(item["tag"]),
        file=file,
        source=str(item.get("source", "")),
        sha256=text(item["sha256"]),
        bytes=whole(item["bytes"], high=2**60),
        mean=_three(item["mean"]),
        std=_three(item["std"]),
        size=whole(item["size"]),
        licence=str(item.get("licence", "")),
    )


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = (number(value) for value in values)
    return first, second, third


def put_entry(entry: WeightsEntry, folder: Path) -> None:
    """Add an entry to the manifest, in place of one for the same network and tag."""
    lock = FileLock(folder / ".lock")
    if not lock.acquire():
        raise InputProblem(f"Another command is writing to {printable(str(folder))}. Try again when it is done.")
    try:
        key = (entry.network, entry.tag)
        others = [other for other in read_entries(folder) if (other.network, other.tag) != key]
        entries = sorted([*others, entry], key=lambda item: (item.network, item.tag))
        write_json(folder / MANIFEST, {"format": FORMAT, "weights": [asdict(item) for item in entries]})
    finally:
        lock.release()


def check_entry(entry: WeightsEntry, folder: Path, *, digest: bool = True) -> None:
    """Compare a file of the folder with the manifest; without `digest` only its size.

    Raises:
        InputProblem: it is missing or not what was stored.
    """
    path = folder / entry.file
    again = f"Get it again with {fetch_command(entry.network, entry.tag)} or `aimic weights import`."
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputProblem(f"{printable(str(path))} can't be read: {error.strerror}. {printable(again)}") from None
    if size != entry.bytes or (digest and digest_of_file(path) != entry.sha256):
        raise InputProblem(
            f"{printable(str(path))} is not the file that was stored: its digest differs. {printable(again)}"
        )


def published_tag(spec: str) -> str | None:
    """Return the tag in `imagenet:TAG`, "" for plain `imagenet`, and None for a spec of another kind."""
    keyword, _, tag = spec.partition(":")
    return tag if keyword == _KEYWORD else None


def find_entry(spec: str, info: NetworkInfo, folder: Path | None = None) -> WeightsEntry:
    """Return the folder's entry that `imagenet` or `imagenet:TAG` means for a network.

    Plain `imagenet` is the network's first published tag; where the folder has only others, the first of these.

    Raises:
        InputProblem: the folder has none; the sentence says how to get it.
    """
    place = folder or weights_folder()
    tag = published_tag(spec) or ""
    entries = {entry.tag: entry for entry in read_entries(place) if entry.network == info.name}
    for wanted in [tag] if tag else [*info.weights, *entries]:
        if wanted in entries:
            return entries[wanted]
    if not info.weights and not tag:
        raise InputProblem(
            f"{info.name} has no published weights. Set model.weights=none to train it from scratch, or name a file.",
            key="model.weights",
        )
    which = f" {printable(tag)}" if tag else ""
    raise InputProblem(
        f"There are no pre-trained weights{which} for {info.name} in {printable(str(place))}. Run "
        f"{fetch_command(info.name, tag)} on a machine with network access and copy that folder here "
        "(AIMIC_WEIGHTS sets another folder), or set model.weights=none to train from scratch.",
        key="model.weights",
    )


def check_weights(spec: str, networks: Sequence[str], folder: Path | None = None) -> None:
    """Check before a run starts that its first weights are there; cheap, without torch.

    Args:
        spec: `none`, `imagenet`, `imagenet:TAG`, or the path of a weights file, a run, a trial or a model folder.
        networks: names of the catalogue, or of the installed libraries.

    Raises:
        InputProblem: what is missing, and what to do.
    """
    if spec == "none":
        return
    infos = [find_network(name) for name in networks]
    if published_tag(spec) is not None:
        place = folder or weights_folder()
        for info in infos:
            check_entry(find_entry(spec, info, place), place, digest=False)
        return
    path = expanded(spec)
    if path.is_dir():
        for info in infos:
            source_model(path, info.name)
        return
    check_weights_file(path)
    if len({info.name for info in infos}) > 1:
        raise InputProblem(
            f"{printable(str(path))} can't be the weights of several networks ({', '.join(i.name for i in infos)}). "
            "Choose one network, or set model.weights to imagenet or none.",
            key="model.weights",
        )


def check_weights_file(path: Path) -> None:
    """Refuse what can't be a file of weights, without reading all of it.

    Raises:
        InputProblem: missing, empty, of another kind, or a safetensors file that is cut off.
    """
    shown = printable(str(path))
    if not path.exists():
        raise InputProblem(
            f"model.weights: {shown} does not exist. Set it to none, imagenet, a weights file "
            f"({', '.join(WEIGHTS_SUFFIXES)}), or a run's, a trial's or a model's folder.",
            key="model.weights",
        )
    if _PART_OF_SEVERAL.search(path.name):
        raise InputProblem(
            f"{shown} is part of a model that is stored in several files. Join their tensors in one .safetensors file."
        )
    if path.suffix.lower() not in WEIGHTS_SUFFIXES:
        other = next((program for ending, program in OTHER_PROGRAMS.items() if path.name.lower().endswith(ending)), "")
        raise InputProblem(
            f"{shown} is a file of {other}, not of PyTorch. Get the network's weights for PyTorch."
            if other
            else f"{shown} is not a file of weights: its name must end in {', '.join(WEIGHTS_SUFFIXES)}."
        )
    try:
        with open_regular(path) as file:
            start = file.read(8)
            if not start:
                raise InputProblem(f"{shown} is empty.")
            if path.suffix.lower() != ".safetensors" and start.startswith(_TEXTS):
                _refuse_text(start + file.read(_MOST_TEXT), shown)
            if path.suffix.lower() == ".safetensors":
                length = int.from_bytes(start, "little")
                header = file.read(min(length, _HEADER_LIMIT))
                if len(header) < length:
                    _refuse_text(start + header[:_MOST_TEXT], shown)
                    raise InputProblem(f"{shown} is not a safetensors file, or it is cut off. Copy it again.")
                _check_safetensors(path, header, path.stat().st_size, shown)
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None


def _refuse_text(beginning: bytes, shown: str) -> None:
    foreign = foreign_content(beginning) if beginning.startswith(_TEXTS) else None
    if foreign is not None:
        raise InputProblem(f"{shown} is {foreign.what}, not weights. Download the file itself.")


def _check_safetensors(path: Path, header: bytes, size: int, shown: str) -> None:
    try:
        tensors = parse_json(header, path)
        ends = [whole(item["data_offsets"][1], high=2**60) for key, item in tensors.items() if key != "__metadata__"]
        end = max(ends, default=0)
    except MALFORMED:
        raise InputProblem(f"{shown} is not a safetensors file, or its beginning is damaged.") from None
    if size != 8 + len(header) + end:
        raise InputProblem(f"{shown} is cut off or damaged: {size} bytes of {8 + len(header) + end}. Copy it again.")


@dataclass(frozen=True)
class SourceModel:
    """One of our models, as the source of a network's initial weights.

    Attributes:
        folder: the model's folder.
        name: which it is and why it was taken, printable: "fold 3 of the run X (epoch 7, ...)".
        preprocessing: of its images.
        provenance: from its card.
    """

    folder: Path
    name: str
    preprocessing: Preprocessing
    provenance: Provenance


def source_model(target: Path, network: str) -> SourceModel:
    """Return the model that a run, a trial or a model folder gives as first weights of `network`.

    Of several folds' models it is the one with the best validation figure.

    Raises:
        InputProblem: there is none of this network.
    """
    models = find_models(target, network)
    folder = max(models, key=lambda model: _or_lowest(validation_value(model)))
    card = read_model_card(folder)
    return SourceModel(folder, _name_of(folder, card, len(models)), card.preprocessing, card.provenance)


def _name_of(folder: Path, card: ModelCard, among: int) -> str:
    made = card.provenance
    if not made.run or not made.fold:
        return f"the model {printable('/'.join(folder.absolute().parts[-2:]))}"
    facts = [f"epoch {made.epoch}"]
    value = made.monitored_value
    if value is not None:
        facts.append(f"validation {made.monitor.replace('_', ' ').replace(' f1', ' F1')} {value:.3f}")
    if among > 1:
        facts.append(f"the best of its {among} there")
    seed = f", seed {made.seed}" if made.seed else ""
    return printable(f"fold {made.fold}{seed} of the run {made.run} ({', '.join(facts)})")


def _or_lowest(value: float | None) -> float:
    return float("-inf") if value is None else value


def normalisation(
    spec: str, info: NetworkInfo, folder: Path | None = None
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the mean and standard deviation, of images scaled to [0, 1], that the first weights expect.

    They are those of the folder's entry, of our own model, or, where these don't say, of the catalogue.
    """
    if spec == "none":
        return info.mean, info.std
    if published_tag(spec) is not None:
        entry = find_entry(spec, info, folder)
        return entry.mean, entry.std
    path = expanded(spec)
    if path.is_dir():
        preprocessing = source_model(path, info.name).preprocessing
        return preprocessing.mean, preprocessing.std
    return info.mean, info.std


def input_size(spec: str, info: NetworkInfo) -> int:
    """Return the pixels a side that `model.image_size` = auto means: those of our own model that gives the first
    weights, else what the network was made for."""
    if spec == "none" or published_tag(spec) is not None or not expanded(spec).is_dir():
        return info.input_size
    return source_model(expanded(spec), info.name).preprocessing.image_size

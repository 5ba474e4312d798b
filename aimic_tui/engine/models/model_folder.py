"""A trained model on the disk: weights.safetensors and model.json, whole or not there.

model.json holds everything that using the weights takes: network, classes, preprocessing, provenance, and the
SHA-256 of the weights. Reading a model's card needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_bytes, digest_of_file, write_atomically, write_json
from aimic_tui.engine.models.provenance import Provenance
from aimic_tui.engine.run_folder import RunFolder, TrialFolder
from aimic_tui.engine.text import printable
from aimic_tui.engine.typed_values import MALFORMED, items, reason_in_words, text

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "model.json"
MOST_CLASSES = 10_000
"""Of a model: a card that speaks of more is damaged, and a network for them would not fit into memory."""


@dataclass(frozen=True)
class ModelCard:
    """What a model is.

    Attributes:
        network: of the catalogue.
        classes: in the order of the outputs.
        preprocessing: everything between a file and the network's input.
        provenance: where it comes from.
    """

    network: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    provenance: Provenance = field(default_factory=Provenance)


def save_model(folder: Path, card: ModelCard, state: Mapping[str, Tensor]) -> None:
    """Put a model into `folder`, in place of the one that is there.

    A reader or a crash at any moment finds the old model or the new one: until the new weights are in place,
    model.json describes both, and the digest of the weights says which it is.

    Args:
        state: the network's state dict, as `build_network` made it for this network, classes and size.

    Raises:
        OSError: no space, or no permission; the old model is then untouched.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    # Tensors that share memory, as tied weights do, are stored once each: the file is read without torch's aliases.
    content = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()})
    new = {
        "format": FORMAT,
        "network": card.network,
        "classes": list(card.classes),
        "preprocessing": card.preprocessing.to_json(),
        "provenance": card.provenance.to_json(),
        "weights": {"file": WEIGHTS_FILE, "sha256": digest_of_bytes(content), "bytes": len(content)},
    }
    card_file = folder / CARD_FILE
    try:
        old = read_json(card_file)
    except (OSError, ValueError):
        old = None
    if old is not None:
        old.pop("previous", None)
        write_json(card_file, {**new, "previous": old})
    write_atomically(folder / WEIGHTS_FILE, content)
    write_json(card_file, new)


def read_model_card(folder: Path) -> ModelCard:
    """Read what the model in `folder` is, without reading its weights.

    Raises:
        InputProblem: there is no model, or its card can't be read.
    """
    return _card(folder, _read(folder))


def read_checked_model(folder: Path) -> tuple[ModelCard, Path, str]:
    """Return the card, the file of the weights, and their SHA-256 after comparing it with the card's.

    Raises:
        InputProblem: there is no model, or its weights are not those that were saved.
    """
    value = _read(folder)
    weights = folder / WEIGHTS_FILE
    try:
        digest = digest_of_file(weights)
    except OSError as error:
        raise InputProblem(
            f"{printable(str(weights))} can't be read: {error.strerror}. Use another fold's model, or train again."
        ) from None
    previous = value.get("previous")
    for candidate in (value, previous if isinstance(previous, dict) else {}):
        known = candidate.get("weights")
        if isinstance(known, dict) and known.get("sha256") == digest:
            return _card(folder, candidate), weights, digest
    raise InputProblem(
        f"{printable(str(weights))} is damaged: its content is not what {CARD_FILE} beside it says. "
        "Use another fold's model, or train again."
    )


def recorded_digest(folder: Path) -> str:
    """Return the SHA-256 of the weights as the card says it, without reading them; empty where it says none.

    Raises:
        InputProblem: there is no model, or its card can't be read.
    """
    known = _read(folder).get("weights")
    return str(known.get("sha256", "")) if isinstance(known, dict) else ""


def _read(folder: Path) -> dict[str, Any]:
    path = folder / CARD_FILE
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise InputProblem(f"{printable(str(folder))} holds no model: there is no {CARD_FILE} in it.") from None
    except OSError as error:
        raise InputProblem(f"{printable(str(path))} can't be read: {error.strerror}.") from None
    if not isinstance(value.get("format"), int):
        raise InputProblem(f"{printable(str(path))} is not the card of an aimic model.")
    if value["format"] > FORMAT:
        raise InputProblem(
            f"{printable(str(path))} was written by a newer aimic (format {value['format']}, known here: {FORMAT}). "
            "Update aimic."
        )
    return value


def _card(folder: Path, value: dict[str, Any]) -> ModelCard:
    try:
        classes = items(value["classes"], text)
        if not 1 <= len(classes) <= MOST_CLASSES or len(set(classes)) < len(classes):
            raise ValueError(f"there are {len(classes)} classes, where 1 to {MOST_CLASSES} different ones can be")
        return ModelCard(
            network=text(value["network"]),
            classes=classes,
            preprocessing=Preprocessing.from_json(value["preprocessing"]),
            provenance=Provenance.from_json(value.get("provenance") or {}),
        )
    except InputProblem as problem:
        raise InputProblem(f"{printable(str(folder / CARD_FILE))}: {problem.sentence}") from None
    except MALFORMED as error:
        raise InputProblem(
            f"{printable(str(folder / CARD_FILE))} is damaged: {reason_in_words(error)}. "
            "Use another fold's model, or train again."
        ) from None


def find_models(target: Path, network: str | None = None) -> list[Path]:
    """Return the model folders that a path stands for, all of one network, in the order of folds and seeds.

    Args:
        target: a model folder, a trial's folder, or a run's folder.
        network: whose models to take from a run; None takes the network with the best mean of the validation
            figure that chose its epochs (never a test figure).

    Raises:
        InputProblem: there is no model here, or none of that network.
    """
    if not target.exists():
        raise InputProblem(f"{printable(str(target))} does not exist. Name a run, a trial or a model folder.")
    for folder in (target, TrialFolder(target).model_folder):
        if (folder / CARD_FILE).is_file():
            found = read_model_card(folder).network
            if network not in (None, found):
                raise InputProblem(f"{printable(str(folder))} is a model of {found}, not of {printable(str(network))}.")
            return [folder]
    by_network = _models_of_run(target)
    if not by_network:
        raise InputProblem(
            f"{printable(str(target))} holds no trained model. Name a run in which a trial has finished its first "
            "epoch, a trial's folder, or a folder with model.json."
        )
    if network is not None:
        if network not in by_network:
            known = printable(", ".join(sorted(by_network)))
            raise InputProblem(f"{printable(str(target))} has no model of {printable(network)}; it has {known}.")
        return by_network[network]
    return max(sorted(by_network.items()), key=lambda item: _mean_validation(item[1]))[1]


def _models_of_run(run: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for trial in RunFolder(run).trials():
        if not trial.key.inner and (trial.model_folder / CARD_FILE).is_file():
            found.setdefault(trial.key.network, []).append(trial.model_folder)
    return found


def _mean_validation(models: list[Path]) -> float:
    values = [value for value in map(validation_value, models) if value is not None]
    return mean(values) if values else float("-inf")


def validation_value(model: Path) -> float | None:
    """Return the validation metric that selected a model's epoch, higher being better; None where it is unknown."""
    provenance = read_model_card(model).provenance
    value = provenance.monitored_value
    return -value if value is not None and provenance.monitor == "loss" else value

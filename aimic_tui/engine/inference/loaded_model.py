"""A trained model ready for inference: built, its weights checked and loaded, optimised for its device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.inference.fusion import fuse
from aimic_tui.engine.models.build import build_network, features, logits_from_features
from aimic_tui.engine.models.model_folder import CARD_FILE, ModelCard, read_checked_model
from aimic_tui.engine.models.weights import read_weights, restore
from aimic_tui.engine.text import printable


@dataclass(frozen=True)
class LoadedModel:
    """A model on a device.

    Attributes:
        network: in evaluation mode; float [b, 3, S, S] -> logits [b, classes].
        digest: SHA-256 of its weights.
        folder: where it was loaded from.
    """

    card: ModelCard
    network: nn.Module
    digest: str
    device: torch.device
    folder: Path

    def prepare(self, images: NDArray[np.uint8]) -> Tensor:
        """Turn uint8 [b, S, S, 3] into the network's input, float [b, 3, S, S] on its device."""
        preprocessing = self.card.preprocessing
        # The bytes go to the device, a quarter of the floats; seen as [b, 3, S, S] they are channels-last already.
        batch = torch.from_numpy(images).to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        mean = torch.tensor(preprocessing.mean, device=self.device).view(1, 3, 1, 1)
        std = torch.tensor(preprocessing.std, device=self.device).view(1, 3, 1, 1)
        return batch.sub_(mean * 255).div_(std * 255)

    def probabilities(self, inputs: Tensor) -> NDArray[np.float64]:
        """Return float64 [b, classes], rows summing to 1, for what `prepare` returned."""
        with torch.inference_mode():
            logits = self.network(inputs)
        result: NDArray[np.float64] = logits.double().softmax(dim=1).cpu().numpy()
        return result

    def with_features(self, inputs: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return the probabilities [b, classes] and, float32 [b, d], what enters the classifier's last layer.

        Only for a model that was loaded with `fused=False`: folding takes the last layer's place away.
        """
        with torch.inference_mode():
            found = features(self.network, inputs)
            logits = logits_from_features(self.network, found)
        result: NDArray[np.float64] = logits.double().softmax(dim=1).cpu().numpy()
        return result, flat_features(found).cpu().numpy()


def flat_features(found: Tensor) -> Tensor:
    """Turn what `build.features` gives, [b, ...], into float32 [b, d]: maps and tokens are averaged over positions."""
    if found.dim() == 4:
        found = found.mean(dim=(2, 3))
    elif found.dim() == 3:
        found = found.mean(dim=1)
    return found.flatten(1).float()


def choose_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu`, `cuda` or `cuda:N` means.

    Raises:
        UsageProblem: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    count = torch.cuda.device_count()
    if kind != "cuda" or (number and not (number.isdecimal() and int(number) < count)) or not count:
        there = f"cpu and cuda:0 to cuda:{count - 1}" if count > 1 else "cpu and cuda" if count else "cpu"
        raise UsageProblem(
            f"There is no device {printable(name)} here; there is {there}. Set --device, or leave it out."
        )
    return torch.device(name)


def load_model(folder: Path, device: torch.device | str = "cpu", *, fused: bool = True) -> LoadedModel:
    """Load the model in `folder` for use.

    Args:
        fused: fold batch norms into convolutions, which is faster; not for `with_features`.

    Raises:
        InputProblem: no model there, or a damaged one, or one that does not fit its own card.
    """
    place = choose_device(device) if isinstance(device, str) else device
    card, file, digest = read_checked_model(folder)
    size = card.preprocessing.image_size
    try:
        network = build_network(card.network, len(card.classes), size)
    except UsageProblem as problem:  # nobody asked for this network but the card
        raise InputProblem(f"{printable(str(folder / CARD_FILE))}: {problem.sentence}") from None
    restore(network, read_weights(file), f"{printable(str(file))} ({card.network})")
    network = network.eval().to(device=place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not fused:
        return LoadedModel(card, network, digest, place, folder)
    sample = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    folded = fuse(network, sample.to(device=place, memory_format=torch.channels_last))
    return LoadedModel(card, folded.to(memory_format=torch.channels_last), digest, place, folder)

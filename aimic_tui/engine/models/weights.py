"""Initial weights of a network: from a file, the offline folder or one of our models, and which of them fitted.

Nothing here reaches the network, and no file can run code: safetensors holds none, and the others are read with
`weights_only=True`, which refuses whatever is not a tensor or a plain value.
"""

from __future__ import annotations

import argparse
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.models.build import head_tensors
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.libraries import timm, torchvision_models
from aimic_tui.engine.models.model_folder import read_checked_model
from aimic_tui.engine.models.weights_folder import (
    check_entry,
    check_weights_file,
    find_entry,
    published_tag,
    source_model,
    weights_folder,
)
from aimic_tui.engine.models.wrapped_weights import as_programs_name_it, choose, find_networks, tensors_by_name
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.engine.user_folders import expanded

_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_SHOWN = 3  # tensors named in a sentence
_EXTRA = 0.2  # a file with more foreign tensors than this share of the network's is another network's


@dataclass(frozen=True)
class WeightsReport:
    """What was loaded and what was not.

    Attributes:
        source: where the weights came from, printable.
        loaded: number of tensors that were loaded; `total` are in the network.
        loaded_parameters, parameters: the same, counting parameters.
        replaced: the classifier's tensors, which keep their new values.
        missing: tensors that the source doesn't have and the network can start without.
        unexpected: tensors of the source that the network doesn't have.
        remarks: on where in its file the network lay and what else the file holds, each the part of a sentence.
        origin: run, fold, seed and epoch of one of our models, and the sha256 of its weights.
    """

    source: str
    loaded: int
    total: int
    loaded_parameters: int
    parameters: int
    replaced: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    origin: Mapping[str, Any] | None = None

    def to_event(self) -> dict[str, Any]:
        """Return the fields of a trial's `weights` event."""
        return {
            "sentence": self.sentence(),
            "source": self.source,
            "loaded": self.loaded,
            "total": self.total,
            "loaded_parameters": self.loaded_parameters,
            "parameters": self.parameters,
            "replaced": list(self.replaced),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "origin": dict(self.origin) if self.origin else None,
        }

    def sentence(self) -> str:
        """Describe it in one line."""
        if not self.loaded:
            return f"Weights: none, {self.parameters:,} parameters start from random values."
        text = (
            f"Weights from {self.source}: {self.loaded:,} of {self.total:,} tensors loaded "
            f"({self.loaded_parameters:,} of {self.parameters:,} parameters)"
        )
        if self.replaced:
            text += f"; the classifier starts anew ({_names(self.replaced)})"
        if self.missing:
            text += f"; {len(self.missing):,} not in the source start anew ({_names(self.missing)})"
        if self.unexpected:
            text += f"; {len(self.unexpected):,} of the source not needed ({_names(self.unexpected)})"
        return "; ".join([text, *self.remarks]) + "."


def load_initial_weights(
    network: nn.Module,
    spec: str,
    info: NetworkInfo,
    folder: Path | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> WeightsReport:
    """Load a new network's initial weights; the classifier stays new where the source's is for other classes.

    Args:
        network: as `build_network` made it for `info`.
        spec: `none`, `imagenet`, `imagenet:TAG`, or the path of a weights file, a run, a trial or a model folder.
        folder: the offline folder; None for `weights_folder()`.
        classes: names in the order of the outputs; the classifier of one of our models with others is not loaded.

    Raises:
        InputProblem: nothing there, damaged, not weights, or weights of another network.
    """
    if spec == "none":
        return WeightsReport("none", 0, len(network.state_dict()), 0, _count(network.state_dict()))
    if published_tag(spec) is not None:
        place = folder or weights_folder()
        entry = find_entry(spec, info, place)
        check_entry(entry, place)
        return load_state(network, read_weights(place / entry.file), info, f"{entry.network}, {entry.tag}")
    path = expanded(spec)
    if path.is_dir():
        model = source_model(path, info.name)
        card, file, digest = read_checked_model(model.folder)
        same_classes = classes is None or tuple(classes) == card.classes
        report = load_state(network, read_weights(file), info, model.name, keep_head=same_classes)
        made = model.provenance
        origin = {"run": made.run, "fold": made.fold, "seed": made.seed, "epoch": made.epoch, "sha256": digest}
        return replace(report, origin=origin)
    return load_state(network, read_weights(path), info, printable(path.name))


def load_state(
    network: nn.Module, state: Mapping[str, Tensor], info: NetworkInfo, source: str, *, keep_head: bool = True
) -> WeightsReport:
    """Copy the tensors of `state` that fit into `network`.

    Args:
        source: what the report and the sentences call them, printable.
        keep_head: take the classifier too where its shape fits.

    Raises:
        InputProblem: tensors besides the classifier's don't fit; the network is then unchanged.
    """
    own = network.state_dict()
    found = fitted(network, state, info, source)
    state, fit = found.state, found.fit
    heads = head_tensors(network)
    heads_fit = keep_head and all(name in state and state[name].shape == own[name].shape for name in heads & set(own))
    taken = [name for name in fit.matching if name not in heads or heads_fit]
    with torch.no_grad():
        for name in taken:
            own[name].copy_(state[name])
    return WeightsReport(
        source=source,
        loaded=len(taken),
        total=len(own),
        loaded_parameters=sum(own[name].numel() for name in taken),
        parameters=_count(own),
        replaced=() if heads_fit else tuple(name for name in own if name in heads),
        missing=tuple(name for name in fit.missing if name not in heads),
        unexpected=fit.unexpected,
        remarks=found.remarks,
    )


def restore(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy every tensor of `state`, which must be exactly the network's, as its own state dict was.

    Unlike `load_state_dict` it does not ask for the version numbers that torch hides in a state dict and that
    safetensors doesn't keep; without them torchvision's MNASNet refuses its own tensors.

    Raises:
        InputProblem: tensors are missing, too many, or of another shape; the network is then unchanged.
    """
    own = network.state_dict()
    fit = Fit.of(own, state, frozenset())
    if fit.shapes or fit.missing or fit.unexpected:
        odd = (*fit.shapes, *fit.missing, *fit.unexpected)
        raise InputProblem(
            f"{source} does not fit its network: {len(odd):,} tensors are missing, too many or of another shape "
            f"({_names(odd)}). It may come from other versions of the libraries."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name])


@dataclass(frozen=True, eq=False)
class Fitted:
    """The tensors of a file that are a network's.

    Attributes:
        state: under the network's names.
        fit: how they match it.
        remarks: what there is to say on where they lay and what else the file holds, each the part of a sentence.
    """

    state: Mapping[str, Tensor]
    fit: Fit
    remarks: tuple[str, ...]


def fitted(network: nn.Module, tensors: Mapping[str, Tensor], info: NetworkInfo, source: str, part: str = "") -> Fitted:
    """Find a network among a file's tensors.

    Args:
        network: as `build_network` made it for `info`.
        tensors: as `read_weights` returns them.
        source: what the sentences call the file, printable.
        part: where it lies, in a file that holds several; empty where a rule is to say.

    Raises:
        InputProblem: tensors besides the classifier's don't fit, or hold values that are not numbers; or the file holds
            several networks, and no rule says which to take.
    """
    found = find_networks(tensors, network)
    fits = {wrapped.prefix: _fit(network, wrapped.state, info) for wrapped in found}
    whole = [wrapped for wrapped in found if fits[wrapped.prefix][1].whole]
    if whole:
        chosen, choice = choose(whole, part, source)
        state, fit = fits[chosen.prefix]
    else:
        usual = as_programs_name_it(tensors, network.state_dict())
        chosen, choice = usual, ""
        state, fit = _fit(network, usual.state, info)
        if found and fits[found[0].prefix][1].faults < fit.faults:
            chosen, (state, fit) = found[0], fits[found[0].prefix]
    if not fit.whole:
        raise InputProblem(fit.sentence(network.state_dict(), state, info.name, source))
    broken = [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise InputProblem(f"{source} holds values that are not numbers, in {_names(broken)}. Get the file again.")
    beside = [f"{one_line(place, 60)} ({plural(count, 'tensor')})" for place, count in chosen.elsewhere.items()]
    others = f"left in the file: {', '.join(beside[:_SHOWN])}{' and others' if len(beside) > _SHOWN else ''}"
    return Fitted(state, fit, tuple(filter(None, (choice, others if beside else ""))))


def _fit(network: nn.Module, state: Mapping[str, Tensor], info: NetworkInfo) -> tuple[Mapping[str, Tensor], Fit]:
    own, heads = network.state_dict(), head_tensors(network)
    fit = Fit.of(own, state, heads)
    if not fit.whole:  # published under older names, or with positions for another image size
        other = _translated(network, state, info)
        if other is not None:
            better = Fit.of(own, other, heads)
            if better.faults < fit.faults:
                return other, better
    return state, fit


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file on the CPU; those in dicts in dicts are named by their way, as `state_dict/fc.weight`.

    Raises:
        InputProblem: it is no file of weights, is damaged, or holds objects that could run code.
    """
    check_weights_file(path)
    shown = printable(str(path))
    if path.suffix.lower() == ".safetensors":
        try:
            return dict(load_file(path))
        except (SafetensorError, ValueError, OSError) as error:
            raise InputProblem(f"{shown} can't be read as safetensors: {one_line(str(error))}.") from None
    try:
        # A program's options are a Namespace: values, no code.
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # of pickle protocols that it doesn't expect: it refuses what it can't read
            value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputProblem(_refusal(shown, str(error))) from None
    except (
        RuntimeError,
        ArithmeticError,
        ValueError,
        EOFError,
        OSError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:
        if "TorchScript" in str(error):
            raise InputProblem(
                f"{shown} is a TorchScript archive, which holds code and is not opened. Save the network's state dict."
            ) from None
        raise InputProblem(f"{shown} can't be read as weights: {one_line(str(error), 160)}.") from None
    tensors = tensors_by_name(value)
    if not tensors:
        raise InputProblem(f"{shown} holds no tensors by name. Save the network's state dict, best as safetensors.")
    return tensors


def _refusal(shown: str, error: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", error)
    what = f"an object that is not a tensor ({printable(found[1])})" if found else "something that is not a tensor"
    return (
        f"{shown} is refused: it holds {what}, which could run code when read. Nothing in it was run. "
        "Ask for the weights as safetensors, or as a state dict alone."
    )


@dataclass(frozen=True)
class Fit:
    """How a source's tensors match a network's.

    Attributes:
        matching: in both, with the same shape.
        shapes: in both, with another shape, and not the classifier's.
        missing: in the network only; `needed` are those of them that it can't start without.
        unexpected: in the source only.
        total: number of the network's tensors.
    """

    matching: tuple[str, ...]
    shapes: tuple[str, ...]
    missing: tuple[str, ...]
    needed: tuple[str, ...]
    unexpected: tuple[str, ...]
    total: int

    @classmethod
    def of(cls, own: Mapping[str, Tensor], state: Mapping[str, Tensor], heads: frozenset[str]) -> Fit:
        """Compare names and shapes; `heads` are the names of the classifier's tensors."""
        missing = tuple(name for name in own if name not in state)
        return cls(
            matching=tuple(name for name in own if name in state and state[name].shape == own[name].shape),
            shapes=tuple(
                name for name in own if name in state and state[name].shape != own[name].shape and name not in heads
            ),
            missing=missing,
            needed=tuple(
                name
                for name in missing
                if name not in heads and not name.startswith(_AUXILIARY) and not name.endswith("num_batches_tracked")
            ),
            # running counts last: they say least about what a file is
            unexpected=tuple(sorted((name for name in state if name not in own), key=_telling)),
            total=len(own),
        )

    @property
    def _foreign(self) -> tuple[str, ...]:
        return tuple(name for name in self.unexpected if not name.startswith(_AUXILIARY))

    @property
    def whole(self) -> bool:
        """Whether the network can start from this source."""
        return not self.shapes and not self.needed and len(self._foreign) <= max(4, _EXTRA * self.total)

    @property
    def faults(self) -> int:
        """How many tensors are in the way."""
        return len(self.shapes) + len(self.needed) + len(self._foreign)

    def sentence(self, own: Mapping[str, Tensor], state: Mapping[str, Tensor], network: str, source: str) -> str:
        """Say how many tensors don't fit, and name a few."""
        parts = []
        if self.shapes:
            first = self.shapes[0]
            detail = f"{printable(first)} is {_shape(state[first])} there and {_shape(own[first])} in the network"
            parts.append(f"{len(self.shapes):,} of {self.total:,} tensors have another shape ({detail})")
        if self.needed:
            parts.append(f"{len(self.needed):,} of {self.total:,} are missing ({_names(self.needed)})")
        if self._foreign:
            parts.append(f"{len(self._foreign):,} have no place in it ({_names(self._foreign)})")
        return (
            f"{source} does not fit {network}: {'; '.join(parts)}. "
            "Name the network that these weights are for, or set model.weights=none."
        )


def _translated(network: nn.Module, state: Mapping[str, Tensor], info: NetworkInfo) -> Mapping[str, Tensor] | None:
    """Return a source's tensors as the library's own loader would name and shape them; None where it has no rule."""
    if info.library == "torchvision":
        return _translated_for_torchvision(network, state)
    module = sys.modules[timm().model_entrypoint(info.library_name).__module__]
    rule: Callable[..., Any] | None = getattr(module, "checkpoint_filter_fn", None)
    if rule is None:
        return None
    try:
        translated = rule(dict(state), network)
    except Exception:  # a rule meets names that it was not written for; without it the file's own faults are told
        return None
    return {name: value for name, value in dict(translated).items() if isinstance(value, Tensor)}


def _translated_for_torchvision(network: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
    kind = type(network).__name__
    if kind == "DenseNet":  # published before dots in names were given up: `norm.1` is `norm1`
        return {re.sub(r"\.(norm|relu|conv)\.(\d)\.", r".\1\2.", name): value for name, value in state.items()}
    if kind == "VisionTransformer":
        interpolate_embeddings = torchvision_models().vision_transformer.interpolate_embeddings
        sizes: Any = network
        try:
            translated: Mapping[str, Tensor] = interpolate_embeddings(
                sizes.image_size, sizes.patch_size, dict(state), interpolation_mode="bicubic"
            )
        except (KeyError, ValueError, IndexError):
            return None
        return translated
    return None


def _telling(name: str) -> tuple[bool, str]:
    return name.endswith("num_batches_tracked"), name


def _count(state: Mapping[str, Tensor]) -> int:
    return sum(value.numel() for value in state.values())


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 80) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN:,} more"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"

"""Write the catalogue's table anew from the installed torchvision and timm.

    python -m aimic_tui.engine.models.catalogue_table [--only NAME ...]

Networks are built on torch's meta device, which computes shapes and no numbers: counting the multiply-adds
of every network takes minutes and hardly any memory. With --only, rows go to stdout and the table stays.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.models.build import construct, features, head_parameters, logits_from_features
from aimic_tui.engine.models.catalogue import PAPER_NETWORKS, TABLE, TIMM_PREFIX, installed_versions

COLUMNS = (
    "name",
    "library",
    "parameters",
    "per_class",
    "gmacs",
    "input_size",
    "minimum_size",
    "size_step",
    "mean",
    "std",
    "paper",
    "weights",
)
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5)
_STEPS = (1, 2, 4, 7, 8, 14, 16, 28, 32, 56, 64)
_MINIMA = (16, 24, 32, 48, 64, 75, 96, 128, 160, 192, 224, 256)
# What building or a forward pass says of a size that doesn't fit.
_REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, ZeroDivisionError)


def names() -> list[tuple[str, str, str]]:
    """Return (name, library, library's own name) of every classifier, the paper's ten first, then by name."""
    torchvision_names = models.list_models(module=models)
    rows = [(name, "torchvision", name) for name in torchvision_names]
    taken = set(torchvision_names)
    rows += [(TIMM_PREFIX + name if name in taken else name, "timm", name) for name in timm.list_models()]
    order = {name: position for position, name in enumerate(PAPER_NETWORKS)}
    return sorted(rows, key=lambda row: (order.get(row[0], len(PAPER_NETWORKS)), row[0]))


def row(name: str, library: str, own_name: str) -> tuple[object, ...]:
    """Return one network's row: what is known of it, and what comes out of trying it."""
    size, mean, std, tags = _torchvision_facts(own_name) if library == "torchvision" else _timm_facts(own_name)
    network = _build(library, own_name, 1000, size, size).eval().requires_grad_(False)  # the counter trips otherwise
    auxiliary = [p for key, p in network.named_parameters() if key.startswith(("aux1.", "aux2.", "AuxLogits."))]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, size, size, device="meta"))
    trial = _Trial(library, own_name, size)
    trial.check_head()
    step = next((step for step in _STEPS if trial.takes(size + step)), 0)
    # The nearest possible sizes from each candidate up.
    sizes = [small + (size - small) % step for small in _MINIMA if small <= size] if step else []
    return (
        name,
        library,
        sum(p.numel() for p in network.parameters()) - sum(p.numel() for p in auxiliary),
        trial.parameters_per_class(network),
        f"{counter.get_total_flops() / 2e9:.4g}",
        size,
        next((small for small in sizes if trial.takes(small)), size),
        step,
        " ".join(f"{value:.6g}" for value in mean),
        " ".join(f"{value:.6g}" for value in std),
        int(library == "torchvision" and name in PAPER_NETWORKS),
        " ".join(tags),
    )


class _MetaParameters(TorchFunctionMode):
    """Put what is made by `torch.empty`, as parameters are, on the meta device; compute the rest."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = dict(kwargs or {})
        if func is torch.empty:
            options["device"] = "meta"
        return func(*args, **options)


def _build(library: str, own_name: str, classes: int, size: int, input_size: int) -> nn.Module:
    try:
        with torch.device("meta"):
            return construct(library, own_name, classes, size, input_size)
    except NotImplementedError:  # some work out their widths with tensors: these need numbers
        with _MetaParameters():
            return construct(library, own_name, classes, size, input_size).to("meta")


def _torchvision_facts(name: str) -> tuple[int, Sequence[float], Sequence[float], list[str]]:
    weights = models.get_model_weights(name)
    tags = [member.name for member in weights]
    default = weights.DEFAULT.name
    if "SWAG" in default:  # licensed for non-commercial use only: not what a plain `imagenet` should mean
        default = max((tag for tag in tags if "SWAG" not in tag), default=default)
    tags = [default, *(tag for tag in tags if tag != default)]
    transforms = weights[default].transforms()
    if name in ("googlenet", "inception_v3"):  # their weights come from TensorFlow; see build.py
        return transforms.crop_size[0], _HALF, _HALF, tags
    return transforms.crop_size[0], _IMAGENET_MEAN, _IMAGENET_STD, tags


def _timm_facts(name: str) -> tuple[int, Sequence[float], Sequence[float], list[str]]:
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{name}.*")]
    if config.tag in tags:
        tags = [config.tag, *(tag for tag in tags if tag != config.tag)]
    if config.input_size is None or config.input_size[1] != config.input_size[2] or config.input_size[0] != 3:
        raise ValueError(f"input {config.input_size} is not a square colour image")
    return config.input_size[-1], config.mean, config.std, tags


class _Trial:
    """A network of seven classes, to be tried with images of several sizes."""

    def __init__(self, library: str, own_name: str, size: int) -> None:
        self._library, self._own_name, self._size = library, own_name, size
        self._network = self._built(size)
        config = timm.get_pretrained_cfg(own_name, allow_unregistered=True) if library == "timm" else None
        self._fixed = config.fixed_input_size if config else own_name.startswith(("vit_", "maxvit", "inception"))

    def _built(self, image_size: int) -> nn.Module:
        return _build(self._library, self._own_name, 7, image_size, self._size)

    def parameters_per_class(self, thousand: nn.Module) -> int:
        """Return what each class adds, from the same network with 1,000 classes."""
        more, few = (sum(p.numel() for p in head_parameters(network)) for network in (thousand, self._network))
        return (more - few) // (1000 - 7)

    def check_head(self) -> None:
        """Refuse what can't be given another classifier, or whose features can't be told from its classifier."""
        network, size = self._network.eval(), self._size
        with torch.no_grad():
            logits = logits_from_features(network, features(network, torch.empty(2, 3, size, size, device="meta")))
        if tuple(logits.shape) != (2, 7) or not head_parameters(network):
            raise ValueError(f"7 classes give logits of shape {tuple(logits.shape)}")

    def takes(self, size: int) -> bool:
        """Tell whether images of this size go through it in training."""
        try:
            network = self._built(size) if self._fixed else self._network
            with torch.no_grad():
                network.train()(torch.empty(2, 3, size, size, device="meta"))
        except _REFUSALS:
            return False
        return True


def _rows(wanted: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for name, library, own_name in names():
        if wanted and name not in wanted:
            continue
        try:
            yield row(name, library, own_name)
        except (*_REFUSALS, AttributeError, KeyError, NotImplementedError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)  # noqa: T201
        gc.collect()


def main() -> None:
    """Write the table, or print some of its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="print these rows, write nothing")
    wanted = parser.parse_args().only
    text = io.StringIO()
    target = sys.stdout if wanted else text
    target.write(installed_versions() + "\n")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for count, values in enumerate(_rows(wanted), start=1):
        writer.writerow(values)
        target.flush()
        print(f"{count}: {values[0]}", file=sys.stderr)  # noqa: T201
    if not wanted:
        write_atomically(Path(__file__).parent / TABLE, text.getvalue())


if __name__ == "__main__":
    main()

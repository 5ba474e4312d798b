"""A network's tensors in what training programs save: state dicts in dicts, behind prefixes, beside other networks.

Where they lie is found by comparing the names' endings and the shapes with the network's own, not by a list of what
programs are known to write: `state_dict/timm_model.`, `teacher/module.backbone.` and `model/0.4.` are found alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, plural

_DEEPEST = 8  # dicts in dicts
_SHOWN = 4  # places named in a sentence
_WHOLE = 0.5  # of the network's tensors: what has fewer of them is not a network of its own

# Where a file holds several networks of this kind, the first of these is what its authors evaluate.
_AVERAGED = re.compile(r"(^|[_./])(ema|averaged|swa|teacher)([_./]|$)")
_FOLLOWING = re.compile(r"(^|[_./])(encoder_k|\w*momentum\w*|target\w*|current_model_state)([_./]|$)")

# Keys under which training programs store the tensors of a network, and what they put before their names; only asked
# where the names are not the network's own, as those of older versions.
_WRAPPERS = ("state_dict_ema", "model_ema", "ema", "state_dict", "model_state_dict", "model", "network", "net")
_PREFIXES = ("module.", "model.", "state_dict.", "network.", "net.", "_orig_mod.", "backbone.", "encoder.")


@dataclass(frozen=True, eq=False)
class Wrapped:
    """A network's tensors where they lie in a file.

    Attributes:
        prefix: what stands before the network's own names there, `/` after each dict's key; empty for a state dict.
        state: under the network's own names; foreign ones keep theirs, without the prefix.
        matching: tensors with the name and the shape of one of the network's.
        elsewhere: prefixes of the file's other tensors, with their numbers.
    """

    prefix: str
    state: Mapping[str, Tensor]
    matching: int
    elsewhere: Mapping[str, int]


def tensors_by_name(value: Any) -> dict[str, Tensor]:
    """Return all tensors in dicts in dicts, named as `state_dict/module.conv1.weight`."""
    return dict(_tensors(value, "", _DEEPEST))


def _tensors(value: Any, before: str, deeper: int) -> Iterator[tuple[str, Tensor]]:
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if isinstance(inner, Tensor):
            yield f"{before}{key}", inner
        elif deeper and isinstance(key, str):  # an optimizer's state is counted by numbers
            yield from _tensors(inner, f"{before}{key}/", deeper - 1)


def find_networks(tensors: Mapping[str, Tensor], network: nn.Module) -> list[Wrapped]:
    """Return every place where a network like this one lies, the best match first; none where no names are alike.

    Args:
        tensors: as `tensors_by_name` returns them.
        network: which is looked for. Its names, or those of its children in a `Sequential`: `4.0.conv1.weight`.
    """
    own = network.state_dict()
    found: list[Wrapped] = []
    for names in (dict(zip(own, own, strict=True)), _numbered(network)):
        hits: dict[str, dict[str, str]] = {}
        for stored, tensor in tensors.items():
            for prefix, ending in _splits(stored):
                name = names.get(ending)
                if name is not None and tensor.dim() == own[name].dim():
                    hits.setdefault(prefix, {})[stored] = name
        large = {prefix: at for prefix, at in hits.items() if len(at) >= _WHOLE * len(own)}
        found += [_wrapped(prefix, at, tensors, own, frozenset(large)) for prefix, at in large.items()]
        if found:
            break
    return sorted(found, key=lambda wrapped: -wrapped.matching)


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield each pair of prefix and ending of a name that parts it at a dot or a slash."""
    yield "", name
    for match in re.finditer(r"[./]", name):
        yield name[: match.end()], name[match.end() :]


def _numbered(network: nn.Module) -> dict[str, str]:
    """Return the network's names by what they are in `nn.Sequential(*network.children())`, as fastai and many
    self-supervised programs cut networks."""
    numbers = {name: str(number) for number, (name, _) in enumerate(network.named_children())}
    named = {}
    for name in network.state_dict():
        first, _, rest = name.partition(".")
        if first in numbers:
            named[f"{numbers[first]}.{rest}"] = name
    return named


def _wrapped(
    prefix: str, at: Mapping[str, str], tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], places: frozenset[str]
) -> Wrapped:
    others = [place for place in places if len(place) > len(prefix) and place.startswith(prefix)]
    dicts = {stored.rpartition("/")[0] for stored in at}
    state: dict[str, Tensor] = {}
    elsewhere: dict[str, int] = {}
    for stored, tensor in tensors.items():
        beside = stored.startswith(prefix) and stored.rpartition("/")[0] in dicts
        if beside and not any(stored.startswith(other) for other in others):
            state[at.get(stored, stored[len(prefix) :])] = tensor
        else:
            place = max(
                (other for other in places if other != prefix and stored.startswith(other)), key=len, default=""
            )
            place = place or re.split(r"(?<=[./])", stored)[0]
            elsewhere[place] = elsewhere.get(place, 0) + 1
    matching = sum(stored in tensors and tensors[stored].shape == own[name].shape for stored, name in at.items())
    return Wrapped(prefix, state, matching, elsewhere)


def as_programs_name_it(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Wrapped:
    """Return the tensors of the likeliest dict, without the prefixes that are common: for a network whose names in the
    file are not its own."""
    dicts = list(dict.fromkeys(stored.rpartition("/")[0] for stored in tensors))
    known = [name for word in _WRAPPERS for name in dicts if word in name.split("/")]
    chosen = known[0] if known else "" if "" in dicts else max(dicts, key=lambda name: _held(tensors, name))
    prefix = f"{chosen}/" if chosen else ""
    state: Mapping[str, Tensor] = {
        stored[len(prefix) :]: value for stored, value in tensors.items() if stored.rpartition("/")[0] == chosen
    }
    while True:
        shorter = {
            word: {name[len(word) :]: value for name, value in state.items() if name.startswith(word)}
            for word in _PREFIXES
        }
        word = max(shorter, key=lambda each: len(shorter[each].keys() & own.keys()))
        # A network of its own may have a part called `model`: only a gain counts. Nested prefixes have none at first.
        gain = len(shorter[word].keys() & own.keys()) - len(state.keys() & own.keys())
        everything = next((each for each in _PREFIXES if len(shorter[each]) == len(state)), None)
        if gain <= 0 and not (everything and not state.keys() & own.keys()):
            break
        word = word if gain > 0 or everything is None else everything
        prefix, state = prefix + word, shorter[word]
    matching = sum(name in own and own[name].shape == value.shape for name, value in state.items())
    return Wrapped(prefix, state, matching, {})


def _held(tensors: Mapping[str, Tensor], place: str) -> int:
    return sum(stored.rpartition("/")[0] == place for stored in tensors)


def choose(networks: Sequence[Wrapped], part: str, source: str) -> tuple[Wrapped, str]:
    """Choose between the networks that a file holds.

    Args:
        networks: one or more that fit.
        part: the prefix that the user chose, or empty.
        source: what the sentences call the file, printable.

    Returns:
        The chosen one, and a sentence on the choice, empty where there was none.

    Raises:
        InputProblem: `part` is none of them, or no rule says which to take.
    """
    places = ", ".join(one_line(wrapped.prefix or "(no prefix)", 60) for wrapped in networks[:_SHOWN])
    if part:
        chosen = [wrapped for wrapped in networks if wrapped.prefix.rstrip("./") == part.rstrip("./")]
        if not chosen:
            raise InputProblem(f"{source} holds no such network under {one_line(part, 60)}. It holds {places}.")
        return chosen[0], ""
    ranked = sorted(networks, key=lambda wrapped: _rank(wrapped.prefix))
    best = [wrapped for wrapped in ranked if _rank(wrapped.prefix) == _rank(ranked[0].prefix)]
    if any(not _equal(best[0], other) for other in best[1:]):
        raise InputProblem(
            f"{source} holds {plural(len(networks), 'network')} that fit: {places}. Choose one with `aimic weights "
            "import FILE --network NETWORK --part PREFIX --tag NAME`, and use it as model.weights=imagenet:NAME."
        )
    if len(best) == len(networks):
        return best[0], ""
    others = ", ".join(one_line(wrapped.prefix or "(no prefix)", 60) for wrapped in ranked[len(best) :][:_SHOWN])
    why = {0: "the averaged weights", 1: "the trained network, not its slow copy"}.get(_rank(best[0].prefix), "")
    taken = one_line(best[0].prefix or "(no prefix)", 60)
    return best[0], f"of {plural(len(networks), 'network')} in the file {taken} was taken ({why}), not {others}"


def _rank(prefix: str) -> int:
    return 2 if _FOLLOWING.search(prefix) else 0 if _AVERAGED.search(prefix) else 1


def _equal(one: Wrapped, other: Wrapped) -> bool:
    return one.state.keys() == other.state.keys() and all(
        torch.equal(value, other.state[name]) for name, value in one.state.items()
    )

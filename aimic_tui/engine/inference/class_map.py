"""Matches the classes of a data set with those of a model: by name, or as the user says; asks where neither decides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.listing.class_names import named_class
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.names import find_name, nfc, wide_name_key
from aimic_tui.engine.proposed_command import shell_word
from aimic_tui.engine.text import plural, printable


@dataclass(frozen=True, eq=False)
class ClassMap:
    """The classes that a model is evaluated on.

    Attributes:
        classes: names, in the model's order; classes that the user merged go by the data's name.
        of_model: int [c], for each of the model's classes its index in `classes`.
        of_data: the data's classes that are evaluated -> index in `classes`.
        left_out: the data's other classes -> images.
        similar: classes that were matched though written differently: the data's name -> the model's.
    """

    classes: tuple[str, ...]
    of_model: NDArray[np.int64]
    of_data: dict[str, int]
    left_out: dict[str, int]
    similar: dict[str, str] = field(default_factory=dict)

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes without images in the data."""
        return tuple(name for index, name in enumerate(self.classes) if index not in self.of_data.values())

    def probabilities(self, of_model: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn a model's probabilities, float [n, c], into float64 [n, classes]: those of merged classes are summed."""
        merged = np.zeros((len(of_model), len(self.classes)))
        for column, index in enumerate(self.of_model):
            merged[:, index] += of_model[:, column]
        return merged


def match_classes(
    model: Sequence[str], data: Mapping[str, int], mapping: Sequence[str] = (), leave_out: Sequence[str] = ()
) -> ClassMap:
    """Match a data set's classes with a model's: by name, or by the only one that looks the same.

    Args:
        model: its classes.
        data: the data's classes -> images.
        mapping: "model_class=data_class", each; several for one class merge classes.
        leave_out: classes of the data that are left out.

    Raises:
        UsageProblem: a class is unknown, no class matches, or the user has to decide which is which; the sentence
            names the options.
    """
    pairs = [_pair(text, model, list(data)) for text in mapping]
    dropped = {_named(name, list(data), "data", f"--leave-out {name}") for name in leave_out}
    mapped = {of_data for _, of_data in pairs}
    unmatched, similar = [], {}
    for name in data:
        if name in mapped or name in dropped:
            continue
        found = find_name(name, model)
        if found is None:
            unmatched.append(name)
        else:
            pairs.append((found, name))
            if nfc(found) != nfc(name):
                similar[name] = found
    free = [name for name in model if name not in {of_model for of_model, _ in pairs}]
    if unmatched and free:
        raise UsageProblem(_question(unmatched, free, data))
    if not pairs:
        raise UsageProblem(
            f"None of the data's classes ({_listed(data)}) is a class of the model ({_listed(model)}). Match them "
            "with --map MODEL_CLASS=DATA_CLASS."
        )
    left_out = {name: data[name] for name in data if name in dropped or name in unmatched}
    return replace(_assembled(model, pairs, left_out), similar=similar)


def same_names(data: Iterable[str], model: Sequence[str]) -> dict[str, str | None]:
    """Return for each class of a data set the model's class of the same name, as `match_classes` finds it unaided."""
    return {name: find_name(name, model) for name in data}


def _pair(text: str, model: Sequence[str], data: Sequence[str]) -> tuple[str, str]:
    # A name may contain "=" itself: the first split into two known names counts.
    cuts = [match.start() for match in re.finditer("=", text)]
    if not cuts:
        raise UsageProblem(f"--map {printable(text)}: write it as --map MODEL_CLASS=DATA_CLASS.")
    for cut in cuts:
        pair = find_name(text[:cut], model), find_name(text[cut + 1 :], data)
        if pair[0] is not None and pair[1] is not None:
            return pair[0], pair[1]
    option = f"--map {text}"
    return _named(text[: cuts[0]], model, "model", option), _named(text[cuts[0] + 1 :], data, "data", option)


def _named(name: str, names: Sequence[str], whose: str, option: str) -> str:
    return named_class(name, names, f"{printable(option)}: the {whose}")


def _question(unmatched: Sequence[str], free: Sequence[str], data: Mapping[str, int]) -> str:
    unknown = ", ".join(f"{printable(name)} ({plural(data[name], 'image')})" for name in unmatched)
    options = " ".join(f"--map {shell_word(f'{_nearest(name, free)}={name}')}" for name in unmatched)
    return (
        f"Which class is which? The data has {unknown}, which the model does not name; its classes {_listed(free)} "
        f"have no images yet. Match them, for example {options}; or leave a class out: "
        f"--leave-out {shell_word(unmatched[0])}."
    )


def _nearest(name: str, free: Sequence[str]) -> str:
    def similarity(other: str) -> tuple[bool, float]:
        a, b = wide_name_key(name), wide_name_key(other)
        return b.startswith(a) or a.startswith(b), difflib.SequenceMatcher(None, a, b).ratio()

    return max(free, key=similarity)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(printable(name) for name in names)


def _assembled(model: Sequence[str], pairs: Sequence[tuple[str, str]], left_out: dict[str, int]) -> ClassMap:
    of_data: dict[str, list[str]] = {}
    for of_model, name in pairs:
        if of_model not in of_data.setdefault(name, []):
            of_data[name].append(of_model)
    title = {name: name for name in model}  # of the class that each of the model's is evaluated as
    for name, together in of_data.items():
        if len(together) > 1:
            for one in together:
                others = [other for other, ones in of_data.items() if one in ones and other != name]
                if others:
                    raise UsageProblem(
                        f"{printable(one)} can't be merged with other classes into {printable(name)} and also be "
                        f"matched with {printable(others[0])}. Leave out one of the two --map."
                    )
                title[one] = name
    classes = tuple(dict.fromkeys(title[name] for name in model))
    index = {name: number for number, name in enumerate(classes)}
    return ClassMap(
        classes,
        np.array([index[title[name]] for name in model], np.int64),
        {name: index[title[together[0]]] for name, together in of_data.items()},
        left_out,
    )

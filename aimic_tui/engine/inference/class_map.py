"""Which class of a data set is which class of a model: by name, by what a person says, or asked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.text import printable


@dataclass(frozen=True, eq=False)
class ClassMap:
    """The classes that a model is judged by on a data set.

    Attributes:
        classes: names, in the model's order; those that a person put together go by the data's name.
        of_model: int [c], for each of the model's classes its place in `classes`.
        of_data: the data's classes that are judged -> place in `classes`.
        left_out: the data's classes that are not -> images.
    """

    classes: tuple[str, ...]
    of_model: NDArray[np.int64]
    of_data: dict[str, int]
    left_out: dict[str, int]

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes that the data has no image of."""
        return tuple(name for place, name in enumerate(self.classes) if place not in self.of_data.values())

    def probabilities(self, said: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn a model's float [n, c] into float64 [n, classes]: those of classes put together are added."""
        found = np.zeros((len(said), len(self.classes)))
        for column, place in enumerate(self.of_model):
            found[:, place] += said[:, column]
        return found


def match_classes(
    model: Sequence[str], data: Mapping[str, int], wishes: Sequence[str] = (), leave_out: Sequence[str] = ()
) -> ClassMap:
    """Match a data set's classes with a model's: by equal names, whatever their case, spaces, dashes and underscores.

    Args:
        model: its classes.
        data: the data's classes -> images.
        wishes: "model_class=data_class", each; several for one class put classes together.
        leave_out: classes of the data that are left out.

    Raises:
        UsageProblem: a class is not there, no class matches, or it must be asked which is which; the sentence has the
            options to give.
    """
    pairs = [_pair(wish, model, list(data)) for wish in wishes]
    dropped = {_named(name, list(data), "data", f"--leave-out {name}") for name in leave_out}
    wished = {of_data for _, of_data in pairs}
    unmatched = []
    for name in data:
        if name in wished or name in dropped:
            continue
        found = _by_name(name, model)
        if found is None:
            unmatched.append(name)
        else:
            pairs.append((found, name))
    free = [name for name in model if name not in {of_model for of_model, _ in pairs}]
    if unmatched and free:
        raise UsageProblem(_question(unmatched, free, data))
    if not pairs:
        raise UsageProblem(
            f"None of the data's classes ({_listed(data)}) is a class of the model ({_listed(model)}). Match them "
            "with --map MODEL_CLASS=DATA_CLASS."
        )
    return _assembled(model, pairs, {name: data[name] for name in data if name in dropped or name in unmatched})


def same_names(data: Iterable[str], model: Sequence[str]) -> dict[str, str | None]:
    """Return for each class of a data set the model's class of the same name, as `match_classes` finds it by itself."""
    return {name: _by_name(name, model) for name in data}


def _pair(wish: str, model: Sequence[str], data: Sequence[str]) -> tuple[str, str]:
    # A name may hold a "=" itself: the first place to cut that makes two known names counts.
    cuts = [match.start() for match in re.finditer("=", wish)]
    if not cuts:
        raise UsageProblem(f"--map {printable(wish)}: write it as --map MODEL_CLASS=DATA_CLASS.")
    for cut in cuts:
        pair = _by_name(wish[:cut].strip(), model), _by_name(wish[cut + 1 :].strip(), data)
        if pair[0] is not None and pair[1] is not None:
            return pair[0], pair[1]
    option = f"--map {wish}"
    return _named(wish[: cuts[0]].strip(), model, "model", option), _named(
        wish[cuts[0] + 1 :].strip(), data, "data", option
    )


def _named(name: str, names: Sequence[str], whose: str, option: str) -> str:
    found = _by_name(name, names)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {printable(near[0])}?" if near else ""
    raise UsageProblem(
        f"{printable(option)}: the {whose} has no class {printable(name)}; it has {_listed(names)}.{hint}"
    )


def _by_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is equal, or the only one that is equal but for case, spaces, dashes and underscores."""
    there = list(names)
    if name in there:
        return name
    alike = [other for other in there if _plain(other) == _plain(name)]
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name.casefold())


def _question(unmatched: Sequence[str], free: Sequence[str], data: Mapping[str, int]) -> str:
    asked = ", ".join(f"{printable(name)} ({data[name]:,} images)" for name in unmatched)
    options = " ".join(f"--map {_quoted(f'{_nearest(name, free)}={name}')}" for name in unmatched)
    return (
        f"Which class is which? The data has {asked}, which the model does not name; its classes {_listed(free)} have "
        f"no images yet. Match them, for example {options}; or leave a class out: --leave-out {_quoted(unmatched[0])}."
    )


def _nearest(name: str, free: Sequence[str]) -> str:
    def merit(other: str) -> tuple[bool, float]:
        a, b = _plain(name), _plain(other)
        return b.startswith(a) or a.startswith(b), difflib.SequenceMatcher(None, a, b).ratio()

    return max(free, key=merit)


def _quoted(text: str) -> str:
    shown = printable(text)
    return shown if re.fullmatch(r"[\w=.\-]+", shown) else '"' + shown.replace('"', '\\"') + '"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(printable(name) for name in names)


def _assembled(model: Sequence[str], pairs: Sequence[tuple[str, str]], left_out: dict[str, int]) -> ClassMap:
    of_data: dict[str, list[str]] = {}
    for of_model, name in pairs:
        if of_model not in of_data.setdefault(name, []):
            of_data[name].append(of_model)
    title = {name: name for name in model}  # of the class that each of the model's is judged in
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
    place = {name: number for number, name in enumerate(classes)}
    return ClassMap(
        classes,
        np.array([place[title[name]] for name in model], np.int64),
        {name: place[title[together[0]]] for name, together in of_data.items()},
        left_out,
    )

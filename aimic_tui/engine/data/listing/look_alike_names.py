"""Classes and groups whose names look the same: `Neutrophil` and `neutrophil `, patient `P1` and `p1`.

Classes stay apart until somebody merges them; the `data.classes` that does it is offered. Groups that differ only in
writing are joined: taken for two, images of one patient would be trained on and tested on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aimic_tui.engine.data.listing.class_names import classes_option
from aimic_tui.engine.data.listing.missing_values import note_on_missing_groups, without_missing
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.names import differences, look_alikes, name_key
from aimic_tui.engine.pairs import is_seen
from aimic_tui.engine.text import listed, plural, printable

_NAMED = 3  # sets of names that a sentence spells out


@dataclass(frozen=True)
class LookAlikeClasses:
    """Two or more classes whose names look the same.

    Attributes:
        images: of each, by its name as shown.
        merged: the name that they are offered to have in common, that of the most images.
    """

    images: Mapping[str, int]
    merged: str

    @property
    def detail(self) -> str:
        """What they are, in words: `"Blast" (8 images) and "blast" (2 images) differ only in case`."""
        shown = _shown(tuple(self.images))
        counted = [
            f"{name} ({plural(count, 'image')})" for name, count in zip(shown, self.images.values(), strict=True)
        ]
        return f"{listed(counted)} {_differ(tuple(self.images))}"


def look_alike_classes(images: Mapping[str, int]) -> tuple[LookAlikeClasses, ...]:
    """Return the sets of classes that look the same.

    Args:
        images: of each class.
    """
    return tuple(
        LookAlikeClasses(
            {name: images[name] for name in names}, min(names, key=lambda name: (-images[name], len(name), name))
        )
        for names in look_alikes(images)
    )


def merged_classes(
    alike: Sequence[LookAlikeClasses], classes: Mapping[str, str], original: Mapping[str, int]
) -> dict[str, str]:
    """Return `data.classes` such that all classes that look the same are merged.

    Args:
        alike: by their names as `classes` makes them.
        classes: the setting now.
        original: the classes by their original names.
    """
    merged = {name: found.merged for found in alike for name in found.images}
    names = {name: classes.get(name, name) for name in original}
    changed = {**classes, **{name: merged.get(other, other) for name, other in names.items()}}
    return {name: other for name, other in changed.items() if other != name or name in classes}


def note_on_look_alikes(alike: Sequence[LookAlikeClasses], classes: Mapping[str, str]) -> Note:
    """Say before a training which classes look the same, and how to merge them.

    Args:
        alike: one set or more.
        classes: the `data.classes` that merges them.
    """
    found = "; ".join(one.detail for one in alike[:_NAMED])
    return Note(
        "look-alike-classes",
        f"Classes look the same: {found}{_more(alike)}. If they are one class, merge them: {classes_option(classes)}.",
    )


@dataclass(frozen=True)
class LookAlikeGroups:
    """Two or more groups whose names look the same, which stay apart.

    Attributes:
        names: of the groups.
        images: one of each, by which marks can join them.
    """

    names: tuple[str, ...]
    images: tuple[str, ...]

    @property
    def detail(self) -> str:
        """What they are, in words: `"P1" and "P01" differ only in how a number is written`."""
        return f"{listed(_shown(self.names))} {_differ(self.names)}"


@dataclass(frozen=True)
class NamedGroups:
    """The groups of images, once their names are seen through.

    Attributes:
        values: of each image, the same for all names of one `name_key`; None where it has no group.
        notes: on names that were joined, and on missing ones.
        alike: sets of groups that look the same and stay apart.
    """

    values: tuple[str | None, ...]
    notes: tuple[Note, ...]
    alike: tuple[tuple[str, ...], ...]


def name_groups(values: Sequence[str | None], *, in_table: bool = False) -> NamedGroups:
    """Give groups whose names differ only in writing one name, the most frequent; `nan` and the like are no group.

    Args:
        values: the group of each image as it is written, None where it has none.
        in_table: they are the cells of a column, so that an empty one is missing, too.
    """
    missing = without_missing([value or "" for value in values]).missing
    missing = {word: count for word, count in missing.items() if word or in_table}
    counts = Counter(value for value in values if value and value not in missing)
    by_key: dict[str, list[str]] = {}
    for name in counts:
        by_key.setdefault(name_key(name), []).append(name)
    name_of = {name: max(names, key=lambda one: (counts[one], one)) for names in by_key.values() for name in names}
    joined = [sorted(names) for names in by_key.values() if len(names) > 1]
    notes = [note_on_missing_groups(missing)] if missing and counts else []
    if joined:
        named = "; ".join(listed(_shown(names)) for names in joined[:_NAMED])
        notes.append(
            Note("joined-groups", f"Groups whose names differ only in writing count as one: {named}{_more(joined)}.")
        )
    return NamedGroups(
        tuple(name_of.get(value) if value else None for value in values),
        tuple(notes),
        tuple(tuple(sorted(names)) for names in look_alikes(dict.fromkeys(name_of.values()))),
    )


def note_on_groups(alike: Sequence[LookAlikeGroups]) -> Note:
    """Say which groups look the same and stay apart, one set or more."""
    found = "; ".join(one.detail for one in alike[:_NAMED])
    return Note(
        "look-alike-groups",
        f"Groups look the same: {found}{_more(alike)}. If they are one patient or slide, its images can be in training "
        "and test at once: write the name in one way, or join them by `aimic marks DATA IMAGE IMAGE --group`, with an "
        "image of each.",
    )


def _more(sets: Sequence[object]) -> str:
    return f"; and {len(sets) - _NAMED} more such sets" if len(sets) > _NAMED else ""


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """Quote names, with escapes for what can't be seen where that is what tells them apart."""
    hard_to_see = {"invisible characters", "forms of one character", "letters of another alphabet"}
    unseen = not all(map(is_seen, names)) or hard_to_see & set(differences(names))
    return tuple(json.dumps(name) if unseen else f'"{printable(name)}"' for name in names)


def _differ(names: Sequence[str]) -> str:
    return f"differ only in {' and '.join(differences(names))}"

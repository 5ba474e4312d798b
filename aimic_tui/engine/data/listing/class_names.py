"""`data.classes`: classes renamed, merged or left out, while every file stays as it is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.pairs import pairs_text
from aimic_tui.engine.proposed_command import shell_word
from aimic_tui.engine.text import one_line


def check_classes(classes: Mapping[str, str], found: Collection[str]) -> None:
    """Do nothing if every class that `data.classes` names is among those that were found.

    Raises:
        UsageProblem: some are not; it names them with the nearest ones there are, or no class is left.
    """
    unknown = [name for name in classes if name not in found]
    if unknown:
        words = ", ".join(_with_nearest(name, found) for name in unknown[:3])
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        there = ", ".join(one_line(name, 30) for name in sorted(found)[:12])
        raise UsageProblem(
            f"data.classes names {words}{more}, which this data set does not have. Its classes are {there}.",
            key="data.classes",
        )
    if found and not any(classes.get(name, name) for name in found):
        raise UsageProblem("data.classes leaves out every class. Keep two or more.", key="data.classes")


def _with_nearest(name: str, found: Collection[str]) -> str:
    near = nearest_class(name, found)
    return one_line(name, 40) + (f" (did you mean {one_line(near, 40)}?)" if near else "")


def nearest_class(name: str, found: Collection[str]) -> str | None:
    """Return the class whose name is most similar to `name`, None where none is similar."""
    by_case = {other.casefold(): other for other in found}
    near = difflib.get_close_matches(name.casefold(), by_case, n=1, cutoff=0.5)
    return by_case[near[0]] if near else None


def original_class_name(shown: str, classes: Mapping[str, str], found: Collection[str]) -> str:
    """Return the data set's own name of a class that `data.classes` shows as `shown`.

    Marks are stored with the data set, so they use its original names, whatever an experiment renames.
    """
    if shown in found and classes.get(shown, shown) == shown:
        return shown
    return next((name for name, other in classes.items() if other == shown and name in found), shown)


def class_changes_sentence(classes: Mapping[str, str], counts: Mapping[str, int]) -> str:
    """Say in a sentence what `data.classes` does; `counts` are the images of each class as found."""
    parts = [
        f"{one_line(name, 40)} ({counts[name]:,}) {f'counts as {one_line(other, 40)}' if other else 'is excluded'}"
        for name, other in classes.items()
        if other != name
    ]
    return f"Classes: {', '.join(parts)}." if parts else ""


def classes_option(classes: Mapping[str, str]) -> str:
    """Return the option that sets `data.classes`, as a shell takes it."""
    return f"--set {shell_word(f'data.classes={pairs_text(classes)}')}"

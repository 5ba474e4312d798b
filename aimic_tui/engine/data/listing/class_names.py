"""`data.classes`: classes renamed, merged or left out, while every file stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.names import find_name, nearest_name
from aimic_tui.engine.pairs import pairs_text
from aimic_tui.engine.proposed_command import shell_word
from aimic_tui.engine.text import one_line, printable


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
    near = nearest_name(name, found)
    return one_line(name, 40) + (f" (did you mean {one_line(near, 40)}?)" if near else "")


def named_class(wanted: str, classes: Sequence[str], whose: str) -> str:
    """Return the class that somebody names in an option, as `find_name` finds it.

    Args:
        classes: those there are.
        whose: the run, the model or the data, as the beginning of a sentence; printable.

    Raises:
        UsageProblem: there is none, or several look like it; the sentence has all of them and the nearest one.
    """
    found = find_name(wanted, classes)
    if found is not None:
        return found
    near = nearest_name(wanted, classes)
    hint = f" Did you mean {printable(near)}?" if near else ""
    there = printable(", ".join(classes))
    raise UsageProblem(f"{whose} has no class {printable(wanted.strip())}; it has {there}.{hint}")


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

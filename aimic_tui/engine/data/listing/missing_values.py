"""Words that stand for a missing value in a table: what pandas, R, Excel, MATLAB, SQL and BIDS write for none.

In a column of labels they mean an unlabelled image. A folder of such a name stays a class, since somebody made it,
and a note asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aimic_tui.engine.data.listing.class_names import classes_option
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.names import name_key
from aimic_tui.engine.text import listed, plural, printable

# pandas.read_csv's own list is among them. Written in capitals or not: nan, NaN and NAN are all seen.
_ANY_CASE = frozenset(
    {"", "nan", "-nan", "n/a", "n.a.", "null", "(null)", "\\n", "nat", "<na>", "<missing>", "<undefined>", "<none>"}
    | {"#n/a", "#n/a n/a", "#na", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"}
    | {"#value!", "#ref!", "#name?", "#div/0!", "#null!", "#num!", "?", "??", "-", "--", "–", "—", "."}
)
_AS_WRITTEN = frozenset({"NA", "na", "None", "NONE"})  # not Na, a name; nor none, which often is a class
# May be either: a class of its own, or no class.
_DOUBTFUL = frozenset(
    map(
        name_key,
        (
            *("none", "na", "nil", "unknown", "undefined", "unspecified", "missing", "unlabelled", "unlabeled", "unk"),
            *("no label", "not labelled", "not labeled", "not available", "not applicable", "unannotated", "tbd"),
            # Folders of what programs and people leave beside the classes.
            *("unsorted", "to sort", "todo", "to do", "new folder", "temp", "tmp", "result", "results", "output"),
            *("outputs", "figures", "plots", "prediction", "predictions", "pred", "gradcam", "heatmaps", "thumbnails"),
        ),
    )
)
_MINUS_SIGNS = frozenset({"-", "–", "—"})


def is_missing(cell: str) -> bool:
    """Tell whether a table's cell says that there is no value."""
    text = cell.strip()
    return text in _AS_WRITTEN or text.casefold() in _ANY_CASE


def may_be_missing(name: str) -> bool:
    """Tell whether the name of a class may mean that there is none: `unknown`, `results`, a word of `is_missing`."""
    return is_missing(name) or name_key(name) in _DOUBTFUL


def doubtful_classes(names: Collection[str]) -> list[str]:
    """Return the classes whose names may mean that there is none; beside `+`, `-` is a class like others."""
    return [name for name in names if may_be_missing(name) and not ("+" in names and name in _MINUS_SIGNS)]


@dataclass(frozen=True)
class Cells:
    """A column without the words for missing values.

    Attributes:
        values: of each row, empty where there is none.
        missing: word -> rows that have it in place of a value; "" where the cell is empty.
    """

    values: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)


def without_missing(cells: Sequence[str], keep: Collection[str] = ()) -> Cells:
    """Return a column's values; words for a missing one are empty.

    Args:
        cells: of each row, without spaces around.
        keep: words that are values here. Beside `+`, `-` is one, too.
    """
    kept = set(keep)
    found = Counter(cells)
    if "+" in found:
        kept |= _MINUS_SIGNS
    missing = {word: count for word, count in found.items() if word not in kept and is_missing(word)}
    return Cells(tuple("" if cell in missing else cell for cell in cells), missing)


def note_on_missing(missing: Mapping[str, int]) -> Note:
    """Say how many images of a table have no label, and how a word that is one becomes a class.

    Args:
        missing: as in `Cells`; one row or more.
    """
    count = sum(missing.values())
    what = "has no label and is left out. Its label" if count == 1 else "have no label and are left out. Their label"
    word = next(filter(None, missing), "")
    kept = f" If {word} is a class, say so: {classes_option({word: word})}." if word else ""
    return Note("missing-labels", f"{plural(count, 'image')} {what} is {_in_words(missing)}.{kept}")


def note_on_missing_groups(missing: Mapping[str, int]) -> Note:
    """Say how many images have no group.

    Args:
        missing: as in `Cells`; one row or more.
    """
    count = sum(missing.values())
    what = (
        "has no group and counts as a group of its own. Its group"
        if count == 1
        else "have no group, and each counts as a group of its own. Their group"
    )
    return Note("missing-groups", f"{plural(count, 'image')} {what} is {_in_words(missing)}.")


def note_on_doubtful_classes(names: Sequence[str]) -> Note:
    """Ask about classes, one or more, whose names may mean that there is no label."""
    named = listed([f'"{printable(name)}"' for name in names])
    what = "is a class here. If its images have" if len(names) == 1 else "are classes here. If their images have"
    out, kept = classes_option(dict.fromkeys(names, "")), classes_option({name: name for name in names})
    return Note("doubtful-classes", f"{named} {what} no label, leave them out: {out}. If not, say so: {kept}.")


def _in_words(missing: Mapping[str, int]) -> str:
    """Name the words with their counts, the most frequent first: `nan (12) or empty (2)`."""
    words = [
        f"{printable(word) or 'empty'} ({count:,})"
        for word, count in sorted(missing.items(), key=lambda item: (-item[1], item[0]))
    ]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))

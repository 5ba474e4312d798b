"""The classes of a table's rows: a column with their names, or a column a class with 0 and 1 (one-hot).

Where a row has several classes it gets none; columns of measured numbers and of shares (soft labels) are refused as
classes. A label that a script wrote as a list of one, `['a']`, is its element.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aimic_tui.engine.data.listing.missing_values import without_missing
from aimic_tui.engine.data.listing.table_columns import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PART_COLUMNS,
    first_of,
    named_column,
    no_column,
    plain_name,
    unique_column,
)
from aimic_tui.engine.data.listing.table_reader import TextTable, cell
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import listed, one_line, plural

_KEY = "data.label_column"
_ONES = frozenset({"1", "1.0", "true", "yes", "1,0"})
_ZEROS = frozenset({"", "0", "0.0", "false", "no", "0,0"})
_NO_CLASSES = frozenset(
    (
        *("train", "training", "val", "valid", "validation", "test", "istrain", "isval", "isvalid", "istest", "fold"),
        *("male", "female", "ismale", "isfemale", "sex", "gender"),
    )
)
"""Usual names of columns with 0 and 1 that say something else than a class."""
_SEVERAL = 0.2  # the largest share of rows with several classes or none that is left out
_MANY_NUMBERS = 10  # different ones; more are grades only where they are whole and each has several images
_FEW_IMAGES = 3  # of a number, on average: fewer, and it is no class
_SHOWN = 6  # columns that a sentence names
_WHOLES = (1.0, 100.0)  # what shares of classes add up to
_ROUNDED = 0.02  # of that, by which rounded shares miss it
_ELEMENT = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[+-]?\d+(?:\.\d*)?"""  # of a list as Python or JSON write it
# numpy leaves out the commas.
_LIST = re.compile(rf"\[\s*(?:(?:{_ELEMENT})(?:\s*,\s*|\s+|(?=\s*\])))*\s*\]")
_LONGEST_LIST = 1000  # characters; a longer label is none of a few classes


@dataclass(frozen=True)
class TableLabels:
    """The classes of n rows.

    Attributes:
        labels: class names, empty where a row has none.
        columns: indices of the columns that they come from.
        notes: sentences on how they were read.
    """

    labels: list[str]
    columns: tuple[int, ...]
    notes: tuple[str, ...]


def label_columns(table: TextTable, wanted: str, default: str, images_at: int) -> tuple[int, ...]:
    """Return the indices of the columns with the classes: one, or two or more of a one-hot table.

    Args:
        wanted: a column's name, or several with commas between them; for `default` the usual names are tried, then
            one-hot columns.

    Raises:
        InputProblem: there is none.
    """
    if wanted != default:
        several = [part.strip() for part in wanted.split(",")]
        if wanted not in table.names and len(several) > 1:
            return tuple(named_column(table, name, _KEY) for name in several)
        return (named_column(table, wanted, _KEY),)
    names = [name if other != images_at else "" for other, name in enumerate(table.names)]
    if "x" in map(plain_name, names):  # beside it, y is where something lies
        names = ["" if plain_name(name) == "y" else name for name in names]
    at = first_of(names, LABEL_COLUMNS)
    if at is not None:
        return (unique_column(table, at, _KEY),)
    if not table.header_line and len(table.names) == 2:
        return (1 - images_at,)
    if columns := one_hot_columns(table, images_at):
        return columns
    if shares := _share_columns(table, images_at):
        raise _soft_labels(table, shares)
    raise no_column(table, wanted, _KEY)


def one_hot_columns(table: TextTable, images_at: int | None) -> tuple[int, ...]:
    """Return the columns whose first cells are all 0 or 1, two or more of them; else none."""
    own = {*GROUP_COLUMNS, *PART_COLUMNS, *_NO_CLASSES}
    found = []
    for at, name in enumerate(table.names):
        if at == images_at or not name or plain_name(name) in own:
            continue
        values = {cell(row, at).strip().lower() for _, row in table.first}
        if values <= _ONES | _ZEROS and values & _ZEROS and values != {""}:
            found.append(at)
    ones = [sum(_is_one(cell(row, at)) for at in found) for _, row in table.first]
    return tuple(found) if len(found) > 1 and any(ones) else ()


def _share_columns(table: TextTable, images_at: int) -> tuple[int, ...]:
    """Return the columns that hold shares of each of the first rows, two or more of them; else none."""
    columns = {
        at: [cell(row, at).strip() for _, row in table.first] for at in range(len(table.names)) if at != images_at
    }
    for whole in _WHOLES:  # numbers of another kind, such as an age, may stand beside them
        found = [at for at, texts in columns.items() if all(_is_share(text, whole) for text in texts)]
        if _are_shares([columns[at] for at in found]):
            return tuple(found)
    return ()


def _is_share(text: str, whole: float) -> bool:
    number = _number(text)
    return number is not None and 0 <= number <= whole


def _are_shares(columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether each row's numbers add up to a whole, of which some are a part only."""
    apart = False
    for row in zip(*columns, strict=True):
        numbers = [_number(text) for text in row]
        known = [number for number in numbers if number is not None]
        if len(known) < len(row) or not any(abs(sum(known) - whole) <= _ROUNDED * whole for whole in _WHOLES):
            return False
        apart = apart or max(known) not in (0.0, *_WHOLES)
    return apart and len(columns) > 1


def _soft_labels(table: TextTable, columns: Sequence[int]) -> InputProblem:
    shown = listed([one_line(table.names[at], 30) for at in columns[:_SHOWN]])
    return InputProblem(
        f"{table.shown}: the columns {shown} hold shares of each row (soft labels, such as votes of several readers or "
        "a network's probabilities), and an image needs one class. Write a column label with the class of the largest "
        "share, and leave it empty where none is clear.",
        key=_KEY,
    )


def read_labels(
    table: TextTable,
    columns: Sequence[int],
    cells: Sequence[Sequence[str]],
    images_at: int,
    lines: Sequence[int],
) -> TableLabels:
    """Return the classes that columns give n rows.

    Args:
        columns: indices of the columns, one or several.
        cells: of each of these columns, n cells.
        images_at: the images' column.
        lines: of the file, the number of each row's.

    Raises:
        InputProblem: the columns hold measured numbers or shares; or many rows have several classes.
    """
    if len(columns) > 1:
        return _one_hot(table, columns, cells, lines)
    column = columns[0]
    labels = [table.text(label) for label in cells[0]]
    notes = []
    name = one_line(table.names[column], 40)
    siblings = one_hot_columns(table, images_at)
    if column in siblings and plain_name(table.names[column]) not in LABEL_COLUMNS:
        others = listed([one_line(table.names[at], 30) for at in siblings[:_SHOWN]])
        notes.append(
            f"The columns {others} all hold 0 and 1, and only {name} is read: the classes are {_classes(labels)}. If "
            "each of them is a class, leave data.label_column as it is, or name them all with commas between them."
        )
    _refuse_measured(table, name, labels)
    lists = {label: found for label in set(labels) if (found := _elements(label)) is not None}
    labels, several = _without_several(table, name, labels, lists)
    if any(len(each) == 1 for each in lists.values()):
        notes.append(f"Classes are written as lists in the column {name}; a list of one is its element.")
    notes += [note for note in (several, _names_beside(table, column, images_at)) if note]
    return TableLabels(labels, (column,), tuple(notes))


def _one_hot(
    table: TextTable, columns: Sequence[int], cells: Sequence[Sequence[str]], lines: Sequence[int]
) -> TableLabels:
    if _are_shares(cells):
        raise _soft_labels(table, columns)
    names = [table.names[at] for at in columns]
    shown = listed([one_line(name, 30) for name in names[:_SHOWN]])
    shown += f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    labels, none, more = [], 0, 0
    for line, row in zip(lines, zip(*cells, strict=True), strict=True):
        if wrong := next((text for text in row if text.lower() not in _ONES | _ZEROS), None):
            raise InputProblem(
                f"{table.shown}: line {line} has {one_line(wrong, 40)} where the columns {shown} otherwise hold 0 "
                "and 1. Correct it, or write a column with the names of the classes.",
                key=_KEY,
            )
        ones = [name for name, text in zip(names, row, strict=True) if _is_one(text)]
        labels.append(ones[0] if len(ones) == 1 else "")
        none, more = none + (not ones), more + (len(ones) > 1)
    if none + more > _SEVERAL * len(labels):
        raise InputProblem(
            f"{table.shown} has no column of classes. Its columns {shown} hold 0 and 1, but of "
            f"{plural(len(labels), 'row')} {more:,} have several ones and {none:,} none: an image needs one class. "
            "Write a column label, or set data.label_column to columns that exclude each other, with commas between.",
            key=_KEY,
        )
    notes = [f"The classes are the columns {shown}: each row has its 1 in one of them (one-hot)."]
    if more:
        notes.append(f"{plural(more, 'row')} with several ones {'is' if more == 1 else 'are'} left without a class.")
    if none:
        notes.append(f"{plural(none, 'row')} without a one {'is' if none == 1 else 'are'} left without a class.")
    return TableLabels(labels, tuple(columns), tuple(notes))


def _is_one(text: str) -> bool:
    return text.strip().lower() in _ONES


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refuse_measured(table: TextTable, name: str, labels: Sequence[str]) -> None:
    known = [label for label in without_missing(labels).values if label]
    numbers = [value for label in known if (value := _number(label)) is not None]
    if len(numbers) < len(known):
        return
    different = len(set(numbers))
    whole = all(value == int(value) for value in numbers)
    if different > _MANY_NUMBERS and (not whole or len(numbers) < _FEW_IMAGES * different):
        raise InputProblem(
            f"{table.shown}: the column {name} holds {different:,} different numbers, which are no classes. Set "
            f"{_KEY} to a column of classes, or write one with ranges such as low and high.",
            key=_KEY,
        )


def _elements(label: str) -> list[str] | None:
    """Return the elements of a label that is a list in Python's writing; None where it is none."""
    if len(label) > _LONGEST_LIST or not _LIST.fullmatch(label):
        return None
    return [re.sub(r"\\(.)", r"\1", one[1:-1]) if one[0] in "'\"" else one for one in re.findall(_ELEMENT, label)]


def _without_several(
    table: TextTable, name: str, labels: Sequence[str], lists: Mapping[str, list[str]]
) -> tuple[list[str], str]:
    """Take the label from rows that name several classes at once, such as `a|b` where a and b are classes.

    Args:
        lists: labels that are lists of classes -> their elements; of one, that is the label.
    """
    counts = Counter(labels)
    found: dict[str, bool] = {label: len(set(each)) > 1 for label, each in lists.items()}
    plain = [label for label in counts if label not in lists]
    for sign in "|;,":
        parts = {label: [part.strip() for part in label.split(sign)] for label in plain if sign in label}
        several = Counter(part for each in parts.values() for part in set(each))
        for label, each in parts.items():
            known = [part in counts or (sign == "|" and several[part] > 1) for part in each if part]
            apart = any(known) if sign == "|" else all(known)  # a bar is hardly ever part of a name
            found[label] = found.get(label, False) or (apart and len(set(filter(None, each))) > 1)
    rows = sum(counts[label] for label, is_several in found.items() if is_several)
    single = {label: each[0] if each else "" for label, each in lists.items() if not found[label]}
    if not rows:
        return [single.get(label, label) for label in labels], ""
    example = one_line(next(label for label, is_several in found.items() if is_several), 60)
    if rows > _SEVERAL * sum(map(bool, labels)):
        raise InputProblem(
            f"{table.shown}: in the column {name} {rows:,} of {plural(len(labels), 'row')} name several classes at "
            f"once, such as {example}. An image needs one class: choose another column, or write one class a row.",
            key=_KEY,
        )
    kept = ["" if found.get(label) else single.get(label, label) for label in labels]
    are = "names" if rows == 1 else "name"
    return kept, f"{plural(rows, 'row')} {are} several classes at once, such as {example}, and so get none."


def _names_beside(table: TextTable, column: int, images_at: int) -> str:
    """Say so where the labels are numbers and another column has a name for each."""
    numbers = [cell(row, column).strip() for _, row in table.first]
    if not all(text.isdecimal() for text in numbers) or len(set(numbers)) < 2:
        return ""
    for at, name in enumerate(table.names[:100]):
        names = [cell(row, at).strip() for _, row in table.first]
        pairs = set(zip(numbers, names, strict=True))
        if at in (column, images_at) or any(_number(text) is not None for text in names) or "" in names:
            continue
        if len(pairs) == len(set(numbers)) == len(set(names)) < len(names):
            shown = one_line(name, 40)
            return f"The classes are numbers; the column {shown} has a name for each. To have them, set {_KEY} to it."
    return ""


def _classes(labels: Sequence[str]) -> str:
    return listed([one_line(label, 20) for label in sorted(set(filter(None, labels)))[:3]])

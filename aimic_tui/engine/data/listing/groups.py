"""Groups of images, by a pattern on their names that is found or given.

Images of one patient, slide or photograph resemble each other more than those of different ones. On both sides of a
split, they leak from the test part into training.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.listing.folder_words import GROUP_WORDS, are_no_groups, only_divide
from aimic_tui.engine.data.listing.name_pattern import name_pattern
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.text import one_line, printable

_SAMPLE = 20_000  # names used to find a pattern
_MOST_NAMES = 0.95
_DEEPEST = 6  # levels of folders that may be groups
_TOKENS = re.compile(r"\d+|[A-Za-z]+|[^A-Za-z\d]+")
_TCGA = r"(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})"  # a patient's barcode
_SAID = re.compile(r"(?<![A-Za-z])([A-Za-z]+)[_\-. ]*\d")
_SHORT = frozenset(
    {"pat", "sub", "rat", "photo", "plate", "fov", "case"}
)  # too short, or a place rather than a patient
_SEPARATORS = re.compile(r"[_\-. ]+")


def group_values(images: Sequence[str], pattern: str) -> list[str | None]:
    """Return what `pattern` finds in each image's name: its first parenthesis, or the whole find without one.

    The pattern is looked for in the file name, or, if it holds a `/`, in the whole path below the data set's folder.
    None stands for an image whose name does not match. A pattern with a part named `group`, as `data.pattern` takes
    it, is read as there.

    Raises:
        UsageProblem: it is not a regular expression.
    """
    try:
        named = name_pattern(pattern)
    except UsageProblem:  # an expression on the group alone
        pass
    else:
        if "group" in named.parts:
            return [(found and found.group) or None for found in map(named.read, images)]
    try:
        find = re.compile(pattern).search
    except re.error as error:
        raise UsageProblem(
            f"data.group = {printable(pattern)} is neither a column nor a regular expression: {error}. "
            r"Write one such as ^(slide\d+), or auto, or none.",
            key="data.group",
        ) from None
    whole = "/" in pattern
    values: list[str | None] = []
    for image in images:
        match = find(image if whole else image.rpartition("/")[2])
        values.append(None if match is None else (match[1] if match.re.groups else match[0]))
    return values


def suggest_group(images: Sequence[str], labels: Sequence[str] | None = None, above: int = 1) -> str | None:
    r"""Return the pattern by which the names group the images, such as `^(smear\d+)`, or None where there is none.

    Tried are the beginnings of the file names that end in a number, shortest first (a patient before a slide of
    the patient), and the subfolders below the class's, numbered ones first. One is taken if nearly all names have it,
    if it makes at least three groups that are not just the classes, and if images do share groups - or if the word
    before the number says that it counts patients, slides or the like. Folders that only divide the files (0001-1000),
    parts and copies (40X, augmented) are no groups.

    Args:
        images: names, `/` between their parts.
        labels: the class of each; without them, its first folder.
        above: how many folders, from the top, are no groups, since they are the class or lie above it.
    """
    if labels is None:
        labels = [image.partition("/")[0] for image in images]
    step = max(1, len(images) // _SAMPLE)
    sample = images[::step]
    stems = [image.rpartition("/")[2].rpartition(".")[0] for image in sample]
    for pattern in _candidates(stems):
        if _groups_well(images, labels, pattern):
            return pattern
    usable = [
        pattern
        for pattern in _folder_patterns(sample, above)
        if _groups_well(images, labels, pattern) and _are_groups(images, labels, pattern)
    ]
    return min(usable, key=lambda pattern: not _is_numbered(images, pattern), default=None)


def dividing_folders(images: Sequence[str], labels: Sequence[str], above: int = 1) -> tuple[str, ...]:
    """Return the names of folders that only divide the files of their class among them, and so are no groups.

    Args:
        images, labels, above: as for `suggest_group`.
    """
    for pattern in _folder_patterns(images, above):
        folders = _files_of_folders(images, labels, pattern)
        if folders and _only_divide(folders):
            return tuple(sorted({name for of_class in folders.values() for name in of_class}))
    return ()


def _folder_patterns(images: Sequence[str], above: int) -> list[str]:
    """Return a pattern for each level of folders below the first `above`."""
    deepest = max((image.count("/") for image in images), default=0)
    return ["^" + "[^/]+/" * depth + "([^/]+)/" for depth in range(above, min(deepest, above + _DEEPEST))]


def _are_groups(images: Sequence[str], labels: Sequence[str], pattern: str) -> bool:
    """Tell whether the folders that a pattern finds may be patients, slides or the like."""
    folders = _files_of_folders(images, labels, pattern)
    names = {name for of_class in folders.values() for name in of_class}
    few = len(names) < 3 * len(folders) and not _has_digits(names)  # kinds within the classes
    return not (few or are_no_groups(names) or _only_divide(folders))


def _only_divide(folders: Mapping[str, Mapping[str, Sequence[str]]]) -> bool:
    return sum(map(only_divide, folders.values())) >= 0.8 * len(folders)


def _files_of_folders(images: Sequence[str], labels: Sequence[str], pattern: str) -> dict[str, dict[str, list[str]]]:
    """Return class -> folder that a pattern finds -> file names."""
    found: dict[str, dict[str, list[str]]] = {}
    for image, label, folder in zip(images, labels, group_values(images, pattern), strict=True):
        if folder is not None:
            found.setdefault(label, {}).setdefault(folder, []).append(image.rpartition("/")[2])
    return found


def _is_numbered(images: Sequence[str], pattern: str) -> bool:
    return _has_digits({value for value in group_values(images, pattern) if value is not None})


def _has_digits(names: Collection[str]) -> bool:
    return sum(any(char.isdigit() for char in name) for name in names) >= 0.5 * len(names)


def _candidates(stems: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    by_token = [tuple(_TOKENS.findall(stem)) for stem in stems]
    # The same words in the same positions, only the numbers differ: a group may end with any of the numbers.
    shapes = Counter(tuple("\\d+" if token.isdigit() else token for token in tokens) for tokens in by_token)
    shape, count = shapes.most_common(1)[0] if shapes else ((), 0)
    if count >= _MOST_NAMES * len(stems):
        for end in range(1, len(shape) + 1):
            if shape[end - 1] == "\\d+":
                found["^(" + "".join(part if part == "\\d+" else re.escape(part) for part in shape[:end]) + ")"] = None
    found.update(dict.fromkeys(_field_candidates(stems)))
    return [*_said_candidates(stems), *found]


def _said_candidates(stems: Sequence[str]) -> list[str]:
    """Return patterns for what names call a patient or a slide themselves, behind something else: `7_patient3`."""
    words = Counter(match[1].lower() for stem in stems for match in _SAID.finditer(stem) if match.start())
    patterns = [
        rf"(?i)(?<![a-z])({word}[_\-. ]*\d+)" for word, _ in words.most_common() if word in GROUP_WORDS - _SHORT
    ]
    return [pattern for pattern in (_TCGA, *patterns) if _share_behind(stems, pattern) >= _MOST_NAMES]


def _share_behind(stems: Sequence[str], pattern: str) -> float:
    """Return the share of names in which a pattern is found, but not at their beginning."""
    found = (re.search(pattern, stem) for stem in stems)
    return sum(match is not None and match.start() > 0 for match in found) / max(1, len(stems))


def _field_candidates(stems: Sequence[str]) -> list[str]:
    fields = [_SEPARATORS.split(stem) for stem in stems]
    columns = Counter(len(parts) for parts in fields)
    least = min((length for length, count in columns.items() if count > 0.01 * len(fields)), default=0)
    found: list[str] = []
    pattern = ""
    for column in range(least):
        cells = {parts[column] for parts in fields if len(parts) > column}
        words = {cell.rstrip("0123456789") for cell in cells}
        numbered = all(cell[-1:].isdigit() for cell in cells)
        if len(cells) == 1:
            part = re.escape(next(iter(cells)))
        elif numbered and len(words) == 1:
            part = re.escape(next(iter(words))) + r"\d+"
        else:
            part = r"[^_\-. ]+"
        pattern += part if not column else r"[_\-. ]+" + part
        has_number = sum(any(char.isdigit() for char in cell) for cell in cells) >= _MOST_NAMES * len(cells)
        if len(cells) > 1 and has_number:
            found.append(f"^({pattern})")
    return found


def _groups_well(images: Sequence[str], labels: Sequence[str], pattern: str) -> bool:
    values = group_values(images, pattern)
    sizes = Counter((value, label) for value, label in zip(values, labels, strict=True) if value is not None)
    matched = sum(sizes.values())
    groups = {value for value, _ in sizes}
    if matched < _MOST_NAMES * len(images) or len(groups) < 3:
        return False
    if len(groups) <= len({of_class for _, of_class in sizes}) and len(groups) == len(sizes):
        return False  # it only says the class again
    word = re.match(r"\^\(([A-Za-z]+)", pattern)
    if word and word[1].lower() in GROUP_WORDS:
        return True
    # By class and folder as well: 1.jpg in each of several, which count anew, are not images of one patient.
    places = [image.rpartition("/")[0] for image in images]
    in_place = Counter(place for place in zip(values, labels, places, strict=True) if place[0] is not None)
    shared = sum(size for size in in_place.values() if size > 1)
    return len(in_place) <= 0.9 * matched and shared >= 0.2 * matched


def no_match_sentence(pattern: str, images: Sequence[str]) -> str:
    """Return the sentence that `pattern` matches no name, with an example."""
    example = one_line(images[0].rpartition("/")[2], 80)
    return (
        f"data.group = {printable(pattern)} matches no file name (the first is {example}). "
        r"Write a regular expression such as ^(slide\d+), a manifest column, auto or none."
    )


def join_groups(
    groups: npt.NDArray[np.int32], names: tuple[str, ...], together: Iterable[Sequence[int]]
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Merge the groups of images that belong together.

    Args:
        groups: int32 [n], of each image, indices into `names`.
        names: of the groups.
        together: sets of images that belong together, by index.

    Returns:
        The new `groups` and `names`; a joined group has the name of its first one.
    """
    leader_of = np.arange(len(names), dtype=np.int32)

    def leader(group: int) -> int:
        while leader_of[group] != group:
            leader_of[group] = leader_of[leader_of[group]]
            group = int(leader_of[group])
        return group

    for members in together:
        leaders = sorted({leader(int(groups[image])) for image in members})
        for other in leaders[1:]:
            leader_of[other] = leaders[0]
    leaders_now = np.array([leader(group) for group in range(len(names))], np.int32)
    kept, codes = np.unique(leaders_now, return_inverse=True)
    if len(kept) == len(names):
        return groups, names
    return codes.astype(np.int32)[groups], tuple(names[group] for group in kept)

"""Recognizes how folders say class, part and group, from which of them hold the same folders and from their names.

Where every folder at the top holds the same folders, one of the two levels is the classes. Names tell which: parts
(train, TestA), folds, copies (augmented, 40X), numbered sites and patients are no classes. Where they don't tell,
nothing is guessed: it is refused with the choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.folder_tree import Folder, folder_tree
from aimic_tui.engine.data.listing.folder_words import (
    PART_FOLDERS,
    are_bare_numbers,
    are_folds,
    are_no_classes,
    are_numbered,
    are_people,
    holds_masks,
    is_wrapper,
    number_classes,
    part_of,
)
from aimic_tui.engine.data.listing.layout import Layout, LayoutKind
from aimic_tui.engine.data.listing.layout_sentences import listed_names, sentences_on_classes
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import name_key
from aimic_tui.engine.text import printable

_DEEPEST = 6  # levels that are looked through
_NEARLY = 0.6  # of a folder's subfolders that others hold too, where they are said to hold the same
_MOST = 0.8
_LOOSE = 0.05  # of the images may lie beside the folders that classes are in
_PART_WORDS = {Part.TRAIN: "train", Part.VALIDATION: "validation", Part.TEST: "test", Part.UNUSED: "no part"}


class UnclearLayout(InputProblem):
    """Two levels of folders could be the classes of `images` (names, sorted); `data.layout` decides."""

    def __init__(self, sentence: str, images: tuple[str, ...]) -> None:
        super().__init__(sentence, key="data.layout")
        self.images = images


@dataclass(frozen=True)
class _Base:
    """A folder whose subfolders may be the classes, and the part of its images."""

    folder: Folder
    part: Part | None = None


_Bases = Mapping[str, _Base]  # by path, empty or with a `/` at its end


def recognize_layout(images: Sequence[str], root: Path) -> Layout:
    """Return how the folders of these images are best read.

    Args:
        images: names, sorted, `/` between their parts.
        root: the data set's folder, which a folder inside it may be named after.

    Raises:
        UnclearLayout: two levels of folders could be the classes.
    """
    bases: _Bases = {"": _Base(folder_tree(images))}
    kind: LayoutKind = "classes"
    said: list[str] = []
    pattern: str | None = None
    folds = False
    for _ in range(_DEEPEST):
        deeper = None if kind == "parts" else _parts(bases)
        if deeper is None:
            bases, wrappers = _unwrapped(bases, root)
            if wrappers:
                said.append(f"The images lie in {listed_names(wrappers, 80)}.")
            deeper = None if kind == "parts" else _parts(bases)
        if deeper is not None and folds:  # an image trains in one fold and tests in the next
            said.append(f"Their parts ({_names_with_parts(deeper)}) contradict each other and are not used.")
            deeper = {path: replace(base, part=None) for path, base in deeper.items()}
        elif deeper is not None:
            kind = "parts"
            said.append(f"{_names_with_parts(deeper)} are parts.")
        else:
            inner = _same_within(bases)
            if inner is None or not _are_inside(bases, inner, images, root):
                break
            tops = sorted(_tops(bases))
            deeper = {path: base for path, base in _descended(bases).items() if base.folder.folders}
            if are_people(tops):
                kind = "groups" if kind == "classes" else kind
                pattern = pattern or _folder_pattern(next(iter(deeper)).count("/"))
                said.append(f"{listed_names(tops)} are groups.")
            else:
                kind = "pooled" if kind == "classes" else kind
                folds = folds or are_folds(tops)
                said.append(f"{listed_names(tops)} hold the same folders and are put together.")
        bases = {path: base for path, base in deeper.items() if not holds_masks(_name(path))}
    nested = _nested_copies(bases)
    if nested:
        kind = "pooled" if kind == "classes" else kind
        said.append(f"{listed_names(map(_name, nested))} holds folders of the same names once more.")
        bases = {**bases, **nested}
    layout = Layout(
        kind,
        {path: base.part for path, base in bases.items()},
        {} if kind == "parts" else _parts_within(bases),
        pattern,
    )
    said += sentences_on_classes(layout, _tops(bases), images, bool(said))
    return replace(layout, sentence=f"Layout: {' '.join(said)}" if said else "")


def chosen_layout(images: Sequence[str], root: Path, kind: LayoutKind) -> Layout:
    """Return the layout that `data.layout` names: below any folder that is the only one, so many levels.

    Args:
        images, root: as for `recognize_layout`.
        kind: what the folders at the top are.
    """
    if kind == "deepest":
        return Layout("deepest")
    bases, _ = _unwrapped({"": _Base(folder_tree(images))}, root)
    if kind == "classes":
        return Layout("classes", dict.fromkeys(bases))
    bases = _descended(bases)
    pattern = _folder_pattern(next(iter(bases), "/").count("/")) if kind == "groups" else None
    parts = {path: (part_of(_name(path)) or Part.UNUSED) if kind == "parts" else None for path in bases}
    return Layout(kind, parts, group_pattern=pattern)


def _unwrapped(bases: _Bases, root: Path) -> tuple[_Bases, list[str]]:
    """Go into folders that lie beside no other that holds folders, and whose names say nothing of the images."""
    names: list[str] = []
    unwrapped: dict[str, _Base] = {}
    for path, base in bases.items():
        inner, folder = _inside_wrappers(base.folder, root)
        unwrapped[path + inner] = replace(base, folder=folder)
        if inner:
            names.append(path + inner[:-1])
    return unwrapped, names


def _inside_wrappers(folder: Folder, root: Path) -> tuple[str, Folder]:
    """Return the folder in which everything in a folder lies, and its path there; the folder itself if it is none.

    It is one that lies alone in another and is named after data, images or a part, or after the data set's own folder,
    or that holds parts.
    """
    within = ""
    while True:
        chain = _only_folders(folder)
        if not chain:
            return within, folder
        name, inner = chain[-1]
        alone = len(folder.folders) == 1
        named = is_wrapper(name) or (alone and name_key(name) in map(name_key, (root.name, root.parent.name)))
        with_parts = _parts({f"{name}/": _Base(inner)}) is not None
        if inner.images > _LOOSE * inner.total or not (named or (alone and with_parts)):
            return within, folder
        if are_no_classes(inner.folders) and not with_parts and _same_within({"": _Base(inner)}) is None:
            return within, folder  # patients of a single class are not the classes
        within, folder = within + "".join(f"{step}/" for step, _ in chain), inner


def _only_folders(folder: Folder) -> list[tuple[str, Folder]]:
    """Return the folders, one in the other, that lie beside none that holds folders, down to one that holds several."""
    chain: list[tuple[str, Folder]] = []
    while True:
        holding = [(name, inner) for name, inner in folder.folders.items() if inner.folders]
        several = len(folder.folders) > 1
        if chain and several:
            return chain
        if len(holding) != 1:
            return []
        name, inner = holding[0]
        if several and len(set(map(name_key, inner.folders)) & set(map(name_key, folder.folders))) > 1:
            return []  # it holds the classes beside it once more
        chain.append((name, inner))
        folder = inner


def _parts(bases: _Bases) -> _Bases | None:
    """Return the folders one level deeper with their parts, if they are parts; else None.

    They are if some folder is named after training and holds folders, and another is named after a part and holds the
    same ones. Others beside them are no part, and none of their images has a class, unless they hold the same folders.
    """
    tops = _tops(bases)
    parts = {name: part_of(name) for name in tops}
    training = [name for name, part in parts.items() if part == Part.TRAIN and tops[name].folders]
    others = [name for name, part in parts.items() if part not in (None, Part.TRAIN)]
    if not training or not others:
        return None
    classes = {key for name in training for key in _class_keys(tops[name])}
    if not all(name.casefold() in PART_FOLDERS for name in tops):
        holding = [name for name in others if tops[name].folders]
        if len(classes) < 2 or not all(_share(tops[name], classes) >= 0.5 for name in holding):
            return None
    found: dict[str, _Base] = {}
    for path, base in _descended(bases).items():
        name, folder = _name(path), base.folder
        if parts[name] is not None:
            found[path] = replace(base, part=parts[name])
        elif folder.folders and set(map(name_key, folder.folders)) <= set(map(name_key, tops)) - {name_key(name)}:
            # the data set in itself once more
            found |= {
                f"{path}{inner}/": _Base(below, part_of(inner) or Part.UNUSED)
                for inner, below in folder.folders.items()
            }
        elif _share(folder, classes) >= _NEARLY and not holds_masks(name):
            found[path] = replace(base, part=Part.UNUSED)
    return found


def _same_within(bases: _Bases) -> list[str] | None:
    """Return the names of the folders that nearly all folders at the top hold, None where they hold no same ones."""
    holding = [top for top in _tops(bases).values() if top.folders]
    all_tops = len(_tops(bases))
    if len(holding) < 2 or len(holding) < _NEARLY * all_tops:
        return None
    if sum(top.images for top in holding) > _LOOSE * sum(top.total for top in holding):
        return None
    counts = Counter(key for top in holding for key in set(map(name_key, top.folders)))
    shared = {key for key, count in counts.items() if count > 1}
    fitting = sum(_share(top, shared) >= _NEARLY for top in holding)
    if len(shared) < 2 or fitting < _MOST * len(holding) or (len(holding) < _DEEPEST and fitting < len(holding)):
        return None
    return sorted({name for top in holding for name in top.folders if name_key(name) in shared})


def _are_inside(bases: _Bases, inner: Sequence[str], images: Sequence[str], root: Path) -> bool:
    """Tell whether the classes are inside the folders at the top, which hold the same ones, rather than these.

    Raises:
        UnclearLayout: both could be, or neither.
    """
    tops = [name for name, top in _tops(bases).items() if top.folders]
    top_is_none, inner_is_none = are_no_classes(tops), are_no_classes(inner)
    # Where these are parts or the like of the folders above them, the classes may lie still deeper.
    below = _same_within(_descended(bases)) if inner_is_none else None
    classes_below = below is not None and not are_no_classes(below) and not are_numbered(below)
    if top_is_none != inner_is_none and not classes_below:
        return top_is_none
    if classes_below and (top_is_none or are_bare_numbers(tops)):
        return True
    if top_is_none and any(inside.folder.folders for inside in _descended(_descended(bases)).values()):
        return True
    if not (top_is_none or inner_is_none) and number_classes(tops) != number_classes(inner):
        return number_classes(inner)
    if not (top_is_none or inner_is_none) and are_numbered(inner) and not are_numbered(tops):
        return False  # patients or portions, as a rule
    above, inside = listed_names(tops), listed_names(inner)
    raise UnclearLayout(
        f"{printable(str(root))}: {above} hold the same folders ({inside}), so either can be the classes. Set "
        f"data.layout = classes if {above} are; pooled if {inside} are, and the folders above them say nothing; groups "
        "if those above are patients, slides or the like; or parts.",
        tuple(images),
    )


def _nested_copies(bases: _Bases) -> dict[str, _Base]:
    """Return the folders that hold folders of the same names as lie beside them."""
    found: dict[str, _Base] = {}
    for path, base in bases.items():
        for name, folder in base.folder.folders.items():
            beside = {name_key(other) for other in base.folder.folders if other != name}
            shared = beside & set(map(name_key, folder.folders))
            if len(shared) > 1 and _share(folder, shared) >= _NEARLY and name_key(name) not in shared:
                found[f"{path}{name}/"] = replace(base, folder=folder)
    return found if len(found) == 1 else {}


def _parts_within(bases: _Bases) -> dict[str, Part]:
    """Return the parts that the subfolders of the classes are; empty where they are none."""
    classes = [folder for folder in _tops(bases).values() if folder.folders]
    found = {name: part_of(name) for folder in classes for name in folder.folders}
    parts = {name: part for name, part in found.items() if part is not None}
    usable = len(parts) == len(found) and Part.TRAIN in parts.values() and len(set(parts.values())) > 1
    return parts if usable and len(classes) >= _MOST * len(_tops(bases)) else {}


def _tops(bases: _Bases) -> dict[str, Folder]:
    """Return the folders directly in the bases, those of one name together."""
    found: dict[str, Folder] = {}
    for base in bases.values():
        for name, folder in base.folder.folders.items():
            found[name] = folder if name not in found else _merged(found[name], folder)
    return found


def _merged(one: Folder, other: Folder) -> Folder:
    return Folder(one.images + other.images, {**other.folders, **one.folders})


def _descended(bases: _Bases) -> dict[str, _Base]:
    return {
        f"{path}{name}/": _Base(folder, base.part)
        for path, base in bases.items()
        for name, folder in base.folder.folders.items()
    }


def _class_keys(folder: Folder) -> set[str]:
    """Return the names of the classes in a part, which a single folder may hold."""
    while len(folder.folders) == 1:
        name, inner = next(iter(folder.folders.items()))
        if not inner.folders or not is_wrapper(name):
            break
        folder = inner
    return set(map(name_key, folder.folders))


def _share(folder: Folder, keys: Iterable[str]) -> float:
    """Return the share of a folder's subfolders that are among `keys`."""
    own = _class_keys(folder)
    return len(own & set(keys)) / len(own) if own else 0.0


def _folder_pattern(depth: int) -> str:
    """Return the group pattern that is the folder at this depth, counted from 1."""
    return r"^([^/]+)/" if depth == 1 else "^" + r"[^/]+/" * (depth - 1) + r"([^/]+)/"


def _name(path: str) -> str:
    """Return the name of a folder from its path with a `/` at its end."""
    return path.split("/")[-2]


def _names_with_parts(bases: _Bases) -> str:
    parts = {_name(path): base.part or Part.UNUSED for path, base in bases.items()}
    return listed_names(f"{name} ({_PART_WORDS[part]})" for name, part in parts.items())

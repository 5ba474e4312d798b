"""How the folders of a data set were read, in sentences: what the classes are, what is left out, what may be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.folder_tree import Folder
from aimic_tui.engine.data.listing.folder_words import (
    are_copies,
    are_no_classes,
    are_ranges_of_files,
    count_no_classes,
    holds_masks,
    part_of,
)
from aimic_tui.engine.data.listing.layout import Layout
from aimic_tui.engine.text import listed, one_line, plural

_NAMED = 3
_LOOSE = 0.05  # of the images may lie beside the folders in the classes, which may yet be classes
_NAMESAKES = 0.1  # of the images, from which copies are likely


def listed_names(names: Iterable[str], longest: int = 40) -> str:
    """Join names of folders, only the first of many, each in at most so many characters."""
    shown = [one_line(name, longest) for name in names]
    return listed(shown) if len(shown) <= _NAMED + 1 else listed([*shown[:_NAMED], f"{len(shown) - _NAMED} others"])


def sentences_on_classes(
    layout: Layout, classes: Mapping[str, Folder], images: Sequence[str], above: bool
) -> Iterator[str]:
    """Say which folders are the classes and what is in them; nothing where that is beyond doubt.

    Args:
        layout: as recognized.
        classes: the folders that are the classes.
        images: names, sorted.
        above: the classes lie in folders of which something was said already.
    """
    labels, parts = layout.read(images)
    if above:
        yield f"The folders in them are the classes ({listed_names(sorted(set(filter(None, labels))))})."
    if layout.parts_within:
        yield f"The folders in the classes ({listed_names(layout.parts_within)}) are parts."
    if Part.TRAIN in parts and len(set(parts) - {Part.UNUSED}) > 1:
        yield "split.method = predefined uses the parts."
    if layout.kind == "classes" and len({part_of(name) for name in classes} - {None}) > 1:
        named = [name for name in classes if part_of(name) is not None]
        yield f"{listed_names(named)} are named after parts, but hold no class folders, so they are read as classes."
        above = True
    elif layout.kind == "classes" and _hardly_classes(list(classes), images):
        yield (
            f"{listed_names(classes)} are read as classes, but their names are those of patients, portions or the "
            "like. If they are, a manifest or data.pattern must say the classes; if not, data.layout = classes says so."
        )
    yield from _on_namesakes(layout, images, labels)
    without = Counter(
        image.partition("/")[0] for image, label in zip(images, labels, strict=True) if not label and "/" in image
    )
    if without:
        shown = [f"{one_line(name, 40)} ({plural(count, 'image')})" for name, count in without.most_common(_NAMED)]
        more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
        yield f"Without a class: {', '.join(shown)}{more}."
    within = {name: set(_names_within(folder)) for name, folder in classes.items()}
    inner = sorted(set().union(*within.values()))
    masks = [name for name in inner if holds_masks(name)]
    copies = [name for name in inner if are_copies([name]) and name not in masks]
    if masks:
        yield f"Images in {listed_names(masks)} count as images of their class; a manifest can leave them out."
    elif len(copies) > 1 or (copies and len(inner) > 1):
        yield (
            f"The folders in the classes ({listed_names(copies)}) are read together; images of one object need a "
            "common group (data.group)."
        )
    elif not layout.parts_within and _may_be_finer(classes, len(images)):
        leaves = sorted({name for folder in classes.values() for name in _leaves(folder)})
        yield f"The folders in the classes ({listed_names(leaves)}) are not told apart; data.layout = deepest would."
        return
    if above or layout.parts_within:
        yield "data.layout changes this."


def _hardly_classes(names: Sequence[str], images: Sequence[str]) -> bool:
    """Tell whether folders at the top count something else than classes, or only divide the files."""
    if count_no_classes(names):
        return True
    files: dict[str, list[str]] = {name: [] for name in names}
    for image in images:
        *folders, file = image.split("/")
        for name in set(folders) & files.keys():
            files[name].append(file)
    return are_ranges_of_files(files)


def _on_namesakes(layout: Layout, images: Sequence[str], labels: Sequence[str]) -> Iterator[str]:
    """Say that images of several folders put together have the same names: copies, perhaps."""
    if layout.kind in ("classes", "groups"):
        return
    counts = Counter((label, image.rpartition("/")[2]) for image, label in zip(images, labels, strict=True) if label)
    namesakes = sum(count for count in counts.values() if count > 1)
    if namesakes >= _NAMESAKES * len(images):
        yield (
            f"{plural(namesakes, 'image')} have the file name of another image of their class; identical ones share a "
            "group, so that no split separates them."
        )


def _may_be_finer(classes: Mapping[str, Folder], images: int) -> bool:
    """Tell whether the folders in the classes may be classes themselves: several in one, with words for names."""
    leaves = [list(_leaves(folder)) for folder in classes.values()]
    names = {name for of_class in leaves for name in of_class}
    numbered = sum(any(char.isdigit() for char in name) for name in names)
    return (
        max(map(len, leaves), default=0) > 1
        and sum(folder.images for folder in classes.values()) <= _LOOSE * images
        and numbered <= 0.5 * len(names)
        and not are_no_classes(names)
    )


def _names_within(folder: Folder) -> Iterator[str]:
    pending = [folder]
    while pending:
        for name, inner in pending.pop().folders.items():
            yield name
            pending.append(inner)


def _leaves(folder: Folder) -> Iterator[str]:
    """Return the names of the folders in a class in which images lie."""
    pending = [folder]
    while pending:
        for name, inner in pending.pop().folders.items():
            if inner.images:
                yield name
            pending.append(inner)

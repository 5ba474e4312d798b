"""What the names of folders say by themselves: a part of a data set, copies, magnifications, numbers - or classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise

from aimic_tui.engine.data.data_set import Part

PART_FOLDERS = {
    "train": Part.TRAIN,
    "training": Part.TRAIN,
    "val": Part.VALIDATION,
    "valid": Part.VALIDATION,
    "validation": Part.VALIDATION,
    "test": Part.TEST,
    "testing": Part.TEST,
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
# train, trainset, train_data, TestA, TEST_SIMPLE
_PART_WORD = re.compile(r"(train|training|trn|val|valid|validation|test|testing|tst)(set|data|images?|imgs?|[ab])?")
_PART_OF_WORD = {**PART_FOLDERS, "trn": Part.TRAIN, "tst": Part.TEST}
_WRAPPERS = frozenset(
    {
        "image",
        "images",
        "img",
        "imgs",
        "picture",
        "pictures",
        "photo",
        "photos",
        "slides",
        "data",
        "dataset",
        "datasets",
    }
    | {"labeled", "labelled", "database", "files", "content", "upload", "download", "downloads"}
)
_COPIES = frozenset(
    {"original", "originals", "orig", "raw", "augmented", "augmentation", "aug", "processed", "preprocessed", "cropped"}
    | {"crop", "crops", "normalized", "normalised", "resized", "enhanced", "rotated", "flipped", "segmented"}
    | {"whole", "full", "copy", "copies", "backup", "duplicates"}
)
_MASKS = frozenset({"mask", "masks", "segmentation", "segmentations", "annotation", "annotations", "groundtruth", "gt"})
_MAGNIFICATION = re.compile(r"x\s*\d{1,4}|\d{1,4}([.,]\d+)?\s*(x|[uµμ]m|mpp|px)", re.IGNORECASE)
_RANGE = re.compile(r"(?P<word>\D*?)(?P<first>\d+)\s*(?:-|–|_|to)\s*(?P<last>\d+)")
_NUMBERED = re.compile(r"(?P<word>(?:[^\W\d_]+(?:[\s_-]+[^\W\d_]+)*)?)(?:[\s_.\-#]*\d+|(?<=\w)[\s_.\-#]+[A-Za-z])")
# The same behind a beginning that all names have: HAM10000_images_part_1, drive-download-20230101T101010Z-001.
_NUMBERED_AT_END = re.compile(r"(?P<before>.*?)(?P<word>[^\W\d_]*)[\s_.\-#]*\d+")
_MOMENT = re.compile(r"\d{8}")  # a date in a name is that of a download
# What counts people or specimens: each folder of such a name is a group.
GROUP_WORDS = frozenset(
    {"smear", "slide", "patient", "pat", "subject", "sub", "case", "donor", "specimen", "animal", "mouse", "rat", "wsi"}
    | {"fov", "photo", "plate", "biopsy", "person", "uid"}
)
_PORTIONS = frozenset(
    {
        "fold",
        "kfold",
        "split",
        "cv",
        "partition",
        "set",
        "dataset",
        "part",
        "chunk",
        "subset",
        "folder",
        "magnification",
        "images",
        "archive",
    }
)
_COUNTED = (
    GROUP_WORDS
    | _PORTIONS
    | {"sample", "individual", "pid", "batch", "run", "day", "week", "round", "site", "center", "centre", "hospital"}
    | {"clinic", "lab", "scanner", "microscope", "camera", "device", "cohort", "session", "experiment", "exp"}
    | {
        "image",
        "img",
        "replicate",
        "rep",
        "well",
        "position",
        "series",
        "year",
        "channel",
        "stack",
        "reader",
        "annotator",
        "rater",
    }
)
_PEOPLE = GROUP_WORDS | {"sample", "individual", "pid"}
_DIVIDE = frozenset({"part", "chunk", "subset", "folder", "dir", "block", "split", ""})
# What numbers classes: grade 1, type 2.
_CLASS_WORDS = frozenset({"class", "grade", "stage", "type", "score", "level", "category", "label", "cin", "g", "cd"})
_FEW = 5  # folds of the usual split: fewer folders than that can't be divided as groups
_IDS = 10  # more numbered folders than that are hardly classes
_MOST = 0.8


def words_of(name: str) -> list[str]:
    """Return the words and numbers in a name, in lower case."""
    return [word.lower() for word in _WORDS.findall(name)]


def part_of(name: str) -> Part | None:
    """Return the part that a folder's name speaks of; None where it speaks of none, or of train and test at once."""
    if name.casefold() in PART_FOLDERS:
        return PART_FOLDERS[name.casefold()]
    found = {_PART_OF_WORD[match[1]] for word in words_of(name) if (match := _PART_WORD.fullmatch(word))}
    if found == {Part.TRAIN, Part.VALIDATION}:  # the images that a test set leaves
        return Part.TRAIN
    return next(iter(found)) if len(found) == 1 else None


def is_wrapper(name: str) -> bool:
    """Tell whether a folder of this name, the only one beside no other, says nothing of the images in it."""
    return part_of(name) is not None or not _WRAPPERS.isdisjoint(words_of(name))


def holds_masks(name: str) -> bool:
    """Tell whether a folder's name says that it holds drawings over images, not images."""
    return not _MASKS.isdisjoint(words_of(name)) or name.casefold().replace(" ", "").replace("_", "") == "groundtruth"


def are_copies(names: Collection[str]) -> bool:
    """Tell whether folders of these names hold the same objects in several forms: magnifications, augmented ones."""
    return _most(names, lambda name: bool(_MAGNIFICATION.fullmatch(name)) or not _COPIES.isdisjoint(words_of(name)))


def are_people(names: Collection[str]) -> bool:
    """Tell whether folders of these names are patients, slides or the like, each a group."""
    word = _counted_word(names)
    if word in _PORTIONS:
        return False
    return word in _PEOPLE or (len(names) >= _FEW if word in _COUNTED else _are_ids(names))


def are_folds(names: Collection[str]) -> bool:
    """Tell whether these are the folds of a cross-validation."""
    return _counted_word(names) in {"fold", "kfold", "split", "cv", "partition"}


def number_classes(names: Collection[str]) -> bool:
    """Tell whether these are numbered classes, such as grade 1 and grade 2."""
    return _counted_word(names) in _CLASS_WORDS


def are_bare_numbers(names: Collection[str]) -> bool:
    """Tell whether these names are numbers and nothing else."""
    return all(name.strip().isdecimal() for name in names)


def are_numbered(names: Collection[str]) -> bool:
    """Tell whether these names are numbers, or one word and a number, that are not those of classes."""
    return _counted_word(names) is not None and not number_classes(names)


def are_no_classes(names: Collection[str]) -> bool:
    """Tell whether these names hardly are those of classes: parts, copies, folds, numbered sites, patients, masks."""
    if number_classes(names):
        return False
    return (
        sum(part_of(name) is not None or holds_masks(name) for name in names) >= 0.5 * len(names)
        or are_copies(names)
        or _counted_word(names) in _COUNTED
        or _are_ids(names)
        or _most(names, lambda name: bool(_RANGE.fullmatch(name)))
    )


def count_no_classes(names: Collection[str]) -> bool:
    """Tell whether two or more names count patients, folds, batches and the like, as those of classes hardly do."""
    return len(names) > 1 and _counted_word(names) in _COUNTED


def are_ranges_of_files(folders: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether the names of folders are ranges of the numbers that their files have, such as 0001-1000.

    Args:
        folders: name -> the file names in it.
    """
    inside = 0
    for name, files in folders.items():
        found = _RANGE.fullmatch(name)
        if found is None:
            return False
        first, last = int(found["first"]), int(found["last"])
        inside += sum(any(first <= number <= last for number in _numbers(file)) for file in files)
    return inside >= _MOST * sum(map(len, folders.values())) > 0


def are_no_groups(names: Collection[str]) -> bool:
    """Tell whether folders of these names divide a class by something else than patients or slides."""
    return are_copies(names) or are_folds(names) or _most(names, lambda name: part_of(name) is not None)


def _are_ids(names: Collection[str]) -> bool:
    """Tell whether names are numbers or the like, and so many that they count something."""
    word = _counted_word(names)
    if word is None:
        return len(names) > _IDS and _most(names, lambda name: any(char.isdigit() for char in name))
    if not word and any(name.strip().startswith("0") and len(name.strip()) > 1 for name in names):
        return True  # 001 is no class
    return len(names) > (_FEW - 1 if word else _IDS) and word not in _CLASS_WORDS


def _counted_word(names: Collection[str]) -> str | None:
    """Return the word that all names have before a number or a letter, such as fold of fold_0; None where none.

    It is empty where the names are bare numbers.
    """
    words = set()
    for name in names:
        found = _NUMBERED.fullmatch(name.strip())
        if found is None:
            return _word_behind_beginning(names)
        words.add(re.split(r"[\s_-]", found["word"].casefold())[-1])
    return words.pop() if len(words) == 1 else None


def _word_behind_beginning(names: Collection[str]) -> str | None:
    found = [_NUMBERED_AT_END.fullmatch(name.strip()) for name in names]
    same = {(match["before"], match["word"].casefold()) for match in found if match}
    if len(names) < 2 or not all(found) or len(same) > 1:
        return None
    before, word = same.pop()
    if word in _COUNTED:
        return word
    return "archive" if _MOMENT.search(before) else None


def _most(names: Collection[str], test: Callable[[str], bool]) -> bool:
    return bool(names) and sum(map(test, names)) >= _MOST * len(names)


def only_divide(folders: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether folders of one class only divide its files among them, so that they say nothing of the images.

    They do where their names are ranges of numbers that their files have (or ranges of one length), or a word such as
    part and a number, or a bare number, and the files' own numbers go on from folder to folder in portions of one size.

    Args:
        folders: name -> the file names in it.
    """
    ranges = [_RANGE.fullmatch(name) for name in folders]
    if all(ranges):
        spans = [(int(found["first"]), int(found["last"])) for found in ranges if found]
        lengths = {last - first for first, last in spans}
        ascending = all(first < last for first, last in spans)
        return ascending and (are_ranges_of_files(folders) or (len(lengths) == 1 and len(folders) > 1))
    word = _counted_word(folders)
    if word not in _DIVIDE or not all(name[-1:].isdigit() for name in folders):
        return False
    portions = [files for _, files in sorted(folders.items(), key=lambda item: _numbers(item[0]))]
    last_numbers = [[_numbers(file)[-1] for file in files if _numbers(file)] for files in portions]
    follow = all(last_numbers) and all(max(before) < min(after) for before, after in pairwise(last_numbers))
    even = len({len(files) for files in portions[:-1]}) == 1 and len(portions[-1]) <= len(portions[0])
    return follow and (even or bool(word))


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,18}", name)]

"""The folders of a data set, as a tree of how many images lie where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Folder:
    """A folder that holds images at some depth.

    Attributes:
        images: how many lie directly in it.
        folders: those in it that hold images, by name.
    """

    images: int = 0
    folders: dict[str, Folder] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The images at any depth."""
        count, pending = 0, [self]
        while pending:  # a tree may be deeper than Python's stack
            folder = pending.pop()
            count += folder.images
            pending.extend(folder.folders.values())
        return count


def folder_tree(images: Iterable[str]) -> Folder:
    """Return the tree of the folders in which images lie; `/` stands between the parts of their names."""
    root = Folder()
    for path, count in Counter(image.rpartition("/")[0] for image in images).items():
        folder = root
        for name in path.split("/") if path else ():
            folder = folder.folders.setdefault(name, Folder())
        folder.images += count
    return root

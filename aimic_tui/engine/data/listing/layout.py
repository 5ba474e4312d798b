"""How the folders of a data set say class, part and group, and what is made of each image's path by that.

`recognize_layout` finds it, or `data.layout` names it. The bases of a layout are the folders whose subfolders are the
classes: the data set's own folder where these are at its top, `train/` and `test/` where they are parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from aimic_tui.engine.data.data_set import Part

LayoutKind = Literal["classes", "parts", "groups", "pooled", "deepest"]
LAYOUTS: Mapping[LayoutKind, str] = {
    "classes": "Top folders are the classes",
    "parts": "Top folders are train, validation, test; their subfolders the classes",
    "groups": "Top folders are groups (patients); their subfolders the classes",
    "pooled": "Top folders say nothing (folds, copies); their subfolders are classes",
    "deepest": "The class is the folder that an image lies in",
}
"""What the values of `data.layout` mean; auto is the one that is recognized."""


@dataclass(frozen=True)
class Layout:
    """A way to read folders.

    Attributes:
        kind: what the folders at the top are: the classes; or parts, groups, or nothing (pooled), and the folders in
            them are the classes; deepest: the class is the folder that an image lies in.
        bases: path of a folder whose subfolders are classes (empty, or with a `/` at its end) -> the part of its
            images, None where the folders give no parts.
        parts_within: names of subfolders of the classes that are parts.
        group_pattern: groups the images by the folders that are groups; None where none are.
        sentence: how the folders were read and how else they could be; empty where that is beyond doubt.
    """

    kind: LayoutKind
    bases: Mapping[str, Part | None] = field(default_factory=lambda: {"": None})
    parts_within: Mapping[str, Part] = field(default_factory=dict)
    group_pattern: str | None = None
    sentence: str = ""

    @property
    def gives_parts(self) -> bool:
        """Whether folders say which images train and which test."""
        return bool(self.parts_within) or any(part is not None for part in self.bases.values())

    def read(self, images: Iterable[str]) -> tuple[list[str], list[Part]]:
        """Return the class of each image, empty where it has none, and its part."""
        read = cache(self._read_folder)
        found = [read(image.rpartition("/")[0]) for image in images]
        return [label for label, _ in found], [part for _, part in found]

    def _read_folder(self, path: str) -> tuple[str, Part]:
        folders = path.split("/") if path else []
        depths = sorted({base.count("/") for base in self.bases if base.count("/") <= len(folders)}, reverse=True)
        for depth in depths:
            base = "".join(f"{name}/" for name in folders[:depth])
            if base in self.bases:
                within, part = folders[depth:], self.bases[base]
                break
        else:
            return "", Part.UNUSED
        if not within:
            return "", Part.UNUSED
        if len(within) > 1:
            part = self.parts_within.get(within[1], part)
        return within[-1 if self.kind == "deepest" else 0], part or Part.UNUSED

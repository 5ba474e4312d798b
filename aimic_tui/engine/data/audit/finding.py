"""One thing that an audit found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing wrong.

    Attributes:
        kind: such as "truncated"; `inspect.KINDS` lists them, the worst first.
        paths: the names of the images concerned.
        detail: what there is to say.
    """

    kind: str
    paths: tuple[str, ...]
    detail: str

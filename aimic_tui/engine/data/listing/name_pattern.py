r"""Reading an image's class, group and part from its path.

Written as a form, `{group}_{label}_*.png`, in which a part stands for as few letters as will do, `*` for any others
of a name and `**` for any folders; or as a regular expression with named parts, `^(?P<label>[a-z]+)\d+`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.text import one_line, printable

PARTS = ("label", "group", "part")
_EXAMPLES = r"{group}_{label}_*.png or ^(?P<group>slide\d+)/(?P<label>[a-z]+)"
_FIELD = re.compile(r"\{(\w*)\}")
_PIECES = re.compile(r"\{\w*\}|\*\*/?|\*|\?|[^{*?]+|\{")


@dataclass(frozen=True)
class NameFields:
    """The class, group and part in a path; empty where it has none."""

    label: str
    group: str = ""
    part: str = ""


@dataclass(frozen=True)
class NamePattern:
    """A pattern that reads names. `parts` are those it has."""

    text: str
    parts: frozenset[str]
    _expression: re.Pattern[str]
    _form: bool

    def read(self, image: str) -> NameFields | None:
        """Return what a path (below the data set's folder, `/` between its parts) says, None where it doesn't match.

        A form must fit the whole path, or the whole file name if it holds no `/`; an expression is looked for
        anywhere in the path.
        """
        if self._form:
            found = self._expression.fullmatch(image if "/" in self.text else image.rpartition("/")[2])
        else:
            found = self._expression.search(image)
        if found is None:
            return None
        named = found.groupdict()
        return NameFields(**{part: (named.get(part) or "").strip() for part in PARTS})


def name_pattern(text: str) -> NamePattern:
    """Read a pattern.

    Raises:
        UsageProblem: it is no expression, has no part `label`, or has parts that mean nothing here.
    """
    shown = one_line(text, 120)
    form = any(name in PARTS for name in _FIELD.findall(text))
    try:
        expression = re.compile(_from_form(text) if form else text)
    except re.error as error:
        raise UsageProblem(
            f"data.pattern = {shown} is not a regular expression: {printable(str(error))}. Write one such as "
            f"{_EXAMPLES}.",
            key="data.pattern",
        ) from None
    unknown = [name for name in expression.groupindex if name not in PARTS]
    if unknown:
        raise UsageProblem(
            f"data.pattern = {shown} names a part {one_line(unknown[0], 40)}. The parts are label, group and part.",
            key="data.pattern",
        )
    if "label" not in expression.groupindex:
        raise UsageProblem(
            f"data.pattern = {shown} has no part label, so it says no image's class. Write it such as {_EXAMPLES}.",
            key="data.pattern",
        )
    return NamePattern(text, frozenset(expression.groupindex), expression, form)


def _from_form(text: str) -> str:
    return "".join(map(_piece, _PIECES.findall(text)))


def _piece(piece: str) -> str:
    if name := _FIELD.fullmatch(piece):
        return f"(?P<{name[1]}>[^/]+?)" if name[1] else "[^/]+?"
    return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece) or re.escape(piece)

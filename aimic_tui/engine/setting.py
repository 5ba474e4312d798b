"""A setting as forms, flags and files see it, made from its declaration in `experiment.py`.

Knows how a person writes a value and how to say in one sentence what is wrong with one.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import tomli
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from aimic_tui.engine.errors import SettingProblem
from aimic_tui.engine.pairs import read_pairs
from aimic_tui.engine.text import printable

Kind = Literal["text", "integer", "number", "switch", "choice", "names", "numbers", "pairs"]


@dataclass(frozen=True)
class Setting:
    """One setting as a form or a help text shows it.

    Attributes:
        key: dotted, as in `--set`: "training.epochs".
        section: the table it stands in ("" for the top level).
        kind: "text", "integer", "number", "switch", "choice", "names" (a list of text), "numbers" (a list of them) or
            "pairs" (name to name).
        choices: the words it takes; a setting of kind integer with choices takes either.
        minimum, maximum: bounds of a number, None where there is none.
        above_minimum: the minimum itself is not allowed.
    """

    key: str
    section: str
    title: str
    help: str
    kind: Kind
    default: Any
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    above_minimum: bool


def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """Return every setting that `model` and its sections declare, in their order."""
    found: list[Setting] = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            found += [_setting(name, inner.alias or key, inner) for key, inner in section.model_fields.items()]
        else:
            found.append(_setting("", name, field))
    return tuple(found)


def parse_text(setting: Setting, text: str) -> Any:
    """Turn what a person typed into a setting's value; what can't be turned is returned as text, to be refused
    with the setting's own sentence."""
    text = text.strip()
    if text in setting.choices:
        return text
    if setting.kind == "text":
        return from_toml_value(text) if text[:1] in {"'", '"'} else text
    if setting.kind in {"names", "numbers"}:
        if text.startswith("["):
            return from_toml_value(text)
        return [part.strip() for part in text.split(",") if part.strip()]
    if setting.kind == "pairs" and not text.startswith("{"):
        pairs = read_pairs(text)
        return text if pairs is None else pairs
    return from_toml_value(text)


def from_toml_value(text: str) -> Any:
    """Read `text` as a TOML value; what is none is text."""
    try:
        return tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        return text


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [part for alternative in get_args(annotation) for part in _alternatives(alternative)]
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    return [annotation]


def _bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    constraints = list(field.metadata)
    for part in get_args(field.annotation):
        if get_origin(part) is Annotated:
            constraints += [item for extra in get_args(part)[1:] for item in getattr(extra, "metadata", [extra])]
    low = [getattr(rule, name) for rule in constraints for name in ("ge", "gt") if hasattr(rule, name)]
    high = [getattr(rule, name) for rule in constraints for name in ("le", "lt") if hasattr(rule, name)]
    return (low or [None])[0], (high or [None])[0]


def _setting(section: str, name: str, field: FieldInfo) -> Setting:
    alternatives = _alternatives(field.annotation)
    choices = tuple(str(word) for part in alternatives if get_origin(part) is Literal for word in get_args(part))
    kind: Kind
    if bool in alternatives:
        kind = "switch"
    elif int in alternatives:
        kind = "integer"
    elif float in alternatives:
        kind = "number"
    elif choices:
        kind = "choice"
    else:
        origins = [get_origin(part) for part in alternatives]
        kind = "names" if list in origins else "pairs" if dict in origins else "text"
        items = [other for part in alternatives for item in get_args(part) for other in _alternatives(item)]
        kind = "numbers" if list in origins and float in items else kind
    low, high = _bounds(field)
    return Setting(
        key=f"{section}.{name}" if section else name,
        section=section,
        title=field.title or name,
        help=field.description or "",
        kind=kind,
        default=field.get_default(call_default_factory=True),
        choices=choices,
        minimum=low,
        maximum=high,
        above_minimum=any(hasattr(constraint, "gt") for constraint in field.metadata),
    )


def problems_of(error: ValidationError, declared: Sequence[Setting]) -> list[SettingProblem]:
    """Return one problem for each setting that pydantic refused, in the order it met them."""
    problems: dict[str, SettingProblem] = {}
    by_key = {setting.key: setting for setting in declared}
    for fault in error.errors():
        path = [str(part) for part in fault["loc"]]
        key = ".".join(path[:2]) if ".".join(path[:2]) in by_key else path[0] if path[0] in by_key else ".".join(path)
        if key not in problems:
            problems[key] = SettingProblem(key, _sentence(key, fault.get("input"), by_key))
    return list(problems.values())


def _sentence(key: str, given: object, declared: dict[str, Setting]) -> str:
    shown = printable(key)
    setting = declared.get(key)
    if setting is None:
        if key in {other.section for other in declared.values()}:
            return f"{shown} must be a table of settings, written [{shown}]."
        return f"{shown} is not a setting. {_nearest_key(key, declared)}"
    value = printable(given if isinstance(given, str) else json.dumps(given, default=str))
    if setting.kind == "choice":
        near = difflib.get_close_matches(value, setting.choices, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{shown} = {value} is not one of {', '.join(setting.choices)}.{hint}"
    return f"{shown} = {value} must be {_expected(setting)}."


def _expected(setting: Setting) -> str:
    words = {
        "integer": "a whole number",
        "number": "a number",
        "switch": "true or false",
        "text": "text",
        "names": 'a list of names, such as ["mobilenet_v2"]',
        "numbers": "numbers, such as 100, 4000",
        "pairs": "pairs of names, such as band=neutrophil, basophil=",
    }
    text = words.get(setting.kind, "text")
    if setting.minimum is not None and setting.maximum is not None:
        start = "above" if setting.above_minimum else "from"
        text += f" {start} {setting.minimum:g} {'and up ' if setting.above_minimum else ''}to {setting.maximum:g}"
    if setting.choices:
        text += f", or {' or '.join(setting.choices)}"
    if setting.key == "name":
        text += " of at most 80 characters"
    if setting.key == "data.channels":
        text = "auto, or channels from 1 in their order, such as 2,1,3 or 1:green,2:#ff00ff"
    if setting.key == "data.percentiles":
        text = "two numbers from 0 to 100, such as 0.5, 99.5"
    return text


def _nearest_key(key: str, declared: dict[str, Setting]) -> str:
    keys = [*declared, *{setting.section: None for setting in declared.values() if setting.section}]
    last = re.escape(key.rsplit(".", 1)[-1])
    same_name = [other for other in keys if re.search(rf"(^|\.){last}$", other)]
    near = same_name or difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else "`aimic train --help` lists the settings."

"""How a person writes a setting's value: the way back from `setting.parse_text`, without pydantic."""

from __future__ import annotations

from collections.abc import Mapping

from aimic_tui.engine.pairs import pairs_text


def text_of(value: object) -> str:
    """Write a setting's value as one types it: `3e-4`, `true`, `mobilenet_v2, resnet50`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return pairs_text({str(name): str(other) for name, other in value.items()})
    if isinstance(value, float):
        return _short_float(value)
    return str(value)


def _short_float(value: float) -> str:
    plain = f"{value:g}"
    if float(plain) != value:
        return repr(value)
    if 0 < abs(value) < 0.001 and "e" not in plain:  # 0.0003 is easier to misread than 3e-4
        plain = f"{value:e}"
    if "e" in plain:
        digits, _, power = plain.partition("e")
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        return f"{digits}e{int(power)}"
    return plain

"""The app's own colours: a dark theme, a light one, and one in the terminal's own sixteen.

Two accents only: `primary` for what has the focus, `warning` for what wants attention. `error` is for what
failed and for nothing else; `success` is close to the text, since "all is well" needs no colour. Text on its
background has a contrast of at least 4.5 to 1 in every role, also muted (a test computes it).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from textual.theme import Theme

_STEPS = (0, 95, 135, 175, 215, 255)
# The 240 colours that every terminal of 256 has in common: a cube and a ramp of greys.
_GREYS = [(grey, grey, grey) for grey in (*range(8, 239, 10), 255)]
_PALETTE = [*product(_STEPS, repeat=3), *_GREYS]

DARK = Theme(
    name="aimic-dark",
    dark=True,
    primary="#63b8e8",
    secondary="#8fa3b5",
    accent="#63b8e8",
    warning="#e8b04b",
    error="#f47c74",
    success="#a9bdb0",
    foreground="#d7dde3",
    background="#12161b",
    surface="#181d24",
    panel="#212831",
    variables={
        "text-muted": "#93a0ad",
        "text-disabled": "#5d6875",
        "rule": "#2d3742",
        "track": "#566573",
        "focus-row": "#1f303d",
        "border": "#63b8e8",
        "border-blurred": "#2d3742",
        "block-cursor-background": "#1f303d",
        "block-cursor-foreground": "#eef3f7",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#212831",
        "block-cursor-blurred-foreground": "#d7dde3",
        "block-hover-background": "#1b222a",
        "input-cursor-background": "#d7dde3",
        "input-cursor-foreground": "#12161b",
        "input-selection-background": "#2a4a60",
        "scrollbar": "#37434f",
        "scrollbar-hover": "#4b5a69",
        "scrollbar-active": "#63b8e8",
        "scrollbar-background": "#12161b",
        "scrollbar-background-hover": "#181d24",
        "scrollbar-background-active": "#181d24",
        "scrollbar-corner-color": "#12161b",
    },
)

LIGHT = Theme(
    name="aimic-light",
    dark=False,
    primary="#005f9e",
    secondary="#5a6772",
    accent="#005f9e",
    warning="#8a5300",
    error="#b3261e",
    success="#43584b",
    foreground="#1f262d",
    background="#f8f8f5",
    surface="#f1f1ed",
    panel="#e7e8e3",
    variables={
        "text-muted": "#5a6570",
        "text-disabled": "#8f979e",
        "rule": "#cfd3d1",
        "track": "#9aa3a0",
        "focus-row": "#d9e9f4",
        "border": "#005f9e",
        "border-blurred": "#cfd3d1",
        "block-cursor-background": "#d9e9f4",
        "block-cursor-foreground": "#10161b",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e7e8e3",
        "block-cursor-blurred-foreground": "#1f262d",
        "block-hover-background": "#eceeea",
        "input-cursor-background": "#1f262d",
        "input-cursor-foreground": "#f8f8f5",
        "input-selection-background": "#b5d5ea",
        "scrollbar": "#c2c8c6",
        "scrollbar-hover": "#a5adab",
        "scrollbar-active": "#005f9e",
        "scrollbar-background": "#f8f8f5",
        "scrollbar-background-hover": "#f1f1ed",
        "scrollbar-background-active": "#f1f1ed",
        "scrollbar-corner-color": "#f8f8f5",
    },
)

# The terminal's own colours, whatever they are; also what NO_COLOR strips to plain text.
TERMINAL = Theme(
    name="aimic-terminal",
    dark=True,
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_default",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_default",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_bright_black",
        "rule": "ansi_bright_black",
        "track": "ansi_bright_black",
        "focus-row": "ansi_default",
        "border": "ansi_cyan",
        "border-blurred": "ansi_bright_black",
        "block-cursor-background": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-text-style": "reverse",
        "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-foreground": "ansi_default",
        "block-cursor-blurred-text-style": "bold",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "scrollbar": "ansi_bright_black",
        "scrollbar-background": "ansi_default",
    },
)

OWN_THEMES = (DARK, LIGHT, TERMINAL)
DEFAULT_THEME = DARK.name


def missing_colours(theme: Theme) -> dict[str, str]:
    """Return what only our themes name, made for another theme of what every theme names."""
    colours = theme.to_color_system().generate()
    return {
        "rule": colours["border-blurred"],
        "track": colours["scrollbar"],
        "focus-row": "ansi_default" if theme.ansi else colours["primary-muted"],
    }


def for_256_colours(theme: Theme) -> Theme:
    """Return the theme in colours that a terminal of 256 has, each the nearest to ours.

    Left to itself the terminal library takes the nearest of the cube for anything with a hue, which turns a dark
    blue-grey into a bright teal.
    """
    names = ("primary", "secondary", "accent", "warning", "error", "success", "foreground", "background", "surface")
    changes: dict[str, Any] = {name: _nearest(getattr(theme, name)) for name in (*names, "panel")}
    changes["variables"] = {name: _nearest(value) for name, value in theme.variables.items()}
    return replace(theme, **changes)


def _nearest(value: str) -> str:
    if not value.startswith("#"):
        return value
    wanted = bytes.fromhex(value[1:])
    # A hint of blue stays grey: the cube has no pale colours.
    palette = _GREYS if max(wanted) - min(wanted) < 48 else _PALETTE
    red, green, blue = min(palette, key=lambda known: sum((a - b) ** 2 for a, b in zip(known, wanted, strict=True)))
    return f"#{red:02x}{green:02x}{blue:02x}"

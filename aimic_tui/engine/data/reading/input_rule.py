"""The one rule from what a file stores to the 8-bit colour a network sees: values, channels, planes.

A run resolves it when it is made (`exposure.resolve_exposure`), its models store it, and everything that reads an image
gets it as an argument.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimic_tui.engine.experiment import DataSettings

INTENSITIES = ("auto", "full-range", "min-max", "percentiles", "window")
PLANES = ("first", "middle", "max-projection")
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
}
MOST_CHANNELS = 3  # without a colour of their own they are red, green and blue

Colour = tuple[int, int, int]
_CHANNEL = re.compile(r"\s*(\d{1,4})\s*(?::\s*(#[0-9a-fA-F]{6}|[a-z]+)\s*)?")


@dataclass(frozen=True)
class InputRule:
    """How stored values become 8-bit colour.

    Attributes:
        intensity: which values become black and which white.
            "auto": 8-bit values stay as they are; deeper ones go from 0 to the end of the window. Before a run has
            resolved the window: for integers up to 16 bits, 0 and the highest value of the bits in use (negative
            values are black); for wider types 0 and the smallest of 1 (only for floats), 255, 65535 and the type's
            limit that holds the image, or its own minimum and maximum where it has negative values.
            "full-range": 0 and the highest value of the stored type, 1 for floats.
            "min-max": the image's own minimum and maximum, for each channel where channels were measured apart.
            "percentiles": the window, which a run measures on its images (`exposure.resolve_exposure`); before that, as
                auto.
            "window": the window, as it was given.
        window: low and high value, or such a pair for each channel in use; empty where there is none.
        channels: "auto": one channel is grey, two are red and green, of more the first three are red, green and
            blue. Else which channels, from 1, in which order, and a colour for each or for none: "2,1",
            "1:green,2:#ff00ff". Without colours one channel is grey, and up to three are red, green and blue in
            the order given; with colours each channel lights up in its own, and where they meet, they add up.
        plane: of a stack: "first", "middle" (the later one of an even number) or "max-projection", the highest value
            of each pixel. Of time points and scenes it is always the first.
    """

    intensity: str = "auto"
    window: tuple[float, ...] = ()
    channels: str = "auto"
    plane: str = "first"

    @property
    def channel_indices(self) -> tuple[int, ...] | None:
        """The channels in use, from 0; None for auto."""
        parsed = parse_channels(self.channels)
        return None if parsed is None else tuple(channel for channel, _ in parsed)

    @property
    def colours(self) -> tuple[Colour, ...] | None:
        """The colour of each channel in use; None where none was given."""
        return tuple(colour for _, colour in parse_channels(self.channels) or () if colour is not None) or None

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """The window as (low, high): none, one for all channels, or one for each channel in use."""
        return tuple(zip(self.window[::2], self.window[1::2], strict=True))

    @property
    def keeps_8_bit(self) -> bool:
        """Whether 8-bit values stay as they are."""
        return self.channels == "auto" and self.intensity in {"auto", "full-range"}

    def mismatch(self, channels: int) -> str:
        """Return why an image with so many channels does not fit this rule, "" where it does."""
        wanted = self.channel_indices
        if wanted is not None and max(wanted) >= channels:
            return f"has {plural(channels, 'channel')}, but data.channels asks for channel {max(wanted) + 1}"
        used = min(channels, MOST_CHANNELS) if wanted is None else len(wanted)
        if len(self.pairs) > 1 and len(self.pairs) != used:
            return f"has {plural(used, 'channel')} to show, but data.window has values for {len(self.pairs)}"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for model.json and a cache's key."""
        return {
            "intensity": self.intensity,
            "window": list(self.window),
            "channels": self.channels,
            "plane": self.plane,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> InputRule:
        """Undo `to_json`; what is missing, as in models of the first versions, has its default.

        Raises:
            KeyError, TypeError, ValueError: the values are not those of a rule that this version knows.
        """
        rule = cls(
            intensity=str(values["intensity"]),
            window=tuple(float(number) for number in values.get("window", ())),
            channels=str(values.get("channels", "auto")),
            plane=str(values.get("plane", "first")),
        )
        if rule.intensity not in INTENSITIES or rule.plane not in PLANES:
            raise ValueError(f"{rule.intensity}, {rule.plane}")
        try:
            fault = _contradiction(rule)
        except UsageProblem as problem:
            fault = problem.sentence
        if fault:
            raise ValueError(fault)
        return rule

    def sentence(self) -> str:
        """Say the rule in words, for a report."""
        pairs = " and ".join(f"{low:g} to {high:g}" for low, high in self.pairs)
        texts = {
            "auto": f"deep values from {pairs}" if pairs else "values over the range in use",
            "full-range": "values over the full range of their type",
            "min-max": "values over each image's own range",
            "percentiles": f"values from {pairs} (percentiles of the training images)",
            "window": f"values from {pairs}",
        }
        channels = "" if self.channels == "auto" else f"; channels {self.channels}"
        plane = "" if self.plane == "first" else f"; {self.plane.replace('-', ' ')} of a stack"
        return texts[self.intensity] + channels + plane


AS_STORED = InputRule()  # where nothing is known of the data set


@lru_cache(maxsize=64)
def parse_channels(text: str) -> tuple[tuple[int, Colour | None], ...] | None:
    """Return the channels, from 0, and their colours that `data.channels` names; None for auto.

    Raises:
        UsageProblem: it names none, an unknown colour, colours for some only, or too many without.
    """
    if text.strip() == "auto":
        return None
    matches = [_CHANNEL.fullmatch(part) for part in text.split(",")]
    found: list[tuple[int, Colour | None]] = []
    for match in matches:
        if match is None or not int(match[1]):
            raise UsageProblem(
                f"data.channels = {printable(text)} is not a list of channels. Write auto, or channels from 1 in their "
                'order, such as "2,1,3" or "1:green,2:#ff00ff".',
                key="data.channels",
            )
        colour = _colour(match[2])
        if match[2] and colour is None:
            raise UsageProblem(
                f"data.channels names the colour {printable(match[2])}. Write one of {', '.join(COLOURS)}, or #rrggbb.",
                key="data.channels",
            )
        found.append((int(match[1]) - 1, colour))
    coloured = sum(colour is not None for _, colour in found)
    if coloured not in (0, len(found)):
        raise UsageProblem(
            f"data.channels = {printable(text)} gives a colour to some channels only. Give one to all or none.",
            key="data.channels",
        )
    if not coloured and len(found) > MOST_CHANNELS:
        raise UsageProblem(
            f"data.channels = {printable(text)} names {len(found)} channels. Without colours there is red, green and "
            'blue for three; give each a colour, such as "1:red,2:green,3:blue,4:white".',
            key="data.channels",
        )
    return tuple(found)


def _colour(word: str | None) -> Colour | None:
    if not word or not word.startswith("#"):
        return COLOURS.get(word or "")
    number = int(word[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def rule_from_settings(settings: DataSettings) -> InputRule:
    """Return the rule that settings state.

    Raises:
        UsageProblem: they contradict each other, or a part of them makes no sense.
    """
    low, high = settings.percentiles
    if low >= high:
        raise UsageProblem(
            f"data.percentiles = {low:g}, {high:g}: the first must be below the second.", key="data.percentiles"
        )
    rule = InputRule(settings.intensity, tuple(settings.window), settings.channels.strip(), settings.plane)
    fault = _contradiction(rule)
    if fault:
        raise UsageProblem(fault, key="data.window")
    return rule


def rule_from_table(table: Mapping[str, Any]) -> InputRule:
    """Return the rule that an experiment's table `data` states, for a preview; `AS_STORED` where it states none."""
    try:
        return InputRule.from_json({"intensity": "auto", **table})
    except (KeyError, TypeError, ValueError):
        return AS_STORED


def _contradiction(rule: InputRule) -> str:
    numbers = ", ".join(f"{number:g}" for number in rule.window)
    wanted = rule.channel_indices
    if rule.intensity == "window" and not rule.window:
        return "data.intensity = window needs data.window: the values for black and for white, such as 100, 4000."
    if rule.window and rule.intensity in {"full-range", "min-max"}:
        return (
            f"data.window = {numbers} does nothing with data.intensity = {rule.intensity}. Set data.intensity = "
            "window, or leave data.window empty."
        )
    rising = all(
        -math.inf < low < high < math.inf for low, high in zip(rule.window[::2], rule.window[1::2], strict=False)
    )
    if len(rule.window) % 2 or not rising:
        return f"data.window = {numbers} must be a low and a high value, or such a pair for each channel."
    if wanted is not None and len(rule.window) not in (0, 2, 2 * len(wanted)):
        return (
            f"data.window = {numbers} has {len(rule.window) // 2} pairs of values, but data.channels names "
            f"{plural(len(wanted), 'channel')}."
        )
    return ""

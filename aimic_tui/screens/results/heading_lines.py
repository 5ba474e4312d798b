"""What the Results place writes above and between the figures: the run, differences, choices, which parts there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.content import Content

from aimic_tui.engine.evaluation.metric_titles import TITLES, method_of
from aimic_tui.engine.run_folder import run_title
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.numbers import percent
from aimic_tui.wording.results import choice_lines, why_no_interval
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.run_results import RunResults

# Where the line of parts has no room for keys: names longer than so many characters are cut to so many.
_CUTS = ((99, 99), (7, 6), (7, 5), (6, 5), (5, 4))


def head(results: RunResults, network: str, metric: str) -> Content:
    """Say what stands above the figures: the run, its protocol, how the drawn figure's intervals are made."""
    figures, status = results.figures, results.status
    done = f"{status.trials_done} of {plural(len(status.trials), 'trial')}"
    parts = [
        "optimistic protocol" if figures["optimistic"] else "honest protocol",
        plural(figures["images"], "image"),
        plural(figures["groups"], "group"),
    ]
    if not figures["complete"]:
        parts.insert(0, f"{status.state}, {done} so far")
    name = run_title(status.run)
    first = Content.assemble(f"{SIGNS[status.state]} ", (printable(name), "bold"), "  ", " · ".join(parts))
    method = Content.styled(_interval_words(results, network, metric), "$text-muted")
    note = printable(figures["note"])
    if figures["optimistic"]:  # a warning comes before what explains
        return Content("\n").join([first, Content.styled(f"! {note}", "$warning"), method])
    return Content("\n").join([first, method, Content.styled(note, "$text-muted")])


def _interval_words(results: RunResults, network: str, metric: str) -> str:
    """Say by which method the drawn figure has its interval, or why it has none."""
    figures = results.figures
    of = figures["networks"][network]
    way = method_of(metric, of["pooled"][metric])
    if not way:
        return f"{TITLES[metric]} has no interval: {why_no_interval(metric, of).removeprefix('none: ')}"
    repeats = f", a mean over {figures['repeats']} repeats" if figures["repeats"] > 1 else ""
    drawn = f"{plural(figures['groups'], 'group')}, {figures['resamples']:,} resamples{repeats}"
    return f"{percent(figures['confidence'], None)} interval of {TITLES[metric]}: {way} · {drawn}"


def difference_line(results: RunResults, network: str, other: str | None, metric: str) -> Content:
    """Compare the chosen network with the best other one by the drawn figure."""
    if other is None:
        return Content("One network: there is none to compare it with.")
    for pair in results.figures["pairs"]:
        if {pair["a"], pair["b"]} == {network, other}:
            found = pair["differences"][metric]
            sign = 1 if pair["a"] == network else -1
            ends = sorted(sign * found[end] for end in ("low", "high") if found[end] is not None)
            if found["value"] is None:
                break
            names = f"{printable(network)} − {printable(other)}, {TITLES[metric]}"
            if len(ends) != 2:
                return Content(f"{names} {sign * found['value']:+.3f}: no interval can be given of this difference.")
            shown = ends[0] > 0 or ends[1] < 0
            said = "Different" if shown else "Not shown to differ"
            interval = f"{sign * found['value']:+.3f} [{ends[0]:+.3f}, {ends[1]:+.3f}]"
            text = f"{names} {interval}"
            return Content.assemble(
                (f"{said}: ", "bold"), (text, "$foreground"), f" on {pair['images']:,} images, paired (BCa)"
            )
    return Content(f"{printable(network)} and {printable(other)} have no tested images in common yet.")


def best_lines(results: RunResults, metric: str) -> list[Content]:
    """Say what the best network's figure is worth, a line each; none where there is nothing to choose."""
    lines = choice_lines(results.figures, metric)
    return [Content(f"{'  ' if at else SIGNS['attention'] + ' '}{line}") for at, line in enumerate(lines)]


@dataclass(frozen=True)
class Part:
    """A part of the place below the table of networks: its key, its name, what has the focus there, what it shows."""

    key: str
    name: str
    focus: str
    tooltip: str


def parts_line(parts: Mapping[str, Part], shown: str, width: int) -> Content:
    """Write the parts with their keys, the one that is shown lit; where it is narrow, names without keys."""
    return next((line for line in _lines(parts, shown) if line.cell_length <= width), Content(""))


def _lines(parts: Mapping[str, Part], shown: str) -> Iterator[Content]:
    for space in ("  ", " "):
        yield Content(space).join([_piece(part, name == shown, part.name, key=True) for name, part in parts.items()])
    for longest, kept in _CUTS:
        names = [one.name if len(one.name) <= longest else one.name[:kept].rstrip("aeiou") for one in parts.values()]
        pieces = [_piece(part, name == shown, text) for (name, part), text in zip(parts.items(), names, strict=True)]
        yield Content(" ").join(pieces)


def _piece(part: Part, lit: bool, text: str, *, key: bool = False) -> Content:
    before = Content.styled(f"{part.key} ", "bold $primary") if key else Content("")
    return Content.assemble(before, (text, "bold underline $primary" if lit else "$foreground"))

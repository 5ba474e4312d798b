"""The networks of a run, ranked by one figure: that one drawn with its interval, others written; below, baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from aimic_tui.engine.evaluation.baseline import BASELINE_TITLES, Baseline
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.formatting.numbers import interval_text, number
from aimic_tui.engine.text import printable
from aimic_tui.widgets.interval_bar import axis, bar, common_scale
from aimic_tui.widgets.table_column import cut
from aimic_tui.wording.signs import SIGNS

_WRITTEN = 20  # " 0.938 [.921 .951]"
_OTHERS = ("accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
_SHORT = {"balanced_accuracy": "balanced", "auroc": "AUROC", "log_loss": "log loss", "ece": "ECE"}
_OTHER = 10
_HIGH = 32  # lines of a terminal that has room for every baseline
_SHOWN = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "average_precision", "ece", "log_loss")


class NetworkRanking(Widget, can_focus=True):
    """The networks, the best by the drawn figure first; one is selected and shown below."""

    DEFAULT_CSS = """
    NetworkRanking { height: auto; max-height: 10; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="results.up", tooltip="The network above"),
        Binding("down,j", "move(1)", "Down", show=False, id="results.down", tooltip="The network below"),
    ]

    @dataclass
    class Selected(Message):
        """Another network was selected."""

        network: str

    def __init__(self) -> None:
        super().__init__()
        self._results: RunResults | None = None
        self._order: list[str] = []
        self._metric = _SHOWN[0]
        self.selected = ""

    def show(self, results: RunResults) -> None:
        """Show a run's networks."""
        self._results = results
        self._sort()
        if self.selected not in self._order:
            self.selected = self._order[0]
            self.post_message(self.Selected(self.selected))
        self.refresh(layout=True)

    @property
    def metric(self) -> str:
        """The figure that is drawn."""
        return self._metric

    @property
    def order(self) -> tuple[str, ...]:
        """The networks, the best by the drawn figure first."""
        return tuple(self._order)

    def next_metric(self) -> None:
        """Draw the next figure."""
        self._metric = _SHOWN[(_SHOWN.index(self._metric) + 1) % len(_SHOWN)]
        self._sort()
        self.refresh()

    def _sort(self) -> None:
        results = self._results
        if results is None:
            return
        sign = 1 if self._metric in LOWER_IS_BETTER else -1

        def rank(network: str) -> float:
            value = results.networks[network].pooled[self._metric].value
            return float("inf") if value is None else sign * value

        self._order = sorted(results.networks, key=rank)

    @property
    def _baselines(self) -> list[Baseline]:
        """Those that are shown: in a low terminal the majority class and the one that is hardest to beat."""
        found = list(self._results.baselines) if self._results is not None else []
        if self.app.size.height >= _HIGH or len(found) < 3:
            return found
        sign = -1 if self._metric in LOWER_IS_BETTER else 1
        return [found[0], max(found[1:], key=lambda one: sign * (one.pooled[self._metric].value or 0.0))]

    def action_move(self, step: int) -> None:
        """Select another network."""
        if self._order:
            at = min(max(self._order.index(self.selected) + step, 0), len(self._order) - 1)
            self._select(self._order[at])

    def _select(self, network: str) -> None:
        if network != self.selected:
            self.selected = network
            self.refresh()
            self.post_message(self.Selected(network))

    def on_click(self, event: events.Click) -> None:
        """Select the network that was clicked."""
        if network := event.style.meta.get("network"):
            self._select(network)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line a network, one a baseline and one of headers."""
        return min(len(self._order), 7) + len(self._baselines) + 1

    def render(self) -> RenderResult:
        """Draw the table."""
        results = self._results
        if results is None:
            return Content("")
        baselines = self._baselines
        names = [*map(printable, self._order), *(f"({BASELINE_TITLES[one.name]})" for one in baselines)]
        name_width = min(max(map(len, names)), 26) + 3
        others = [metric for metric in _OTHERS if metric != self._metric]
        room = self.size.width - name_width - _WRITTEN
        while others and room - len(others) * _OTHER < 24:
            others.pop()
        bar_width = max(0, min(60, room - len(others) * _OTHER - 1))
        limits = (0.0, 1.0) if self._metric != "log_loss" else (0.0, 1e9)
        figures = {name: results.networks[name].pooled[self._metric] for name in self._order}
        values = [end for figure in figures.values() for end in (figure.value, figure.low, figure.high)]
        scale = common_scale(values, limits=limits)
        head = "  network".ljust(name_width) + TITLES[self._metric].ljust(_WRITTEN) + axis(scale, bar_width)
        head += "".join(_SHORT.get(metric, metric).rjust(_OTHER) for metric in others)
        lines = [Content.styled(head, "$text-muted")]
        for name, figure in figures.items():
            network = results.networks[name]
            done = "" if network.complete else f" {network.trials_done}/{network.trials_total}"
            if learned_nothing(name, network):
                done += f" {SIGNS['attention']}"
            label = cut(printable(name), name_width - 3 - len(done)) + done
            line = Content.assemble(
                ("▸ " if name == self.selected else "  ") + label.ljust(name_width - 2),
                (interval_text(figure.value, figure.low, figure.high).ljust(_WRITTEN), "bold"),
                (
                    bar(figure.value, figure.low, figure.high, scale, bar_width),
                    "$primary" if name == self.selected else "$secondary",
                ),
                "".join(number(network.pooled[metric].value).rjust(_OTHER) for metric in others),
            )
            if name == self.selected and self.has_focus:
                line = line.stylize_before("on $focus-row")
            lines.append(line.stylize(Style.from_meta({"network": name})))
        lines = self._in_sight(lines, self.size.height - len(baselines))
        for baseline in baselines:
            figure = baseline.pooled[self._metric]
            text = f"  {cut(f'({BASELINE_TITLES[baseline.name]})', name_width - 3)}".ljust(name_width)
            text += interval_text(figure.value, figure.low, figure.high).ljust(_WRITTEN) + " " * bar_width
            text += "".join(number(baseline.pooled[metric].value).rjust(_OTHER) for metric in others)
            lines.append(Content.styled(text, "$text-muted"))
        return Content("\n").join(lines)

    def _in_sight(self, lines: list[Content], room: int) -> list[Content]:
        if len(lines) <= room:
            return lines
        at = self._order.index(self.selected)
        start = min(max(0, at - room // 2), len(self._order) - (room - 1))
        return [lines[0], *lines[1 + start : start + room]]

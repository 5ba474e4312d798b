"""Training images as training will see them, a preset of augmentation at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.field import Choice
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.half_blocks import drawing_for, strips_of
from aimic_tui.widgets.table_column import cut
from aimic_tui.wording.progress import phase_words, progress_figures
from aimic_tui.workspace.samples import EPOCHS, Samples, draw_samples
from aimic_tui.workspace.trial_command import CommandRefused

_NARROWEST, _USUAL, _WIDEST = 12, 18, 48  # cells of a tile
_APART, _BESIDE = 1, 3  # cells between tiles, and between an original and its variants


class SampleTiles(Widget, can_focus=True):
    """Rows of tiles: an original, then its variants, as many as fit; a line of words below each row."""

    DEFAULT_CSS = """
    SampleTiles { height: 1fr; }
    SampleTiles > .tiles--words { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tiles--words"}

    def __init__(self) -> None:
        super().__init__()
        self._samples: Samples | None = None
        self._preset = ""
        self._width = _USUAL
        self._top = 0
        self._drawn: dict[tuple[str, int, int], list[Strip]] = {}

    def show(self, samples: Samples, preset: str) -> None:
        """Show the variants of a preset."""
        self._samples, self._preset = samples, preset
        self._redraw()

    def scroll_rows(self, rows: int) -> None:
        """Go down or up by so many images."""
        if self._samples is not None:
            last = max(0, len(self._samples.captions) - max(1, self.size.height // self._pitch))
            self._top = min(max(self._top + rows, 0), last)
            self._redraw()

    def zoom(self, cells: int) -> None:
        """Draw larger or smaller tiles."""
        self._width = min(max(self._width + cells, _NARROWEST), _WIDEST)
        self._drawn.clear()
        self.scroll_rows(0)
        self._redraw()

    def on_resize(self) -> None:
        """Fit the rows into the new size."""
        self.scroll_rows(0)

    def notify_style_update(self) -> None:
        """Draw in the new theme."""
        super().notify_style_update()
        self._drawn.clear()

    @property
    def columns(self) -> int:
        """How many variants fit beside an original."""
        room = self.size.width - self._tile - _BESIDE + _APART
        return max(1, min(EPOCHS, room // (self._tile + _APART)))

    @property
    def _tile(self) -> int:
        """A tile's width; at least two of them fit, and one as high as there are lines."""
        return max(2, min(self._width, (self.size.width - _BESIDE) // 2, 2 * (self.size.height - 1)))

    @property
    def _pitch(self) -> int:
        return self._tile // 2 + 1

    def _redraw(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line through a row of tiles, or its words."""
        base = self.rich_style
        row, inner = divmod(y, self._pitch)
        row += self._top
        if self._samples is None or row >= len(self._samples.captions):
            return Strip.blank(self.size.width, base)
        if inner == self._tile // 2:
            words = cut(printable(self._samples.captions[row]), self.size.width)
            style = base + self.get_component_rich_style("tiles--words", partial=True)
            return Strip([Segment(words, style)]).adjust_cell_length(self.size.width, base)
        return self._row(self._samples, row)[inner].adjust_cell_length(self.size.width, base)

    def _row(self, samples: Samples, row: int) -> list[Strip]:
        width, columns = self._tile, self.columns
        key = (self._preset, row, columns * 1000 + width)
        if key not in self._drawn:
            base, drawing = self.rich_style, drawing_for(self.app)
            tiles = [samples.originals[row], *samples.variants[self._preset][row][:columns]]
            parts = [[line.apply_style(base) for line in strips_of(tile, width, width // 2, drawing)] for tile in tiles]
            apart, beside = Strip([Segment(" " * _APART, base)]), Strip([Segment(" " * _BESIDE, base)])
            lines = []
            for line in range(width // 2):
                strips = [parts[0][line], beside]
                for part in parts[1:]:
                    strips += [part[line], apart]
                lines.append(Strip.join(strips))
            self._drawn[key] = lines
        return self._drawn[key]


class SampleSheet(Dialog[str | None]):
    """Samples with the preset chosen above them; gives the preset that was taken, or None after `esc`."""

    DEFAULT_CSS = """
    SampleSheet { background: $background; }
    SampleSheet .line { padding: 0 1; height: 1; }
    SampleSheet #choice { height: 1; padding: 0 1; }
    SampleSheet #choice Static { width: auto; padding: 0 1 0 0; }
    SampleSheet Choice, SampleSheet Choice:focus { background: $background; width: 1fr; padding: 0; }
    SampleSheet SampleTiles { margin: 1 1 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "preset(1)", "Next preset", priority=True, id="samples.next", tooltip="The next preset"),
        Binding("left,h", "preset(-1)", "Previous", priority=True, id="samples.before", tooltip="The previous preset"),
        Binding("enter", "take", "Use the preset", id="samples.take", tooltip="Put the preset into the field"),
        Binding("escape,q", "leave", "Leave", id="samples.leave", tooltip="Leave the field as it is"),
        Binding("down,j", "rows(1)", "Down", show=False, id="samples.down", tooltip="Further images"),
        Binding("up,k", "rows(-1)", "Up", show=False, id="samples.up", tooltip="Back up"),
        Binding("plus,equals_sign", "zoom(4)", "Larger", show=False, id="samples.larger", tooltip="Larger images"),
        Binding("minus", "zoom(-4)", "Smaller", show=False, id="samples.smaller", tooltip="Smaller images"),
    ]

    def __init__(self, workspace: Path, experiment: Experiment, presets: Sequence[str]) -> None:
        """Make the view.

        Args:
            workspace: of the app.
            experiment: what would be run; its own preset is shown first.
            presets: all there are.
        """
        super().__init__()
        self._workspace, self._experiment, self._presets = workspace, experiment, tuple(presets)
        self._samples: Samples | None = None

    def compose(self) -> ComposeResult:
        """Draw the choice above the tiles."""
        with Vertical():
            with Horizontal(id="choice"):
                yield Static(Content.styled("What training will see", "bold"))
                yield Choice(self._presets, self._experiment.augmentation.preset)
            yield Rule()
            yield SampleTiles()
            yield Static("", id="message", classes="line")
            yield Rule()
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin."""
        self.query_one(SampleTiles).focus()
        self._show_message("Starting ...")
        self._read()

    @work(group="samples", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        try:
            self._samples = await draw_samples(self._workspace, self._experiment, self._report)
        except CommandRefused as problem:
            self._show_message(problem.sentence, warning=True)
        except (OSError, ValueError) as error:
            self._show_message(f"The samples could not be drawn: {error}.", warning=True)
        else:
            self._show()

    def _report(self, progress: Progress) -> None:
        figures = progress_figures(progress)
        self._show_message(phase_words(progress.phase).capitalize() + (f": {figures}" if figures else " ..."))

    def _show(self) -> None:
        if self._samples is None:
            return
        tiles = self.query_one(SampleTiles)
        tiles.show(self._samples, self.query_one(Choice).value)
        augmentation = self._experiment.augmentation
        mixed = "   mixup and cutmix come on top" if augmentation.mixup or augmentation.cutmix else ""
        self._show_message(
            f"Left: the original. Then epoch 1 to {tiles.columns}, as seed {self._experiment.seed} draws them.{mixed}"
        )

    def _show_message(self, sentence: str, *, warning: bool = False) -> None:
        sign, style = ("! ", "$warning") if warning else ("", "$text-muted")
        self.query_one("#message", Static).update(Content.styled(printable(sign + sentence), style))

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._show()

    def action_preset(self, step: int) -> None:
        """Show the next preset, or the one before."""
        self.query_one(Choice).action_step(step)

    def action_rows(self, step: int) -> None:
        """Show further images."""
        self.query_one(SampleTiles).scroll_rows(step)

    def action_zoom(self, cells: int) -> None:
        """Draw larger or smaller tiles."""
        self.query_one(SampleTiles).zoom(cells)
        self._show()

    def action_take(self) -> None:
        """Close with the preset that is shown."""
        self.dismiss(self.query_one(Choice).value)

    def action_leave(self) -> None:
        """Close; the process is ended where it still draws."""
        self.workers.cancel_group(self, "samples")
        self.dismiss(None)

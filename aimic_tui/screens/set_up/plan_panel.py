"""The lines below the form of Set-up: the plan of the run, what to fix, what is suggested."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.runs.prepare.plan import RunPlan
from aimic_tui.engine.text import plural
from aimic_tui.wording.plan import costs_line, images_line, trials_line
from aimic_tui.wording.sample_size import forecast_lines, short_forecast
from aimic_tui.workspace.set_up_session import SetUpSession

_NAMED = 4  # settings in a line


class PlanPanel(Static):
    """What the experiment would be as a run."""

    def show(self, session: SetUpSession) -> None:
        """Show what the session knows."""
        plan, problems, suggestions = session.plan, _in_order(session.problems, session), session.suggestions
        lines = _plan_lines(plan) if plan is not None else []
        if not lines and (plan is None or not plan.problems):
            named = bool(session.draft.text("data.path"))
            hint = "Choose the data first: a folder with one subfolder per class."
            lines.append(Content.styled("Finding the images ..." if named else hint, "$text-muted"))
        if problems:
            text = f"! Fix {plural(len(problems), 'setting')} before starting: {_named(problems)}   f8: go there"
            lines.append(Content.styled(text, "$warning"))
        elif suggestions:
            lines.append(Content(f"! Suggestions: {_named(_in_order(suggestions, session))}   f8: go there"))
        if session.draft.text("split.protocol") == "aimic-2022":
            text = "! Optimistic: the test images choose the epoch, as in the published protocol"
            lines.append(Content.styled(text, "$warning"))
        self.update(Content("\n").join(lines))
        intervals = plan.intervals if plan is not None else None
        self.tooltip = None if intervals is None else Content("\n".join(forecast_lines(intervals)))

    def show_starting(self, seconds: float) -> None:
        """Say that a run is being started, and for how long already."""
        self.update(Content(f"Starting: checking settings, weights and every image ... {seconds:.0f} s"))


def _plan_lines(plan: RunPlan) -> list[Content]:
    if plan.forecast is None or plan.split is None:
        return []
    trials, parts = trials_line(plan.forecast, plan.split)
    lines = [
        Content(images_line(plan.data)),
        Content.assemble((trials, "bold"), parts),
        Content(costs_line(plan.forecast, plan.duration)),
    ]
    if plan.intervals is not None:
        lines.append(Content(short_forecast(plan.intervals)))
    return lines


def _in_order(sentences: dict[str, str], session: SetUpSession) -> list[str]:
    """Return the settings that sentences are about, in the order of the form."""
    return [key for key in session.draft.settings if key in sentences]


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_NAMED]) + (" ..." if len(keys) > _NAMED else "")

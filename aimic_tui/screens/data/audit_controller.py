"""Runs the audit of the data set that is open, and says on a line how far it is and what it found."""

from __future__ import annotations

from typing import Any, Protocol

from textual.content import Content

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import plural
from aimic_tui.screens.place import Place
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording.progress import phase_words
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.audit_process import run_audit
from aimic_tui.workspace.data_session import DataSession

_GROUP = "audit"  # of workers
_WIDE = 100  # columns of the place at which there is room for a bar
_BAR = 10  # columns
_DECISIONS = ("marks", "classes")  # settings that resolve findings, which keep the audit valid

_Read = tuple[str, dict[str, Any]]  # a path, and the settings by which its images, classes and groups are found


class AuditHost(Protocol):
    """The screen around it, by what an audit asks of it."""

    def show_audit_line(self, words: Content) -> None:
        """Show how far the audit is."""

    def show_findings(self) -> None:
        """Show what the session's audit found; it has just begun or ended."""


class AuditController:
    """Starts, follows and stops the audit."""

    def __init__(self, place: Place, session: DataSession, host: AuditHost) -> None:
        """Make the controller.

        Args:
            place: shows notices, and runs what follows the audit.
            session: takes what was found.
            host: shows it; usually the place itself.
        """
        self._place, self._session, self._host = place, session, host
        self._audited: _Read | None = None  # what the audit is of

    @property
    def running(self) -> bool:
        """Whether an audit is going on."""
        workers = self._place.workers
        return any(worker.group == _GROUP and worker.is_running for worker in workers if worker.node is self._place)

    def start_once(self, path: str) -> None:
        """Begin the audit of a data set, unless it, read as it is now, is audited already or just now.

        Findings are about images, classes and groups as the settings read them: those of another layout or column would
        contradict what is shown.
        """
        if self._audited != self._read(path):
            self._start(path)

    def toggle(self) -> None:
        """Stop the audit, or begin another."""
        if self.running:
            self._place.workers.cancel_group(self._place, _GROUP)
            self._host.show_audit_line(Content.styled(f"{SIGNS['stopped']} audit stopped", "$text-muted"))
        elif self._session.data is not None:
            self._start(self._session.data.choice.path)

    def close(self) -> None:
        """Stop the audit, and forget it: another data set is opened."""
        self._place.workers.cancel_group(self._place, _GROUP)
        self._audited = None
        self._host.show_audit_line(Content(""))

    def _read(self, path: str) -> _Read:
        settings = self._place.shell.context.data_settings
        return path, {key: value for key, value in settings.items() if key not in _DECISIONS}

    def _start(self, path: str) -> None:
        self._audited, self._session.audit = self._read(path), None
        self._host.show_findings()
        self._place.run_worker(self._follow(path), group=_GROUP, exclusive=True, exit_on_error=False)

    async def _follow(self, path: str) -> None:
        """Follow the audit; what it finds is shown when it has read the last image."""
        shell = self._place.shell
        self._host.show_audit_line(Content.styled("audit begins", "$text-muted"))
        try:
            audit = await run_audit(
                shell.workspace.root, path, shell.context.data_settings, self._show_progress, keep=not shell.read_only
            )
        except (AimicError, OSError) as problem:
            self._host.show_audit_line(Content.styled("no audit", "$warning"))
            shell.tell(f"The audit ended: {problem}", "warning")
        else:
            self._session.audit = audit
            found = f"{SIGNS['attention']} {plural(audit.count, 'finding')}", "$warning"
            line = found if audit.count else (f"{SIGNS['finished']} audited", "$success")
            self._host.show_audit_line(Content.styled(*line))
            self._host.show_findings()
        self._place.refresh_bindings()

    def _show_progress(self, progress: Progress) -> None:
        """Show a bar where there is room for one, and figures short enough for 80 columns."""
        words = Content.styled(phase_words(progress.phase), "$text-muted")
        if progress.total is None:
            line = Content.assemble(words, (f" {int(progress.done):,}", "$text-muted"))
        else:
            wide = self._place.size.width >= _WIDE
            bar = progress_bar(progress.done / max(progress.total, 1), _BAR) if wide else ""
            figures = f" {int(progress.done):,} of {int(progress.total):,}"
            line = Content.assemble(words, " ", bar, (figures, "$text-muted"))
        self._host.show_audit_line(line)

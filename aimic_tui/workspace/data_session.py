"""The data set that a screen has open: what is listed, audited, selected and decided about it.

A session knows no screen: it is driven by keys in the app and by plain calls in tests. Its coroutines do their file
work in a thread, and take back nothing that happened meanwhile: a result for a data set that was closed is dropped.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.marks import marks_stamp
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.workspace.audit_findings import AuditFindings
from aimic_tui.workspace.mark_changes import MarkChange, write_change
from aimic_tui.workspace.open_data import OpenData, open_data, rename_classes, reread_marks


class DataSession:
    """One data set at a time, with what is known and decided about it.

    Attributes:
        data: what is open, None where nothing is.
        audit: what the audit of it found, None before its end.
        selected: the images that the next decision is about; where none are, it is about those in focus.
        problem: why nothing is open, in a sentence; empty where something is or nothing was asked for yet.
    """

    def __init__(self) -> None:
        self.data: OpenData | None = None
        self.audit: AuditFindings | None = None
        self.selected: frozenset[str] = frozenset()
        self.problem = ""
        self._stamp = marks_stamp(None)
        self._writing = asyncio.Lock()

    def show(self, data: OpenData) -> None:
        """Take over a data set, or another state of the one that is open."""
        self.data, self.problem = data, ""
        self._stamp = marks_stamp(data.file)

    def close(self, problem: str = "") -> None:
        """Let go of the data set and all that belongs to it."""
        self.data = self.audit = None
        self.selected = frozenset()
        self.problem = problem

    def toggle_selected(self, images: Collection[str]) -> None:
        """Select images, or unselect them where all are selected."""
        self.selected = self.selected - set(images) if self.selected.issuperset(images) else self.selected | set(images)

    async def open(self, choice: DataSource, marks_folder: Path, report: ReportProgress = no_report) -> OpenData:
        """Find a data set and open it; what was open stays until it is found, and where it is not.

        Args:
            choice: which images.
            marks_folder: for marks on data sets whose own folder can't be written.
            report: hears in the event loop how many images are found so far.

        Raises:
            AimicError: there is none, or a setting makes no sense for it.
            OSError: it can't be read.
        """
        loop, cancelled = asyncio.get_running_loop(), threading.Event()

        def report_in_loop(progress: Progress) -> None:
            if cancelled.is_set():
                raise Interrupted("Another data set is being opened.")
            loop.call_soon_threadsafe(report, progress)

        try:
            data = await asyncio.to_thread(open_data, choice, marks_folder, report_in_loop)
        finally:
            cancelled.set()
        self.show(data)
        return data

    async def apply(self, change: MarkChange) -> bool:
        """Write a change, after those that are still being written; the selection is empty after it.

        Returns:
            Whether what is open shows it: not where another data set was opened meanwhile.

        Raises:
            AimicError: it makes no sense or can't be written; nothing is.
            OSError: it can't be written.
        """
        async with self._writing:
            data = self.data
            if data is None:
                raise InputProblem(self.problem or "No data set is open.")
            return self._replace(data, await asyncio.to_thread(write_change, data, change), selected=frozenset())

    async def rename_classes(self, classes: Mapping[str, str]) -> bool:
        """Give classes other names; returns and raises as `apply`."""
        data = self.data
        if data is None:
            return False
        return self._replace(data, await asyncio.to_thread(rename_classes, data, classes))

    async def reread_marks(self) -> bool:
        """Read the marks again if they were changed elsewhere; tells whether they were, and raises as `apply`."""
        data = self.data
        if data is None or marks_stamp(data.file) == self._stamp:
            return False
        return self._replace(data, await asyncio.to_thread(reread_marks, data))

    def _replace(self, before: OpenData, after: OpenData, selected: frozenset[str] | None = None) -> bool:
        if self.data is not before:
            return False
        self.show(after)
        if selected is not None:
            self.selected = selected
        return True

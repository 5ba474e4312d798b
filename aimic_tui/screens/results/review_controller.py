"""What Results knows of a run's test images: a network's answers, and the data set whose images are marked.

The controller reads both, hands them to the matrix and the error review, and says which image a marking key is for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import printable
from aimic_tui.screens.marking.controller import MarkingController, MarkingTarget
from aimic_tui.screens.place import Place
from aimic_tui.screens.results.error_review import ErrorReview
from aimic_tui.screens.results.matrix_view import MatrixView
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.image_review import ImageReview
from aimic_tui.workspace.results_session import ResultsSession
from aimic_tui.workspace.similar_images import appearances_of

if TYPE_CHECKING:
    from textual.worker import WorkType

_NOT_OPEN_YET = "The data set is still being opened. Try again in a moment."


class ReviewController:
    """The images of one network, for the two views that show them.

    Attributes:
        review: what is reviewed, None until the answers are read.
        data: the data set of the run, which has the marks.
        marking: the keys that mark.
    """

    def __init__(self, place: Place) -> None:
        """Make the controller of a screen that shows a `MatrixView` and an `ErrorReview`."""
        self._place = place
        self.review: ImageReview | None = None
        self.data = DataSession()
        self.marking = MarkingController(place, self.data, self)
        self._choice: DataSource | None = None  # the data set that is open or being opened

    @property
    def _matrix(self) -> MatrixView:
        return self._place.query_one(MatrixView)

    @property
    def _errors(self) -> ErrorReview:
        return self._place.query_one(ErrorReview)

    # -- reading

    def read(self, session: ResultsSession, network: str) -> None:
        """Read a network's answers, then what else there is to know of the images, and show it as it comes."""
        self._work(partial(self._read, session, network), "answers")

    async def _read(self, session: ResultsSession, network: str) -> None:
        try:
            answers = await session.answers(network)
        except AimicError as problem:
            self.close(problem.sentence)
            return
        review = ImageReview(answers, network, self.data)
        if self.review is not None:
            review.list_like(self.review)
        self.data.selected = frozenset()
        self.review = review
        self._matrix.show_review(review)
        self._errors.show_review(review)
        self._work(partial(self._open_data, answers.choice), "data")
        with suppress(AimicError):  # what is wrong was reported with the figures
            review.opinions = await session.opinions()
            self._errors.show_marks()
        review.appearances = await asyncio.to_thread(appearances_of, answers, self._place.shell.workspace.cache_folder)

    def close(self, problem: str = "") -> None:
        """Show no images; `problem` says why there are none."""
        self.review = None
        self._matrix.show_review(None, problem)
        self._errors.show_review(None)

    async def _open_data(self, choice: DataSource) -> None:
        """Open the data set that the run is about, since marks are stored with it."""
        if choice == self._choice and self.data.data is not None:
            return
        self._choice = choice
        self.data.close(_NOT_OPEN_YET)
        try:
            await self.data.open(choice, self._place.shell.workspace.marks_folder)
        except AimicError as problem:
            self.data.close(f"Nothing can be marked: {problem.sentence}")
        except OSError as problem:
            self.data.close(f"Nothing can be marked: {printable(choice.path)} can't be read: {problem}.")
        self.show_marks()

    def reread_marks(self) -> None:
        """Take over marks that another screen made meanwhile."""
        self._work(self._reread_marks, "marks-read")

    async def _reread_marks(self) -> None:
        try:
            if await self.data.reread_marks():
                self.show_marks()
        except (AimicError, OSError) as problem:
            self._place.shell.tell(str(problem), "warning")

    def _work(self, work: WorkType[None], group: str) -> None:
        self._place.run_worker(work, group=group, exclusive=True, exit_on_error=False)

    # -- marking

    @property
    def _view(self) -> MatrixView | ErrorReview:
        return self._errors if self._errors.has_focus_within else self._matrix

    def marking_target(self) -> MarkingTarget:
        """Return the image in focus."""
        image = self._view.image_in_focus
        return MarkingTarget(() if image is None else (image,))

    def show_marks(self) -> None:
        """Show the images as they are marked and selected now."""
        self._matrix.show_marks()
        self._errors.show_marks()
        self._place.refresh_bindings()

    def focus_next_image(self) -> None:
        """Go on to the next image of the list or grid with the focus."""
        self._view.focus_next_image()

"""Many files at once: decoders release the interpreter's lock, so threads do, without the cost of processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from aimic_tui.engine.data.memory_room import ROOM
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.progress import Phase, Progress, ReportProgress, no_report

Item = TypeVar("Item")
Result = TypeVar("Result")

ShouldStop = Callable[[], bool]

_CHUNK = 16  # items a task: enough to make the overhead of tasks small beside decoding


def in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    threads: int | None = None,
    report: ReportProgress = no_report,
    phase: Phase = "read",
    should_stop: ShouldStop | None = None,
) -> Iterator[Result]:
    """Apply `function` to all items in threads and yield the results in order, a bounded number ahead.

    Args:
        function: is called from several threads at once; what it raises is raised here, and nothing further starts.
        items: of any number.
        threads: by default, the number of available processors.
        report: receives the number that are done.
        phase: of the reported progress.
        should_stop: checked between chunks of items.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    threads = threads or available_processors()

    def in_room(item: Item) -> Result:
        with ROOM.returned():
            return function(item)

    def chunk_of(start: int) -> list[Result]:
        return [in_room(item) for item in items[start : start + _CHUNK]]

    done = 0
    report(Progress(phase, done, len(items)))
    starts = iter(range(0, len(items), _CHUNK))
    pending: deque[Future[list[Result]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="images")
    try:
        while True:
            while len(pending) < 4 * threads and (start := next(starts, None)) is not None:
                pending.append(pool.submit(chunk_of, start))
            if not pending:
                return
            if should_stop is not None and should_stop():
                raise Interrupted("stopped before all images were read.")
            results = pending.popleft().result()
            yield from results
            done += len(results)
            report(Progress(phase, done, len(items)))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

"""When a trial that fails again and again is given up.

An end that was not the trial's own doing (its worker was killed, the machine's memory ran out, the program had a fault)
counts as a failure. Failures count in a row: a finished epoch in between shows that the trial gets on, and the count
begins anew. So a run on a machine where something kills a worker every hour still comes to its end, and a trial that
dies at the same step each time is given up after a few attempts. An attempt that asks to go on with fewer images at
once is no failure: that comes to an end by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aimic_tui.engine.run_events import EpochRecord, EventStream, TrialEvent, TrialStarted, trial_events
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.training.micro_batch_size import load_micro_batch_size

ATTEMPTS = 3  # failures in a row


@dataclass(frozen=True)
class _Reached:
    """How far a trial has come: attempts that began, the last epoch that was finished, images at once where limited."""

    begun: int = 0
    epoch: int = 0
    micro_batch_size: int | None = None


class Retries:
    """Counts the failures of a run's trials in a row, for one scheduler's life.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._readers: dict[TrialKey, EventStream[TrialEvent]] = {}
        self._reached: dict[TrialKey, _Reached] = {}
        self._assigned: dict[TrialKey, _Reached] = {}
        self._counts: dict[TrialKey, int] = {}

    def assigned(self, key: TrialKey) -> None:
        """Remember how far a trial is as a worker gets it."""
        reached = self._read(key)
        if reached.epoch > self._assigned.get(key, _Reached()).epoch:
            self._counts.pop(key, None)  # the attempt before got on, however it ended
        self._assigned[key] = reached

    def count_failure(self, key: TrialKey) -> int:
        """Count a failure of the attempt that was assigned last; return how many there are in a row."""
        reached, before = self._read(key), self._assigned.get(key, _Reached())
        self._assigned[key] = replace(reached, begun=before.begun)
        if reached.micro_batch_size is not None and (
            before.micro_batch_size is None or reached.micro_batch_size < before.micro_batch_size
        ):
            return self._counts.get(key, 0)
        self._counts[key] = 1 if reached.epoch > before.epoch else self._counts.get(key, 0) + 1
        return self._counts[key]

    def began(self, key: TrialKey) -> bool:
        """Tell whether the attempt that was assigned last came as far as to begin."""
        return self._read(key).begun > self._assigned.get(key, _Reached()).begun

    def _read(self, key: TrialKey) -> _Reached:
        """Read the new events of a trial."""
        if key not in self._readers:
            self._readers[key] = trial_events(self._folder.trial(key))
        reader = self._readers[key]
        events = reader.new()
        reached = _Reached() if reader.restarted else self._reached.get(key, _Reached())
        reached = replace(reached, micro_batch_size=load_micro_batch_size(self._folder.trial(key).path))
        for event in events:
            if isinstance(event, TrialStarted):
                reached = replace(reached, begun=reached.begun + 1)
            elif isinstance(event, EpochRecord):
                reached = replace(reached, epoch=max(reached.epoch, event.epoch))
        self._reached[key] = reached
        return reached

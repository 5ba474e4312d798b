"""When a trial that ends badly again and again is given up.

An end that was not the trial's own doing (its worker was killed, the machine's memory ran out, the program had a
fault) is a setback. Setbacks count in a row: a finished epoch in between shows that the trial gets on, and the count
begins anew. So a run on a machine where something kills a worker every hour still comes to its end, and a trial that
dies at the same place each time is given up after a few attempts. An attempt that leaves word to go on with fewer
images at once is no setback: that comes to an end by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aimic_tui.engine.run_events import EpochRecord, EventStream, TrialEvent, TrialStarted, trial_events
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.training.micro_batch_size import kept_part

ATTEMPTS = 3  # setbacks in a row


@dataclass(frozen=True)
class _Story:
    """How far a trial has come: attempts that began, the last epoch that was finished, images at once where limited."""

    begun: int = 0
    epoch: int = 0
    part: int | None = None


class Setbacks:
    """Counts the setbacks of a run's trials, for one scheduler's life.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._readers: dict[TrialKey, EventStream[TrialEvent]] = {}
        self._stories: dict[TrialKey, _Story] = {}
        self._assigned: dict[TrialKey, _Story] = {}
        self._counts: dict[TrialKey, int] = {}

    def assigned(self, key: TrialKey) -> None:
        """Remember how far a trial is as a worker gets it."""
        story = self._story(key)
        if story.epoch > self._assigned.get(key, _Story()).epoch:
            self._counts.pop(key, None)  # the attempt before got on, however it ended
        self._assigned[key] = story

    def count(self, key: TrialKey) -> int:
        """Count a setback of the attempt that was assigned last; return how many there are in a row."""
        story, before = self._story(key), self._assigned.get(key, _Story())
        self._assigned[key] = replace(story, begun=before.begun)
        if story.part is not None and (before.part is None or story.part < before.part):
            return self._counts.get(key, 0)
        self._counts[key] = 1 if story.epoch > before.epoch else self._counts.get(key, 0) + 1
        return self._counts[key]

    def began(self, key: TrialKey) -> bool:
        """Tell whether the attempt that was assigned last came as far as to begin."""
        return self._story(key).begun > self._assigned.get(key, _Story()).begun

    def _story(self, key: TrialKey) -> _Story:
        """Read what is new in a trial's story."""
        if key not in self._readers:
            self._readers[key] = trial_events(self._folder.trial(key))
        reader = self._readers[key]
        events = reader.new()
        story = _Story() if reader.restarted else self._stories.get(key, _Story())
        story = replace(story, part=kept_part(self._folder.trial(key).path))
        for event in events:
            if isinstance(event, TrialStarted):
                story = replace(story, begun=story.begun + 1)
            elif isinstance(event, EpochRecord):
                story = replace(story, epoch=max(story.epoch, event.epoch))
        self._stories[key] = story
        return story

"""What a study found out, as far as it has come: the content of its results.json as types.

`build_study_results` makes it from the runs, `study_results_file` reads and writes the file. The page, the command and
the app show these figures and sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.ranking import RankedPair


@dataclass(frozen=True)
class ComparedFigure:
    """A figure beside the published one, shares from 0 to 1.

    Attributes:
        published: None where nothing is published of it.
        difference: the interval minus the published figure, which counts as fixed.
    """

    interval: Interval
    published: float | None = None
    difference: Interval | None = None


@dataclass(frozen=True)
class NetworkResults:
    """One network on one data set under one protocol.

    Attributes:
        figures: name of a figure -> over all test images together.
        fold_means: name of a figure -> mean over the folds, as published ones are.
        images, groups: that were tested.
        complete: whether every fold is tested.
        run: the name of the run's folder.
    """

    figures: Mapping[str, ComparedFigure]
    fold_means: Mapping[str, float | None]
    images: int
    groups: int
    complete: bool
    run: str


@dataclass(frozen=True)
class CellResults:
    """A data set under a protocol.

    Attributes:
        published: the data set's name in the paper, "" where it has none there.
        runs: name of a run -> its state.
        networks: those with a tested fold.
    """

    data: str
    published: str
    protocol: str
    runs: Mapping[str, str]
    networks: Mapping[str, NetworkResults]


@dataclass(frozen=True)
class ProtocolGap:
    """What the published protocol adds to a network's figures on a data set: aimic-2022 minus honest."""

    data: str
    network: str
    figures: Mapping[str, Interval]


@dataclass(frozen=True)
class StudyRanking:
    """How networks rank by F1 over the data sets; 1 is the best.

    Attributes:
        average_ranks: network -> its mean rank.
        p: of Friedman's test.
        critical_difference: of average ranks (Nemenyi).
        ranks: network -> its rank on each of `data_sets`.
    """

    average_ranks: Mapping[str, float]
    p: float
    critical_difference: float
    pairs: tuple[RankedPair, ...]
    data_sets: tuple[str, ...]
    ranks: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class StudySentences:
    """What the figures say, in the words of page, command and app; "" where there is nothing to say.

    Attributes:
        state: that the study is not complete.
        protocols: protocol -> what it is.
        best: protocol -> which network has the highest mean F1.
        gap: what the published protocol adds.
        gap_method: how that is determined.
        ranking: protocol -> what the ranks show, or why there are none.
    """

    state: str
    protocols: Mapping[str, str]
    best: Mapping[str, str]
    gap: str
    gap_method: str
    ranking: Mapping[str, str]


@dataclass(frozen=True)
class StudyResults:
    """All of it.

    Attributes:
        complete: whether every network is tested on every fold of every cell.
        definitions: of the figures, in words.
        cells: data sets in the study's order, the protocols of each together.
        averages: protocol -> network -> name of a figure -> mean over the data sets, where all of them are tested.
        rankings: protocol -> ranks, None where there are none.
        problems: sentences on runs that can't be read.
    """

    study: str
    complete: bool
    definitions: str
    cells: tuple[CellResults, ...]
    averages: Mapping[str, Mapping[str, Mapping[str, ComparedFigure]]]
    gaps: tuple[ProtocolGap, ...]
    rankings: Mapping[str, StudyRanking | None]
    sentences: StudySentences
    problems: tuple[str, ...]

    @property
    def protocols(self) -> tuple[str, ...]:
        """In the study's order."""
        return tuple(self.sentences.protocols)

    @property
    def networks(self) -> tuple[str, ...]:
        """In the study's order, tested or not."""
        return tuple(next(iter(self.averages.values()), {}))

    @property
    def data_sets(self) -> tuple[str, ...]:
        """In the study's order."""
        return tuple(dict.fromkeys(cell.data for cell in self.cells))

    def cells_of(self, protocol: str) -> tuple[CellResults, ...]:
        """Return the cells under one protocol, a data set each."""
        return tuple(cell for cell in self.cells if cell.protocol == protocol)

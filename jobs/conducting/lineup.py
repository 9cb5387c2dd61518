"""Where each sequence of a job stands: not begun, looked at, at work, ended.

Only a part of a large job is at work at a time, so that neither client nor scheduler grows with it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator

from jobs.conducting.graph import Ended, SequenceGraph
from jobs.sequences import SequencePath


class Lineup:
    """The sequences of a job, in the order in which they were given.

    Attributes:
        graphs: of those that are begun and have not ended, by name.
        ended: how the others ended.

    Args:
        sequences: of the job.
        ahead: how many may be looked at at once, and how many may be at work.
    """

    def __init__(self, sequences: Iterable[SequencePath], ahead: int) -> None:
        self.graphs: dict[str, SequenceGraph] = {}
        self.ended: list[Ended] = []
        self._ahead = ahead
        self._coming = deque(enumerate(sequences))
        self._looked_at: list[tuple[int, str]] = []
        self._at_work: set[str] = set()
        self._looking: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether all sequences have ended."""
        return not self._coming and not self.graphs

    def widen(self, ahead: int) -> None:
        """There are more workers: let more sequences be at work."""
        self._ahead = max(self._ahead, ahead)

    def begin(self) -> Iterator[SequenceGraph]:
        """Sequences whose turn it is to be looked at."""
        while self._coming and len(self._looking) < self._ahead:
            index, sequence = self._coming.popleft()
            graph = SequenceGraph(sequence.name, index, sequence.path)
            self.graphs[sequence.name] = graph
            self._looking.add(sequence.name)
            yield graph

    def looked_at(self, graph: SequenceGraph) -> None:
        """The steps of a sequence are known."""
        self._looking.discard(graph.sequence)
        heapq.heappush(self._looked_at, (graph.index, graph.sequence))

    def admit(self) -> Iterator[SequenceGraph]:
        """Sequences whose turn it is to be worked at."""
        while self._looked_at and len(self._at_work) < self._ahead:
            _, name = heapq.heappop(self._looked_at)
            if name in self.graphs:
                self._at_work.add(name)
                yield self.graphs[name]

    def may_work(self, graph: SequenceGraph) -> bool:
        """Whether the tasks of a sequence may be put to the workers now."""
        return graph.sequence in self._looking or graph.sequence in self._at_work

    def end(self, graph: SequenceGraph) -> Ended:
        """A sequence has ended; only how is kept."""
        ended = graph.ended()
        self.ended.append(ended)
        del self.graphs[graph.sequence]
        self._at_work.discard(graph.sequence)
        self._looking.discard(graph.sequence)
        return ended

    def open_up(self, name: str | None = None) -> None:
        """Make graphs for sequences that are still to come, so that they can be ended: for one, or all."""
        kept: deque[tuple[int, SequencePath]] = deque()
        for index, sequence in self._coming:
            if name is None or sequence.name == name:
                self.graphs[sequence.name] = SequenceGraph(sequence.name, index, sequence.path)
            else:
                kept.append((index, sequence))
        self._coming = kept

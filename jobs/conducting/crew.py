"""The workers of a job as its conductor sees them: what is put to Dask, and what comes back.

Results do not travel as Dask's results do. A worker sends them as an event along the way on which it tells
the scheduler that a task has ended, and before that; so whoever hears of the end has the result, nobody has
to fetch it, and the scheduler has less to do. Only what tasks say to each other stays with Dask.
"""

from __future__ import annotations

import pickle
import queue
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from distributed import Client, Future, KilledWorker, get_worker

from jobs.tasks import JobContext, Task
from jobs.workers.worker_progress import PROGRESS_TOPIC

Function = Callable[..., Any]
"""Called on a worker with a task, the job's context and what the tasks that it needs came to."""

TOPIC = "vultus tasks"
"""Of Dask's events. One for all jobs: a scheduler keeps the last events of each topic for ever."""

_RUNNING, _FINISHED = "running", "finished"
_FETCH_S = 30.0


class Cluster(Protocol):
    """What the conductor asks of a cluster."""

    client: Client
    gpus: bool
    memory_gib: float

    @property
    def comes_back(self) -> bool:
        """Whether a scheduler that was lost may come back, because somebody else keeps it."""
        ...

    def reconnect(self, timeout: float) -> Client:
        """Connect again to a scheduler that was lost; raises a VultusError where it does not come back."""
        ...


@dataclass(frozen=True)
class Call:
    """A task as it is put to Dask.

    Attributes:
        task: to be done.
        function: that does it, importable on the workers.
        needed: what the tasks that it needs came to, as far as they have ended.
        resources, priority, retries: in Dask's terms.
    """

    task: Task
    function: Function
    needed: tuple[Any, ...]
    resources: dict[str, float]
    priority: int
    retries: int


@dataclass(frozen=True)
class Started:
    """A task runs."""

    key: str
    worker: str


@dataclass(frozen=True)
class Progressed:
    """A running task has told how far it is, 0 to 1."""

    key: str
    fraction: float


@dataclass(frozen=True)
class Returned:
    """A task has ended, with what its function returned."""

    key: str
    result: Any


@dataclass(frozen=True)
class Broken:
    """A task ended without a result: it raised, one that it needs did, or its workers died.

    Attributes:
        key: of the task.
        error: as Dask tells it.
        own: whether it is this task's own trouble: Dask tells one task's of all that need it too.
    """

    key: str
    error: BaseException
    own: bool


@dataclass(frozen=True)
class Forgotten:
    """Dask no longer knows a task, or its result was lost on the way: it is to be submitted again."""

    key: str


Happening = Started | Progressed | Returned | Broken | Forgotten


class Crew:
    """Tasks at work on a cluster.

    Args:
        cluster: where they run.
        job: an identity that no other run of a job has.
        context: what all tasks are told.
    """

    def __init__(self, cluster: Cluster, job: str, context: JobContext) -> None:
        self._cluster, self._job, self._context = cluster, job, context
        self._futures: dict[str, Future] = {}
        self._before: dict[str, list[Future]] = {}
        self._results: dict[str, Any] = {}
        self._happened: queue.SimpleQueue[Happening | Future] = queue.SimpleQueue()
        self._submitted = 0
        self._listen()

    def __contains__(self, key: str) -> bool:
        """Whether a task is at work or waits for its turn."""
        return key in self._futures

    def __len__(self) -> int:
        return len(self._futures)

    @property
    def lost(self) -> bool:
        """Whether the scheduler is gone, even if another one has taken its place since and knows nothing."""
        client = self._cluster.client
        return client.status != _RUNNING or client.scheduler_comm is not self._connection

    @property
    def size(self) -> int:
        """How many workers there are; 0 where the scheduler does not say."""
        try:
            return int(self._cluster.client.scheduler_info(n_workers=0)["n_workers"])
        except (OSError, TimeoutError):
            return 0

    def submit(self, call: Call) -> None:
        """Put a task to Dask; those of its needs that are still at work become its dependencies."""
        task = call.task
        self._submitted += 1
        needs = [self._futures[key] for key in task.needs if key in self._futures]
        after = [self._futures[key] for key in task.after if key in self._futures]
        future = self._cluster.client.submit(
            _perform,
            self._job,
            call.function,
            (task, self._context),
            [*call.needed, *needs],
            after,
            key=(task.stage, self._job, task.key, self._submitted),
            resources=call.resources,
            priority=call.priority,
            retries=call.retries,
            pure=False,
        )
        self._futures[task.key], self._before[task.key] = future, [*needs, *after]
        future.add_done_callback(self._happened.put)

    def cancel(self, keys: Iterable[str]) -> None:
        """Take back tasks; what runs of them goes on to its next safe place, and nobody hears of it."""
        futures = [self._removed(key) for key in list(keys) if key in self._futures]
        if futures and not self.lost:
            self._cluster.client.cancel(futures)

    def happenings(self, timeout: float) -> list[Happening]:
        """What has happened, in its order; waits so many seconds for anything to happen."""
        found: list[Happening] = []
        try:
            item = self._happened.get(timeout=timeout)
            while True:
                found += self._told(item)
                item = self._happened.get_nowait()
        except queue.Empty:
            return found

    def reconnect(self, timeout: float) -> None:
        """Wait for a lost scheduler. All tasks are forgotten, without a word for each.

        Raises:
            VultusError: it did not come back.
        """
        self._futures.clear()
        self._before.clear()
        self._results.clear()
        self._cluster.reconnect(timeout)
        self._happened = queue.SimpleQueue()
        self._listen()

    def close(self) -> None:
        """Take back all tasks, and hear no more."""
        self.cancel(list(self._futures))
        if not self.lost:
            for topic in (TOPIC, PROGRESS_TOPIC):
                self._cluster.client.unsubscribe_topic(topic)

    def _listen(self) -> None:
        # What comes of an earlier connection goes to an earlier queue, which nobody reads.
        happened, job = self._happened, self._job

        def hear(event: tuple[float, dict[str, Any]]) -> None:
            told = event[1]
            if told["job"] == job:
                happened.put(pickle.loads(told["happening"]))  # noqa: S301 - of Dask's own tasks, as results are

        def hear_progress(event: tuple[float, dict[str, Any]]) -> None:
            told = event[1]
            happened.put(Progressed(told["key"], told["done"] / max(1, told["total"])))

        client = self._cluster.client
        self._connection = client.scheduler_comm
        client.subscribe_topic(TOPIC, hear)
        client.subscribe_topic(PROGRESS_TOPIC, hear_progress)

    def _told(self, item: Happening | Future) -> Sequence[Happening]:
        if isinstance(item, Future):
            return self._ended(item)
        if item.key not in self._futures:
            return ()  # It was taken back.
        if isinstance(item, Returned):
            self._results.setdefault(item.key, item.result)
            return ()
        return (item,)

    def _ended(self, future: Future) -> Sequence[Happening]:
        key = future.key[2]
        if key not in self._futures or self._futures[key] is not future:
            return ()
        before = self._before[key]
        self._removed(key)
        if future.status == "error":
            own = all(each.status == _FINISHED for each in before)
            return (Broken(key, future.exception(), own),)
        if future.status != _FINISHED:
            return (Forgotten(key),)
        if key in self._results:
            return (Returned(key, self._results.pop(key)),)
        return (self._fetched(key, future),)

    def _removed(self, key: str) -> Future:
        del self._before[key]
        return self._futures.pop(key)

    def _fetched(self, key: str, future: Future) -> Happening:
        """The result of a task whose event was lost: Dask has it too, unless its worker died since."""
        try:
            return Returned(key, future.result(_FETCH_S))
        except (OSError, TimeoutError, CancelledError, KilledWorker):
            return Forgotten(key)


def _perform(
    job: str, function: Function, given: tuple[Task, JobContext], needed: Sequence[Any], _after: Sequence[Any]
) -> Any:
    """Do a task, on a worker; what it comes after is there only to be waited for."""
    worker, key = get_worker(), given[0].key

    def tell(happening: Happening) -> None:
        worker.log_event(TOPIC, {"job": job, "happening": pickle.dumps(happening)})

    tell(Started(key, str(worker.name)))
    result = function(*given, *needed)
    tell(Returned(key, result))
    return result

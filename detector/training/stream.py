"""Worker processes that render samples while training runs."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import VultusError
from detector.training.samples import (
    SampleChunk,
    list_shards,
    pack_positions,
    read_shard,
    shard_path,
    write_shard,
)

Sampler = Callable[[int], tuple[NDArray[np.uint8], NDArray[np.floating]]]
"""From a seed, an image (S, S, 3) uint8 and the pixels (P, 2) of its labels (see :class:`SampleChunk`)."""

SamplerFactory = Callable[[], Sampler]
"""Makes a sampler inside a worker process; it must be picklable."""

HELD_OUT_SEED = 1_000_000_000
"""Seeds from here on are never trained on."""

QUEUE_CHUNKS = 64
POLL_S = 0.5
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS")


@dataclass(frozen=True)
class StreamConfig:
    """What the workers render.

    Attributes:
        factory: makes the sampler in each worker.
        workers: how many processes; 0 only reads the folder.
        chunk: samples per message.
        held_out: samples to set aside first, rounded up to whole chunks.
        seed: first seed of the training samples.
        folder: where chunks are kept, so that another run starts with them; None keeps nothing.
        stored: training samples to keep there; what is rendered beyond them only passes through.
    """

    factory: SamplerFactory
    workers: int = 1
    chunk: int = 16
    held_out: int = 512
    seed: int = 0
    folder: Path | None = None
    stored: int = 60_000

    @property
    def held_out_chunks(self) -> int:
        """Chunks that are set aside."""
        return -(-self.held_out // self.chunk)


@dataclass(frozen=True)
class _Failure:
    error: VultusError | None
    text: str


class SampleStream:
    """Chunks of samples, first from the folder, then from the workers, for as long as anyone asks.

    A worker that ends is noticed: if it said why, that error is raised; if all of them are gone, so is
    that. The death of one among several is put into :attr:`losses` and the others go on.
    """

    def __init__(self, config: StreamConfig) -> None:
        self.config = config
        self.losses: list[str] = []
        self._queue: queue.Queue[SampleChunk | _Failure] = queue.Queue(QUEUE_CHUNKS)
        self._closing = threading.Event()
        self._processes: dict[Connection, SpawnProcess] = {}
        self._started = False
        self._alive = config.workers
        self._reader = threading.Thread(target=self._receive, name="samples", daemon=True)

    def __enter__(self) -> SampleStream:
        if self.config.folder is not None:
            self.config.folder.mkdir(parents=True, exist_ok=True)
        # listed before the workers start: what they write comes through their pipes
        self._stored = list_shards(self.config.folder) if self.config.folder is not None else []
        for rank in range(self.config.workers):
            self._start(rank)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.join(timeout=5)
        self._reader.join(timeout=5)

    def _start(self, rank: int) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        skip = frozenset(path.name for path in self._stored)
        process = context.Process(
            target=_work, args=(sender, self.config, rank, skip), name=f"samples-{rank}", daemon=True
        )
        with _single_threaded():
            process.start()
        sender.close()
        self._processes[receiver] = process

    @property
    def exhausted(self) -> bool:
        """Whether nothing more will come."""
        return not self._reader.is_alive() and self._queue.empty()

    def get(self, timeout: float = 0.0) -> SampleChunk | None:
        """The next chunk, or None if none came within ``timeout`` seconds.

        Raises:
            VultusError: what a worker died of, or that none is left.
        """
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, SampleChunk):
            return item
        self._alive -= 1
        self.losses.append(item.text)
        if item.error is not None:
            raise item.error
        if self._alive == 0:
            raise VultusError(f"all processes that render samples have died; the last: {item.text}")
        return self.get(timeout)

    def _receive(self) -> None:
        for path in self._stored:
            if self._closing.is_set():
                return
            try:
                self._put(read_shard(path))
            except VultusError as error:
                self._put(_Failure(error, str(error)))
        open_pipes = list(self._processes)
        while open_pipes and not self._closing.is_set():
            ready = wait(open_pipes, timeout=POLL_S)
            for pipe in [pipe for pipe in open_pipes if pipe in ready]:
                try:
                    self._put(pipe.recv())
                except (EOFError, OSError):
                    open_pipes.remove(pipe)
                    self._report_death(self._processes[pipe])

    def _report_death(self, process: SpawnProcess) -> None:
        if self._closing.is_set():
            return
        process.join(timeout=5)
        if process.exitcode != _SAID_WHY:
            self._put(_Failure(None, f"{process.name} ended with status {process.exitcode}"))

    def _put(self, item: SampleChunk | _Failure) -> None:
        while not self._closing.is_set():
            try:
                self._queue.put(item, timeout=POLL_S)
            except queue.Full:
                continue
            return


_SAID_WHY = 17


def _work(pipe: Connection, config: StreamConfig, rank: int, skip: frozenset[str]) -> None:
    """Render this worker's share of the chunks, endlessly."""
    try:
        sampler = config.factory()
        for index, held_out in _share(config, rank):
            if config.folder is not None and shard_path(config.folder, index, held_out).name in skip:
                continue
            chunk = render_chunk(sampler, config, index, held_out)
            if config.folder is not None and (held_out or index * config.chunk < config.stored):
                write_shard(config.folder, chunk)
            pipe.send(chunk)
    except VultusError as error:
        pipe.send(_Failure(error, str(error)))
        raise SystemExit(_SAID_WHY) from error
    except BrokenPipeError:
        return


def _share(config: StreamConfig, rank: int) -> Iterator[tuple[int, bool]]:
    """Chunks of one worker: (index, held out), every workers-th of the sequence."""
    for index in range(rank, config.held_out_chunks, config.workers):
        yield index, True
    index = rank
    while True:
        yield index, False
        index += config.workers


def render_chunk(sampler: Sampler, config: StreamConfig, index: int, held_out: bool) -> SampleChunk:
    """The chunk of this index: its seeds, and so its content, depend on nothing else."""
    first = (HELD_OUT_SEED if held_out else config.seed) + index * config.chunk
    pairs = [sampler(first + i) for i in range(config.chunk)]
    images = np.stack([image for image, _ in pairs])
    return SampleChunk(index, held_out, images, np.stack([pack_positions(pixels) for _, pixels in pairs]))


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Children that start inside use one thread each; spawned processes read this from the environment."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

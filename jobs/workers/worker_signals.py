"""A worker that the machine asks to end (SIGTERM, some 30 s before SIGKILL) closes in good order.

Queues send the signal to every process of a job. A worker below a nanny would die of it at once, in the
middle of its task.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from typing import Any

import psutil

logger = logging.getLogger("distributed.worker")

_FULL = 0.9  # of a worker's memory; its nanny stops it at 0.95

_closing = set[asyncio.Task[None]]()


def leave_on_sigterm(worker: Any) -> None:
    """Let a Dask worker close at SIGTERM: its task stops at the next safe place, and goes on elsewhere.

    To be called on the worker's event loop; nothing is done where that is not in the main thread, to which
    signals come.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def close() -> None:
        loop.remove_signal_handler(signal.SIGTERM)  # a second signal is not waited for
        if _outgrown(worker):
            os.kill(os.getpid(), signal.SIGTERM)
            return
        _closing.add(loop.create_task(_close(worker)))

    loop.add_signal_handler(signal.SIGTERM, close)
    if getattr(worker, "nanny", None):
        # Ctrl-C reaches every process of a terminal: the client asks its workers to stop, and ends them.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _outgrown(worker: Any) -> bool:
    """Whether the signal is the nanny's, because the worker takes too much memory.

    That has to count as a death: a task that does not fit would go from worker to worker for ever.
    """
    limit = worker.memory_manager.memory_limit
    return bool(limit) and psutil.Process().memory_info().rss > _FULL * limit


async def _close(worker: Any) -> None:
    try:
        await worker.close_gracefully(reason="SIGTERM")
    except OSError as error:
        logger.warning("The scheduler is not told: %s", error)
        await worker.close(reason="SIGTERM")

"""Memory that a worker process holds between tasks."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return freed memory to the system, where the C library can be asked to (glibc keeps it otherwise).

    Workers live for many tasks, and several of them share a machine: one that a long take has made large
    would count as full for the next one.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

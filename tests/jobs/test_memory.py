"""A worker is given no task that will not fit, and what was measured is believed."""

from __future__ import annotations

import mmap
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from jobs.memory import FORMULAS, PROCESS, advice, estimate
from jobs.records.ledger import Measure
from jobs.tasks import SURVEY, Task, Work
from jobs.workers import measures
from jobs.workers.idle_memory import give_back
from jobs.workers.measures import measuring
from pipeline.steps import WHOLE

MIB = 1 << 20
SMALL = Work(frames=20, cameras=6, landmarks=320, pixels=640 * 512)
LARGE = Work(frames=500, cameras=17, landmarks=703, pixels=4096 * 3000)


def a_task(stage: str, work: Work) -> Task:
    return Task("take", "/footage", stage, work=work)


def test_every_stage_has_an_estimate_that_grows_with_its_work() -> None:
    """And that is never less than a worker process itself."""
    assert set(FORMULAS) >= {SURVEY, *WHOLE}
    for stage in FORMULAS:
        assert PROCESS < estimate(a_task(stage, SMALL)) < estimate(a_task(stage, LARGE))


MEASURED = {"calibrate": 1089, "detect": 1276, "fit": 1155, "export": 1026, "overlay": 1133}
"""MiB, of the demo's shoot of 6 cameras, 20 frames, 320 landmarks, each stage in a process of its own."""


@pytest.mark.parametrize("stage", MEASURED)
def test_estimates_hold_for_the_demo(stage: str) -> None:
    """At least what was measured, and not much more."""
    found = estimate(a_task(stage, SMALL)) / MIB
    assert MEASURED[stage] < found < 1.5 * MEASURED[stage]


def test_putting_chunks_together_takes_less_than_doing_all_of_it_at_once() -> None:
    """One of them is held at a time, beside what comes of all."""
    long = replace(LARGE, frames=6000)
    chunks = tuple(f"take/fit {first}-{first + 1499}" for first in range(1001, 7001, 1500))
    one, at_once = replace(a_task("fit", LARGE), work=replace(long, frames=1500)), a_task("fit", long)
    together = replace(at_once, needs=chunks)
    assert estimate(one) < estimate(together) < estimate(at_once)


def test_an_estimate_learns_from_tasks_alike() -> None:
    """One that took half as much again makes the next ask for that; one that took less changes nothing."""
    task = a_task("fit", LARGE)
    plain = estimate(task)
    more = Measure(LARGE, 60.0, int(1.5 * plain))
    assert estimate(task, [more]) > more.peak_bytes
    assert estimate(task, [Measure(LARGE, 60.0, plain // 3)]) == plain


def test_an_estimate_does_not_learn_from_tasks_of_another_size_nor_beyond_sense() -> None:
    """A short take in a process that still held memory of a long one says nothing of the next long one."""
    task = a_task("fit", LARGE)
    assert estimate(task, [Measure(SMALL, 1.0, 40 * PROCESS)]) == estimate(task)
    assert estimate(task, [Measure(LARGE, 1.0, 1 << 50)]) == pytest.approx(4 * estimate(task))


@pytest.mark.parametrize("stage", WHOLE)
def test_what_does_not_fit_comes_with_advice(stage: str) -> None:
    """Smaller work, or larger workers."""
    assert "more memory" in advice(a_task(stage, LARGE))


@pytest.mark.parametrize("sampled", [False, True])
def test_the_peak_of_a_task_is_its_own(sampled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier task held at most is not laid to the next one, with and without the kernel's help."""
    if sampled:
        monkeypatch.setattr(measures, "_CLEAR", Path("/nowhere/clear_refs"))
    with measuring() as before:
        pass
    # pages of its own: memory that earlier tests have freed would not count as more
    with measuring() as large, mmap.mmap(-1, 80 * MIB) as held:
        for _ in range(80):
            held.write(bytes(MIB))
        time.sleep(0.25 if sampled else 0.0)
    with measuring() as after:
        pass
    assert large.peak_bytes > before.peak_bytes + 70 * MIB
    assert after.peak_bytes < large.peak_bytes - 60 * MIB
    assert large.seconds > 0
    assert large.cpu_seconds > 0
    assert large.started.endswith("+00:00")


def test_freed_memory_is_given_back_to_the_system() -> None:
    """Many small pieces stay with the C library otherwise, and the worker looks full to its next task."""
    process = psutil.Process()
    pieces = [bytes(2000) for _ in range(60 * MIB // 2000)]
    kept = bytes(2000)
    del pieces
    held = process.memory_info().rss
    give_back()
    assert process.memory_info().rss < held - 30 * MIB
    assert len(kept) == 2000

"""Machines that die while they add lose nothing that they called added."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.database.cache import look
from pipeline.database.folder import Database
from tests.pipeline.expression_writer import FRAMES

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0


def start(folder: Path, said: Path, *work: str) -> subprocess.Popen[bytes]:
    """A writer or reader that has done its first work; what it says goes to a file."""
    command = [sys.executable, "-m", "tests.pipeline.expression_writer", str(folder), *work]
    with said.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out)
    began = time.monotonic()
    while b"\n" not in said.read_bytes():
        assert process.poll() is None
        assert time.monotonic() - began < LIMIT_S
        time.sleep(0.01)
    return process


def lines(said: Path) -> list[str]:
    """What was said; a line without its end was not."""
    return said.read_text().split("\n")[:-1]


@pytest.mark.parametrize("seed", [1, 2])
def test_two_writers_and_a_reader_killed_at_random_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Every take that was called added is there whole, though both writers and a reader were killed."""
    folder, rng = tmp_path / "expressions", np.random.default_rng(seed)
    works = [("add", "one"), ("add", "two"), ("look",)]
    said = [tmp_path / "_".join(work) for work in works]
    processes = [start(folder, file, *work) for file, work in zip(said, works, strict=True)]
    for process in processes:
        time.sleep(rng.uniform(0.05, 0.5))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_S)
    added = {line.removeprefix("added ") for file in said[:2] for line in lines(file)}
    assert len(added) >= 2
    view = look(Database.open(folder))
    assert not view.damaged
    takes = {header.take: len(rows) for header, _, rows in view.takes()}
    assert added <= set(takes)
    assert set(takes.values()) == {FRAMES}
    # At most the one that each writer was about to acknowledge is there besides.
    assert len(takes) <= len(added) + 2
    np.testing.assert_allclose(view.floats("jawOpen"), 0.5)

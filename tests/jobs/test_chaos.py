"""Machines die, and the results are those of an undisturbed run: processes of a real cluster are killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.records.ledger import LedgerView
from jobs.tasks import ENDED_WELL
from tests.jobs.fake_duties import Plan, executions, make_sequence, results

ROOT = Path(__file__).parents[2]
WORKERS = 3


@dataclass
class Chaos:
    """A supervised cluster and who is killed in it."""

    address: str
    marks: Path
    kills: list[str] = field(default_factory=list)

    def kill(self, name: str) -> None:
        """Kill a process, wherever it is in its work; it may have died already."""
        with suppress(OSError, ValueError):
            os.kill(int((self.marks / name).read_text()), signal.SIGKILL)
            self.kills.append(name)

    def client(self, folder: Path, shoots: list[Path]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.jobs.chaos_client", self.address, str(folder)]
        return subprocess.Popen(
            [*command, *map(str, shoots)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def supervised(folder: Path) -> Iterator[Chaos]:
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.jobs.supervisor", str(port), str(WORKERS), str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        yield Chaos(f"tcp://127.0.0.1:{port}", folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


def make_night(folder: Path, sequences: int) -> list[Path]:
    return [
        make_sequence(folder / f"take{i:02d}", Plan(chunks=3, rig="stage" if i % 2 else "", seconds=0.1))
        for i in range(sequences)
    ]


def disturbed(chaos: Chaos, folder: Path, shoots: list[Path], dice: random.Random) -> str:
    """Run a job while workers are killed all the time, the scheduler once and the client once.

    Somebody dies whenever a task has come to its end, a random while later: so a slow machine, on which
    workers take long to start, comes to the end too.
    """
    every = len(shoots) * 9
    client, said, seen = chaos.client(folder, shoots), "", 0
    left = {every // 4: "scheduler", every // 2: "client"}
    until = time.monotonic() + 200
    while client.poll() is None:
        if time.monotonic() > until:
            client.kill()
            pytest.fail(f"the job does not come to its end; {client.communicate()[0]}")
        done = sum(executions(folder).values())
        if done == seen:
            time.sleep(0.02)
            continue
        seen = done
        time.sleep(dice.uniform(0, 0.15))
        whom = f"worker-{dice.randrange(WORKERS)}"
        for when in [when for when in left if done >= when][:1]:
            whom = left.pop(when)
        if whom == "client":
            client.kill()
            said += client.communicate()[0]
            client = chaos.client(folder, shoots)
        else:
            chaos.kill(whom)
    said += client.communicate()[0]
    assert client.returncode == 0, said
    assert not left
    return said


@pytest.mark.parametrize("sequences", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_a_night_of_kills_ends_like_a_quiet_one(tmp_path: Path, sequences: int) -> None:
    """Every result is there and the same bytes; no task came to its end twice; the ledger knows it all."""
    quiet, loud = make_night(tmp_path / "quiet", sequences), make_night(tmp_path / "loud", sequences)
    with supervised(tmp_path / "cluster") as chaos:
        client = chaos.client(tmp_path / "quiet-job", quiet)
        said = client.communicate(timeout=120)[0]
        assert client.returncode == 0, said
        said = disturbed(chaos, tmp_path / "loud-job", loud, random.Random(sequences))
    assert sum(name.startswith("worker") for name in chaos.kills) >= sequences
    assert "The scheduler was lost" in said
    assert results(loud) == results(quiet)
    assert len(results(loud)) == 9 * sequences
    assert set(executions(tmp_path / "loud-job").values()) == {1}
    with LedgerView(tmp_path / "loud-job") as ledger:
        states = ledger.states()
    assert len(states) == 10 * sequences
    assert set(states.values()) <= ENDED_WELL

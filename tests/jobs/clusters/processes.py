"""Schedulers and workers as a TD starts them: commands in processes of their own, on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

from tests.jobs.clusters.probes import LIGHT


class Command:
    """A ``vultus`` command that runs until the block ends.

    Args:
        words: after ``vultus``.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | LIGHT,
        )

    def wait_for(self, pattern: str) -> str:
        """Read until a line has the pattern, and return what it found."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.search(pattern, line):
                return found.group()
        raise AssertionError(f"Ended with status {self.process.wait()}: {said}")

    def kill(self) -> None:
        """As the machine does, without a word."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        self.process.stdout.read()
        return self.process.wait()

    def __enter__(self) -> Command:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        assert self.process.stdout is not None
        self.process.stdout.close()


ADDRESS = r"(tcp|tls)://\S+"


def scheduler(*words: str) -> Command:
    """``vultus jobs scheduler`` at a free port of loopback, unless the words say otherwise."""
    return Command(["jobs", "scheduler", *(words or ("--port", "0"))])


def worker(address: str, *words: str) -> Command:
    """``vultus jobs worker`` with one process."""
    return Command(["jobs", "worker", address, "--workers", "1", *words])

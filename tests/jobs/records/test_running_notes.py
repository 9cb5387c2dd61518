"""Notes of what runs: whoever looks on sees which of their processes are still there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.records.running_notes import Life, RunningNote, read_notes, running, sweep_notes

NOTE = RunningNote("a/fit", 2, worker="w0", log="logs/a/fit.log")
_HOLD = """
import sys, time
from pathlib import Path
from jobs.records.running_notes import RunningNote, running
with running(Path(sys.argv[1]), RunningNote("b/fit")):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_task_has_a_note_for_as_long_as_it_runs(tmp_path: Path) -> None:
    """With the process that does it; nothing is left behind."""
    with running(tmp_path, NOTE):
        ((note, life),) = read_notes(tmp_path)
        assert (note.key, note.attempt, note.worker) == ("a/fit", 2, "w0")
        assert (note.host, note.process, life) == (socket.gethostname(), os.getpid(), Life.ALIVE)
    assert read_notes(tmp_path) == []
    assert not list((tmp_path / "running").iterdir())


def test_a_task_that_fails_leaves_no_note(tmp_path: Path) -> None:
    """The block may end as it likes."""
    with pytest.raises(ValueError, match="no"), running(tmp_path, NOTE):
        raise ValueError("no")
    assert read_notes(tmp_path) == []


def test_the_note_of_a_killed_process_is_lost_and_can_be_swept_away(tmp_path: Path) -> None:
    """Its lock went with it. Notes of the living stay."""
    worker = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    with worker, running(tmp_path, NOTE):
        assert worker.stdout is not None
        worker.stdout.readline()
        assert [life for _, life in read_notes(tmp_path)] == [Life.ALIVE, Life.ALIVE]
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert {note.key: life for note, life in read_notes(tmp_path)} == {
            "a/fit": Life.ALIVE,
            "b/fit": Life.LOST,
        }
        sweep_notes(tmp_path)
        assert [note.key for note, _ in read_notes(tmp_path)] == ["a/fit"]


def test_a_folder_that_cannot_be_written_does_not_stop_the_work(tmp_path: Path) -> None:
    """Whoever looks on misses it, that is all."""
    (tmp_path / "running").write_text("in the way")
    done = False
    with running(tmp_path, NOTE):
        done = True
    assert done
    assert read_notes(tmp_path) == []

"""A job can be asked to stop, as a whole or by sequence, and the asking can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.errors import InputError
from jobs.records.cancelling import MARKER, CancelledRunError, cancel, read_cancellation, stopping, take_back


def test_nothing_is_cancelled_in_a_new_job(tmp_path: Path) -> None:
    """And a worker goes on."""
    assert not read_cancellation(tmp_path).covers("a")
    stopping(tmp_path, "a")()


def test_sequences_are_cancelled_one_after_another(tmp_path: Path) -> None:
    """Those that were asked for before stay so."""
    cancel(tmp_path, ["a"])
    cancel(tmp_path, ["b"])
    found = read_cancellation(tmp_path)
    assert [found.covers(name) for name in "abc"] == [True, True, False]


def test_without_a_name_the_whole_job_is_cancelled(tmp_path: Path) -> None:
    """A worker stops at its next safe place, with an error that is no failure."""
    cancel(tmp_path)
    assert read_cancellation(tmp_path).covers("anything")
    with pytest.raises(CancelledRunError, match="what was done is kept"):
        stopping(tmp_path, "a")()


def test_a_sequence_that_is_run_again_is_no_longer_cancelled(tmp_path: Path) -> None:
    """The others still are; and where nothing is left to stop, no marker is."""
    cancel(tmp_path, ["a", "b"])
    take_back(tmp_path, ["a"])
    assert [read_cancellation(tmp_path).covers(name) for name in "ab"] == [False, True]
    take_back(tmp_path, ["b"])
    assert not (tmp_path / MARKER).exists()


def test_running_a_part_of_a_cancelled_job_lifts_the_cancellation(tmp_path: Path) -> None:
    """Otherwise nothing of it could ever be run."""
    cancel(tmp_path)
    take_back(tmp_path, ["a"])
    assert not read_cancellation(tmp_path).covers("a")


def test_a_damaged_marker_is_named(tmp_path: Path) -> None:
    """Not passed over: somebody wanted something to stop."""
    (tmp_path / MARKER).write_text("what")
    with pytest.raises(InputError, match=r"cancel: The marker cannot be read .* Remove it"):
        read_cancellation(tmp_path)

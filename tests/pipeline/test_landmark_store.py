"""The landmark file survives what happens on a farm."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from calibration.errors import DiskError
from pipeline.stores.hdf5 import CorruptStoreError, partial_path
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import (
    FrameStatus,
    LandmarkHeader,
    LandmarkRows,
    landmark_fingerprint,
    read_landmarks,
)

FRAMES, LANDMARKS, CHUNK = 40, 7, 4

SCRIPT = """
import sys, time
from pathlib import Path
from tests.pipeline.test_landmark_store import detect

def tell(start):
    sys.stdout.write(f"{start}\\n")
    sys.stdout.flush()
    time.sleep(0.1)

detect(Path(sys.argv[1]), tell)
"""


def header(fingerprint: str = "a") -> LandmarkHeader:
    queries = np.linspace(-1, 1, LANDMARKS * 3, dtype=np.float32).reshape(LANDMARKS, 3)
    return LandmarkHeader("left", (640, 480), np.arange(1001, 1001 + FRAMES), "ibug68", queries, fingerprint)


def rows(start: int) -> LandmarkRows:
    random = np.random.default_rng(start)
    return LandmarkRows(
        mean=random.normal(size=(CHUNK, LANDMARKS, 2)).astype(np.float32),
        sigma=random.random((CHUNK, LANDMARKS)).astype(np.float32),
        region=random.random((CHUNK, 4)).astype(np.float32),
        uncertainty=random.random(CHUNK).astype(np.float32),
        status=np.full(CHUNK, FrameStatus.OK, np.uint8),
        reason=[""] * CHUNK,
    )


def detect(path: Path, tell: Callable[[int], None] = lambda start: None, *, fingerprint: str = "a") -> int:
    """Write the file chunk by chunk, going on where an earlier call stopped; return the first position."""
    writer = LandmarkWriter(path, header(fingerprint))
    first = int(writer.done().sum())
    for start in range(first, FRAMES, CHUNK):
        writer.write(start, rows(start))
        tell(start)
    writer.finish()
    return first


def datasets(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {name: file[name][:].tobytes() for name in file}


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL in the middle loses at most one chunk and leaves no trace in the result."""
    path, whole = tmp_path / "left.h5", tmp_path / "whole.h5"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), "0.1"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not path.exists()
    assert 0 < detect(path) < FRAMES
    detect(whole)
    assert datasets(path) == datasets(whole)
    assert not partial_path(path).exists()


def test_everything_written_is_read_back(tmp_path: Path) -> None:
    """Values, frame numbers, statuses and reasons come back as they went in."""
    path = tmp_path / "left.h5"
    writer = LandmarkWriter(path, header())
    for start in range(0, FRAMES, CHUNK):
        writer.write(start, rows(start))
    skip = replace(LandmarkRows.empty(1, LANDMARKS), status=np.array([3], np.uint8), reason=["truncated é"])
    writer.write(3, skip)
    writer.finish()
    stored = read_landmarks(path)
    assert stored.header.frames.tolist() == list(range(1001, 1001 + FRAMES))
    assert stored.header.size == (640, 480)
    chunk = slice(CHUNK, 2 * CHUNK)
    assert stored.rows.mean[chunk] == pytest.approx(rows(CHUNK).mean)
    assert stored.rows.region[chunk] == pytest.approx(rows(CHUNK).region)
    assert stored.rows.uncertainty[chunk] == pytest.approx(rows(CHUNK).uncertainty)
    assert stored.rows.reason[3] == "truncated é"
    assert stored.seen.sum() == FRAMES - 1
    assert not stored.seen[3]
    assert np.isnan(stored.rows.mean[3]).all()


def make_first_schema(path: Path) -> None:
    """Turn a file into what the first version wrote: regions of three numbers, no uncertainty."""
    with h5py.File(path, "r+") as file:
        region = file["region"][:, :3]
        del file["region"], file["uncertainty"]
        file["region"] = region
        file.attrs["schema_version"] = 1


def test_a_file_of_the_first_schema_is_read_with_upright_regions(tmp_path: Path) -> None:
    """A shoot that was detected before regions had a roll is fitted without detecting it again."""
    path = tmp_path / "left.h5"
    detect(path)
    make_first_schema(path)
    stored = read_landmarks(path)
    assert stored.rows.region.shape == (FRAMES, 4)
    assert (stored.rows.region[:, 3] == 0).all()
    assert np.isnan(stored.rows.uncertainty).all()
    assert landmark_fingerprint(path) == "a"


def test_an_unfinished_file_of_the_first_schema_is_made_again(tmp_path: Path) -> None:
    """Rows of two schemas are never mixed in one file."""
    path = tmp_path / "left.h5"
    LandmarkWriter(path, header()).write(0, rows(0))
    make_first_schema(partial_path(path))
    assert detect(path) == 0
    assert read_landmarks(path).rows.region.shape == (FRAMES, 4)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """As on a share that is mounted for reading, or where a file has its name."""
    (tmp_path / "landmarks").write_text("a file")
    with pytest.raises(DiskError, match="The folder cannot be made"):
        LandmarkWriter(tmp_path / "landmarks" / "left.h5", header())


def test_what_another_file_of_the_same_work_holds_is_taken_over(tmp_path: Path) -> None:
    """By frame number, finished or not; never of other work, and never twice."""
    whole, part = LandmarkWriter(tmp_path / "whole.h5", header()), tmp_path / "part.h5"
    frames = np.arange(1009, 1017)
    other = LandmarkWriter(part, replace(header(), frames=frames))
    other.write(CHUNK, rows(12))
    assert whole.adopt(part) == 0
    assert whole.adopt(partial_path(part)) == CHUNK
    assert whole.adopt(partial_path(part)) == 0
    assert np.flatnonzero(whole.done()).tolist() == [12, 13, 14, 15]
    other.write(0, rows(8))
    assert whole.adopt(other.finish()) == CHUNK
    LandmarkWriter(tmp_path / "strange.h5", header("b")).write(0, rows(0))
    assert whole.adopt(partial_path(tmp_path / "strange.h5")) == 0
    part.write_bytes(part.read_bytes()[:2000])
    assert whole.adopt(part) == 0
    for start in (0, 4, *range(16, FRAMES, CHUNK)):
        whole.write(start, rows(start))
    detect(tmp_path / "plain.h5")
    assert whole.finish().read_bytes() == (tmp_path / "plain.h5").read_bytes()


def test_changed_settings_start_over(tmp_path: Path) -> None:
    """A partial file of other settings is not continued."""
    path = tmp_path / "left.h5"
    LandmarkWriter(path, header("a")).write(0, rows(0))
    assert detect(path, fingerprint="b") == 0
    assert landmark_fingerprint(path) == "b"


def test_an_unfinished_file_is_never_published(tmp_path: Path) -> None:
    """Pending frames are an error, not a file of NaN."""
    writer = LandmarkWriter(tmp_path / "left.h5", header())
    writer.write(0, rows(0))
    with pytest.raises(CorruptStoreError, match="36 frames were never written"):
        writer.finish()


@pytest.mark.parametrize("damage", [b"", b"not hdf5 at all" * 50])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    """The message says which file, and what to do."""
    path = tmp_path / "left.h5"
    path.write_bytes(damage)
    with pytest.raises(CorruptStoreError, match=r"left\.h5.*run its stage again"):
        read_landmarks(path)


def test_a_damaged_partial_file_is_made_again(tmp_path: Path) -> None:
    """Half a file from a crash of the machine does not stop the next run."""
    path = tmp_path / "left.h5"
    LandmarkWriter(path, header()).write(0, rows(0))
    partial = partial_path(path)
    partial.write_bytes(partial.read_bytes()[:900])
    assert detect(path) == 0


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        ValueError("Unable to create dataset (file write failed: errno = 28, 'No space left on device')"),
    ],
)
def test_a_full_disk_is_told_in_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """ENOSPC becomes a message with a remedy, in whatever exception h5py wraps it."""
    writer = LandmarkWriter(tmp_path / "left.h5", header())

    def full(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(h5py.File, "flush", full)
    with pytest.raises(DiskError, match=r"The disk is full.*run the same command again"):
        writer.write(0, rows(0))

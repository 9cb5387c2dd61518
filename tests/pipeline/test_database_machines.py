"""Many machines and full disks: each of them is told the truth, and nothing is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import DiskError
from pipeline.database.cache import look
from pipeline.database.folder import Added, DuplicateError
from pipeline.database.records import Shard
from pipeline.database.shards import ShardName, list_shards, write_shard
from tests.pipeline.expression_shards import made_database, made_shard, ramp

WRITE = "pipeline.database.folder.write_shard"


def test_a_database_that_cannot_be_written_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The cache is then kept in memory, and that is said."""
    database = made_database(tmp_path, made_shard(jawOpen=ramp(10)))

    def refuse(path: Path, data: bytes) -> None:
        raise DiskError("cannot be written (Read-only file system)", where=str(path))

    monkeypatch.setattr("pipeline.database.segments.write_durably", refuse)
    view = look(database)
    np.testing.assert_allclose(view.floats("jawOpen"), ramp(10), rtol=1e-6)
    assert "The cache cannot be kept" in caplog.text


def test_a_full_disk_is_said_and_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there is there, and no file of the failed attempt."""
    database = made_database(tmp_path, made_shard())
    before = sorted(database.folder.rglob("*.h5"))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pipeline.database.durable.os.fsync", full)
    with pytest.raises(DiskError, match="The disk is full; what was in the database before is kept"):
        database.add(made_shard(take="talk"))
    assert sorted(database.folder.rglob("*.h5")) == before
    assert not list(database.folder.rglob("*.partial"))


def test_two_machines_that_add_the_same_frames_at_once_do_not_both_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who finds another's shard after writing their own takes it back, and says so."""
    database = made_database(tmp_path)

    def write_with_a_rival(where: Path, shard: Shard) -> ShardName:
        monkeypatch.setattr(WRITE, write_shard)
        write_shard(where, made_shard(source="rival"))
        return write_shard(where, shard)

    monkeypatch.setattr(WRITE, write_with_a_rival)
    with pytest.raises(DuplicateError, match="Another machine adds the same frames"):
        database.add(made_shard())
    assert len(list_shards(database.shards)) == 1


def test_the_same_performance_from_two_machines_at_once_is_there_once_they_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes back what they wrote does not take back what the other one has called added."""
    database, rival = made_database(tmp_path), made_database(tmp_path)

    def write_after_the_rival(where: Path, shard: Shard) -> ShardName:
        monkeypatch.setattr(WRITE, write_shard)
        assert rival.add(made_shard())[0] is Added.ADDED
        return write_shard(where, shard)

    monkeypatch.setattr(WRITE, write_after_the_rival)
    with pytest.raises(DuplicateError, match="Try again"):
        database.add(made_shard())
    assert len(look(database)) == 10
    assert database.add(made_shard())[0] is Added.THERE

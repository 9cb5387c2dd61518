"""What is taken out of an expression database is nowhere in it any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import InputError
from pipeline.database import removal
from pipeline.database.cache import look
from pipeline.database.folder import Added, Database, RemovedError
from pipeline.database.query import Query
from pipeline.database.records import Shard
from pipeline.database.removal import prune, remove
from pipeline.database.segments import write_manifest
from pipeline.database.shards import ShardName, list_shards, read_shard, write_shard
from tests.pipeline.expression_shards import made_database, made_shard, ramp

WRITE = "pipeline.database.folder.write_shard"


def bytes_of(database: Database) -> bytes:
    """All that the folder holds, names of files included."""
    files = [path for path in database.folder.rglob("*") if path.is_file()]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


def test_pruned_frames_are_gone_and_the_others_stay(tmp_path: Path) -> None:
    """By weight and by origin; a dry run only says which."""
    database = made_database(tmp_path, made_shard("anna", jawOpen=ramp(10)), made_shard("bob", jawOpen=1.0))
    query = Query('jawOpen > 0.5 and subject == "anna"')
    told = prune(database, query, dry_run=True)
    assert [(each.subject, each.frames, each.left) for each in told] == [
        ("anna", (1006, 1007, 1008, 1009, 1010), 5)
    ]
    assert len(look(database)) == 20
    assert prune(database, query) == told
    view = look(database)
    assert len(view) == 15
    assert not Query('jawOpen > 0.5 and subject == "anna"').mask(view).any()
    assert len(list_shards(database.shards)) == 2


def test_a_take_without_frames_is_gone(tmp_path: Path) -> None:
    """A query that is true of all of it deletes its file."""
    database = made_database(tmp_path, made_shard("anna"), made_shard("bob"))
    prune(database, Query('subject == "anna"'))
    assert [name.subject for name in list_shards(database.shards)] == ["bob"]


def test_pruned_frames_do_not_come_back_by_adding_again(tmp_path: Path) -> None:
    """The performance is there already; with --replace it is added anew."""
    database = made_database(tmp_path, made_shard(jawOpen=ramp(10)))
    prune(database, Query("jawOpen > 0.5"))
    assert database.add(made_shard(jawOpen=ramp(10)))[0] is Added.THERE
    assert len(look(database)) == 5
    assert database.add(made_shard(jawOpen=ramp(10)), replacing=True)[0] is Added.REPLACED
    assert len(look(database)) == 10


def test_a_prune_that_was_killed_half_way_leaves_the_pruned_frames_out(tmp_path: Path) -> None:
    """The new file is there, the old one not yet deleted."""
    database = made_database(tmp_path, made_shard(jawOpen=ramp(10)))
    (name,) = list_shards(database.shards)
    old = (database.shards / str(name)).read_bytes()
    prune(database, Query("jawOpen > 0.5"))
    (database.shards / str(name)).write_bytes(old)
    assert len(look(database)) == 5


def test_a_prune_does_not_bring_back_a_subject_who_is_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pruning machine finds its shard gone, and takes back what it wrote."""
    database = made_database(tmp_path, made_shard("anna", jawOpen=ramp(10)), made_shard("bob"))

    def write_while_removed(where: Path, shard: Shard) -> ShardName:
        name = write_shard(where, shard)
        (path,) = (where / str(each) for each in list_shards(where, subject="anna") if each != name)
        path.unlink()
        return name

    monkeypatch.setattr(WRITE, write_while_removed)
    assert prune(database, Query('jawOpen > 0.5 and subject == "anna"')) == []
    assert [name.subject for name in list_shards(database.shards)] == ["bob"]


def test_two_machines_that_prune_the_same_at_once_lose_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one finds the work done, and takes back only what it wrote itself."""
    database = made_database(tmp_path, made_shard(jawOpen=ramp(10)))

    def write_after_the_other(where: Path, shard: Shard) -> ShardName:
        monkeypatch.setattr(WRITE, write_shard)
        assert len(prune(database, Query("jawOpen > 0.5"))) == 1
        return write_shard(where, shard)

    monkeypatch.setattr(WRITE, write_after_the_other)
    assert prune(database, Query("jawOpen > 0.5")) == []
    assert len(look(database)) == 5


def test_a_prune_goes_on_where_a_subject_was_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their shard and folder are gone before it is read; the others are pruned."""
    database = made_database(tmp_path, made_shard("anna", jawOpen=1.0), made_shard("bob", jawOpen=ramp(10)))

    def read_after_removal(where: Path, name: ShardName) -> Shard:
        database.forget("anna")
        return read_shard(where, name)

    monkeypatch.setattr("pipeline.database.removal.read_shard", read_after_removal)
    assert [each.subject for each in prune(database, Query("jawOpen > 0.5"))] == ["bob"]
    assert len(look(database)) == 5


def test_a_removed_subject_is_in_no_file(tmp_path: Path) -> None:
    """Not their frames, not their name, not in shards, nor caches, nor what a killed writer left."""
    shard = made_shard("annabella", jawOpen=0.123456)
    database = made_database(
        tmp_path, shard, made_shard("annabella", "talk", source="two"), made_shard("bob")
    )
    look(database)
    (database.shards / "annabella" / ".0123.partial").write_bytes(b"annabella")
    (database.cache / ".0123.partial").write_bytes(b"annabella")
    assert b"annabella" in bytes_of(database)
    assert remove(database, "annabella") == 2
    content = bytes_of(database)
    assert b"annabella" not in content
    assert np.float32(0.123456).tobytes() * 3 not in content
    assert len(look(database)) == 10


def test_a_removed_subject_stays_away_until_let_in_again(tmp_path: Path) -> None:
    """A farm that still has the performances does not add them again by itself."""
    database = made_database(tmp_path, made_shard("anna"))
    remove(database, "anna")
    with pytest.raises(RemovedError, match=r"anna was removed .* say --readmit"):
        database.add(made_shard("anna"))
    assert not list_shards(database.shards)
    assert database.add(made_shard("anna"), readmit=True)[0] is Added.ADDED


def test_who_adds_a_subject_while_they_are_removed_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal between the look and the write is seen after the write."""
    database = made_database(tmp_path, made_shard("anna"))

    def write_after_removal(where: Path, shard: Shard) -> ShardName:
        monkeypatch.setattr(WRITE, write_shard)
        remove(database, "anna")
        (where / "anna").mkdir(exist_ok=True)
        return write_shard(where, shard)

    monkeypatch.setattr(WRITE, write_after_removal)
    with pytest.raises(RemovedError):
        database.add(made_shard("anna", "talk", source="two"))
    assert not list_shards(database.shards)


def test_a_cache_that_is_made_while_a_subject_is_removed_does_not_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who made it looks again at what shards there are, and makes it anew."""
    database = made_database(tmp_path, made_shard("annabella"), made_shard("bob"))

    def publish_after_removal(folder: Path, names: tuple[str, ...]) -> None:
        monkeypatch.setattr("pipeline.database.cache.write_manifest", write_manifest)
        database.forget("annabella")
        write_manifest(folder, names)

    monkeypatch.setattr("pipeline.database.cache.write_manifest", publish_after_removal)
    assert len(look(database)) == 10
    assert b"annabella" not in bytes_of(database)


def test_one_take_is_removed_alone(tmp_path: Path) -> None:
    """The subject's others stay, and the subject may have new ones."""
    database = made_database(tmp_path, made_shard("anna", "smile"), made_shard("anna", "talk", source="two"))
    remove(database, "anna", "smile")
    assert look(database).per_shard("take").tolist() == ["talk"]
    again = made_shard("anna", "smile", source="three")
    assert database.add(Shard(replace(again.header, take="smile 2"), again.rows))[0] is Added.ADDED


def test_whom_there_is_not_cannot_be_removed(tmp_path: Path) -> None:
    """The message names who is there: a misspelt name must not look like success."""
    database = made_database(tmp_path, made_shard("anna"))
    with pytest.raises(InputError, match=r"There is no ana in the database.* There are: anna"):
        remove(database, "ana")
    with pytest.raises(InputError, match=r"There is no anna talk in the database.* There are: smile"):
        remove(database, "anna", "talk")
    assert removal._shortened(str(number) for number in range(20)).endswith("11, ...")

"""What was added to an expression database is there, once, until it is taken out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import InputError, UsageError
from pipeline.database.cache import compact, look
from pipeline.database.folder import Added, Database, DuplicateError
from pipeline.database.records import ROW, Shard, now, runs_of, within
from pipeline.database.shards import list_shards, read_shard
from pipeline.stores.hdf5 import CorruptStoreError
from tests.pipeline.expression_shards import made_database, made_shard, ramp


def test_a_shard_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every number and every word, and when it was added."""
    shard = made_shard(jawOpen=ramp(10))
    database = made_database(tmp_path, shard)
    (name,) = list_shards(database.shards)
    read = read_shard(database.shards, name)
    assert read.rows.tobytes() == shard.rows.tobytes()
    assert replace(read.header, added="", writer="") == shard.header
    assert read.header.added.startswith("20")


def test_the_frames_of_all_shards_are_seen_together(tmp_path: Path) -> None:
    """Weights, angles and quality come by column, whoever added them and in whatever order."""
    database = made_database(tmp_path, made_shard("anna", jawOpen=ramp(10)), made_shard("bob", jawOpen=0.25))
    view = look(database)
    assert len(view) == 20
    bob = view.per_shard("subject")[view.shard] == "bob"
    np.testing.assert_allclose(view.floats("jawOpen")[bob], 0.25)
    np.testing.assert_allclose(view.floats("jawOpen")[~bob], ramp(10), rtol=1e-6)
    np.testing.assert_allclose(view.floats("uncertainty_mm"), 1.0, rtol=1e-6)
    assert set(view.integers("views").tolist()) == {2}


def test_angles_have_the_signs_of_the_arkit_export(tmp_path: Path) -> None:
    """A turn about +Y looks to the actor's left, one about +X looks down."""
    shard = made_shard(frames=[1001, 1002])
    shard.rows["left_eye"] = np.radians([[0.0, 20.0, 0.0], [10.0, 0.0, 0.0]])
    view = look(made_database(tmp_path, shard))
    np.testing.assert_allclose(view.floats("left_eye_yaw"), [20.0, 0.0], atol=1e-4)
    np.testing.assert_allclose(view.floats("left_eye_pitch"), [0.0, 10.0], atol=1e-4)


def test_the_same_performance_is_not_added_twice(tmp_path: Path) -> None:
    """Again, or through other gates: it is there already, and nothing changes."""
    database = made_database(tmp_path, made_shard())
    assert database.add(made_shard())[0] is Added.THERE
    fewer = made_shard()
    assert (
        database.add(Shard(replace(fewer.header, gates={"min_views": 3}), fewer.rows[:4]))[0] is Added.THERE
    )
    assert len(look(database)) == 10


def test_another_fit_of_the_same_frames_is_refused_until_it_is_to_replace(tmp_path: Path) -> None:
    """Then the newer fit stands for all frames of its performance, also those that its gates refused."""
    database = made_database(tmp_path, made_shard(jawOpen=0.2))
    newer = made_shard(source="two", jawOpen=0.9)
    with pytest.raises(DuplicateError, match=r"10 of these frames .* say --replace"):
        database.add(newer)
    accepted = Shard(newer.header, newer.rows[:6])
    assert database.add(accepted, replacing=True)[0] is Added.REPLACED
    view = look(database)
    assert len(view) == 6
    np.testing.assert_allclose(view.floats("jawOpen"), 0.9)
    assert len(list_shards(database.shards)) == 1


def test_a_fit_of_some_frames_replaces_only_those(tmp_path: Path) -> None:
    """The rest of the older fit stays, in the cache and when it is made anew."""
    database = made_database(tmp_path, made_shard(jawOpen=0.2))
    look(database)
    database.add(made_shard(frames=range(1004, 1007), source="two", jawOpen=0.9), replacing=True)
    for view in (look(database), compact(database)):
        order = np.argsort(view.frame)
        np.testing.assert_array_equal(view.frame[order], range(1001, 1011))
        np.testing.assert_allclose(view.floats("jawOpen")[order], [0.2] * 3 + [0.9] * 3 + [0.2] * 4)


def test_other_frames_of_a_take_are_added_beside_those_there(tmp_path: Path) -> None:
    """A take may come in parts."""
    database = made_database(tmp_path, made_shard(), made_shard(frames=range(1011, 1015), source="two"))
    assert len(look(database)) == 14


def test_a_performance_is_renamed_by_replacing_it(tmp_path: Path) -> None:
    """Under another name it is the same performance, which is refused; with --replace it has the new name."""
    database = made_database(tmp_path, made_shard("ana"))
    same = made_shard("ana")
    renamed = Shard(replace(same.header, subject="anna"), same.rows)
    with pytest.raises(DuplicateError, match="there as ana smile"):
        database.add(renamed)
    assert database.add(renamed, replacing=True)[0] is Added.REPLACED
    assert look(database).per_shard("subject").tolist() == ["anna"]


def test_a_replacement_that_was_killed_before_it_cleared_up_is_whole(tmp_path: Path) -> None:
    """With both files there, only the newer counts."""
    database = made_database(tmp_path, made_shard(jawOpen=0.2))
    (old,) = list_shards(database.shards)
    kept = (database.shards / str(old)).read_bytes()
    database.add(made_shard(source="two", jawOpen=0.9), replacing=True)
    (database.shards / str(old)).write_bytes(kept)
    view = look(database)
    assert len(view) == 10
    np.testing.assert_allclose(view.floats("jawOpen"), 0.9)


def test_a_newer_fit_wins_though_its_machine_has_a_slow_clock(tmp_path: Path) -> None:
    """What replaces is dated after what it replaces."""
    database = made_database(tmp_path)
    shard = made_shard()
    database.add(shard)
    (name,) = list_shards(database.shards)
    header = read_shard(database.shards, name).header
    assert now("2999-01-01T00:00:00Z") == "2999-01-01T00:00:01Z"
    database.add(made_shard(source="two"), replacing=True)
    assert read_shard(database.shards, list_shards(database.shards)[0]).header.added > header.added


@pytest.mark.parametrize("name", ["..", "a/b", "anna__1", "Ünal", ".hidden", "take 1", "x_y__z"])
def test_subjects_and_takes_may_be_called_anything(tmp_path: Path, name: str) -> None:
    """Their names come back, and no file lies outside the folder of the shards."""
    database = made_database(tmp_path, made_shard(name, name))
    header = look(database).headers[0]
    assert (header.subject, header.take) == (name, name)
    files = [path for path in database.folder.rglob("*.h5") if "cache" not in path.parts]
    assert [path.parent.parent for path in files] == [database.shards]


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """Empty, or too long."""
    for name in ("", "x" * 300):
        with pytest.raises(UsageError, match="cannot be the name"):
            made_database(tmp_path, made_shard(name))


@pytest.mark.parametrize("harm", ["cut", "altered", "emptied"])
def test_a_damaged_shard_is_named_and_the_others_go_on(tmp_path: Path, harm: str) -> None:
    """Cut short, altered or empty; adding its performance again makes it whole."""
    database = made_database(tmp_path, made_shard("anna"), made_shard("bob"))
    path = database.shards / str(list_shards(database.shards, subject="anna")[0])
    content = path.read_bytes()
    altered = bytearray(content)
    altered[len(content) // 2] ^= 0xFF
    path.write_bytes({"cut": content[: len(content) // 2], "altered": bytes(altered), "emptied": b""}[harm])
    view = look(database)
    assert list(view.per_shard("subject")) == ["bob"]
    assert [name.split("/")[0] for name in view.damaged] == ["anna"]
    assert database.add(made_shard("anna"))[0] is Added.ADDED
    assert len(look(database)) == 20
    assert not look(database).damaged


def test_the_cache_is_made_again_whatever_became_of_it(tmp_path: Path) -> None:
    """Deleted, emptied, half written or of another version: the frames are those of the shards."""
    database = made_database(tmp_path, made_shard("anna"), made_shard("bob"))
    look(database)
    for path in sorted(database.cache.iterdir()):
        for content in (None, b"", path.read_bytes()[:200]):
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
            assert len(look(database)) == 20


def test_the_cache_grows_in_few_large_files(tmp_path: Path) -> None:
    """One look after each take leaves a handful of segments, each frame in one of them."""
    database = made_database(tmp_path)
    for number in range(24):
        database.add(made_shard(take=f"take{number}"))
        assert len(look(database)) == 10 * (number + 1)
    assert len(list(database.cache.glob("*.columns.h5"))) <= 6
    assert len(compact(database)) == 240
    assert len(list(database.cache.glob("*.columns.h5"))) == 1


def test_replacing_by_the_same_changes_nothing(tmp_path: Path) -> None:
    """A farm may say --replace every night."""
    database = made_database(tmp_path, made_shard())
    before = list_shards(database.shards)
    assert database.add(made_shard(), replacing=True)[0] is Added.THERE
    assert list_shards(database.shards) == before


def test_a_newer_or_strange_folder_is_refused(tmp_path: Path) -> None:
    """No database, one of a newer version, a damaged one, a folder of other things."""
    with pytest.raises(InputError, match="There is no expression database here"):
        Database.open(tmp_path / "none")
    database = made_database(tmp_path)
    about = database.folder / "database.json"
    about.write_text(json.dumps({"kind": "vultus-database", "schema": 99}))
    with pytest.raises(InputError, match="made by a newer version of vultus"):
        Database.open(database.folder)
    about.write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        Database.open(database.folder)
    about.write_text(json.dumps({"kind": "something else", "schema": 1}))
    with pytest.raises(InputError, match="not an expression database"):
        Database.open(database.folder)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "one.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="not an empty folder either"):
        Database.open_or_make(tmp_path / "photographs")


def test_a_shard_of_a_newer_version_is_told_and_left_out(tmp_path: Path) -> None:
    """Another machine may have a newer vultus; its shards are not misread."""
    import h5py

    database = made_database(tmp_path, made_shard("anna"), made_shard("bob"))
    name = list_shards(database.shards, subject="anna")[0]
    with h5py.File(database.shards / str(name), "r+") as file:
        file.attrs["schema_version"] = 99
    assert "schema 99" in next(iter(look(database).damaged.values()))
    with pytest.raises(CorruptStoreError, match="schema 99"):
        read_shard(database.shards, name)


def test_frames_as_runs(tmp_path: Path) -> None:
    """Runs hold the numbers that they were made of, and no others."""
    numbers = np.array([1001, 1002, 1005, 1006, 1010])
    assert runs_of(numbers) == ((1001, 1002), (1005, 1006), (1010, 1010))
    assert runs_of([]) == ()
    asked = np.arange(1000, 1012)
    np.testing.assert_array_equal(asked[within(asked, runs_of(numbers))], numbers)
    assert ROW.itemsize < 320

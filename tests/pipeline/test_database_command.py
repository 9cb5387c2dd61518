"""vultus database, as it is typed: from fitted performances to frames that were found."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from fitting.arkit import ARKIT_SHAPES
from fitting.head_motion import model_pose
from fitting.performance import FrameStatus, Performance
from fitting.reliability import FrameFlag, Reliability
from pipeline.cli import main
from pipeline.database.cache import look
from pipeline.database.folder import Database
from pipeline.database.gates import QualityGates
from pipeline.database.intake import find_source, take_in
from pipeline.stores.performance import ModelInfo, write_performance
from tests.pipeline.expression_shards import made_shard
from tests.pipeline.performances import head_model, performance

MODEL = head_model()
INFO = ModelInfo("makehuman", MODEL.expression_names, MODEL.joint_names, "dense320")


def judged(seed: int = 3) -> Performance:
    """Five frames: 1003 was seen by no camera, 1006 jumps, 1007 by one camera only."""
    made = performance(seed)
    made.residual_px[4, 1] = np.nan
    made.status[4] = FrameStatus.SINGLE_VIEW
    places = np.zeros((5, 1, 3))
    reliability = Reliability.judge(
        made.residual_px, made.residual_px / 2, np.full(5, 1e-3), places, made.frames
    )
    reliability.flags[3] |= FrameFlag.JUMP
    return replace(made, reliability=reliability)


def stored(path: Path, seed: int = 3, info: ModelInfo = INFO) -> Path:
    return write_performance(path, judged(seed), info, fingerprint="x")


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["database", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


def shoot(folder: Path, subject: str = "") -> Path:
    """A shoot that was fitted."""
    folder.mkdir(parents=True)
    (folder / "left").mkdir()
    text = f'[shoot]\nname = "{folder.name}"\nsubject = "{subject}"\n[cameras.left]\nimages = "left"\n'
    (folder / "shoot.toml").write_text(text)
    stored(folder / "results" / "performance.h5", seed=len(folder.name))
    return folder


def test_the_good_frames_of_shoots_are_added_and_the_others_counted(tmp_path: Path) -> None:
    """By the names of the shoot file; each reason for a refusal stands with its number."""
    shoots = [shoot(tmp_path / name, "anna") for name in ("smile", "laughter")]
    out = run("add", tmp_path / "db", *shoots)
    assert f"A new database: {tmp_path / 'db'}" in out
    assert "added  anna smile: 2 of 5 frames" in out
    assert "  refused 2: seen by fewer than 2 cameras\n  refused 1: flagged: jump" in out
    listed = run("list", tmp_path / "db")
    assert "2 of 2" not in listed
    assert "4 frames of 2 takes and 1 subjects" in listed
    assert "1001-1002" in listed
    assert "already there  anna smile" in run("add", tmp_path / "db", shoots[0])


def test_gates_are_chosen_on_the_command_line(tmp_path: Path) -> None:
    """Fewer views, a flag let through: more frames; a strict residual: none, which is status 4."""
    file = stored(tmp_path / "performance.h5")
    named = ("--subject", "anna", "--take", "t1")
    out = run("add", tmp_path / "a", file, *named, "--min-views", 1, "--allow", "jump")
    assert "added  anna t1: 4 of 5 frames\n  refused 1: seen by fewer than 1 cameras" in out
    out = run("add", tmp_path / "b", file, *named, "--max-residual", 0.001, status=4)
    assert "refused  anna t1: none of 5 frames is good enough" in out
    assert "residual in sigmas above 0.001 sigmas" in out
    out = run("add", tmp_path / "b", file, *named, "--max-uncertainty", 2, status=4)
    assert "uncertainty not known: fitted by an older version" in out
    assert "there is no flag named 'jmp'" in run(
        "add", tmp_path / "c", file, *named, "--allow", "jmp", status=2
    )
    assert not (tmp_path / "c").exists()


def test_frames_whose_weights_are_no_numbers_are_refused() -> None:
    """Unlike a shape that the head model lacks, which is not known in any frame."""
    shard = made_shard(frames=range(4))
    shard.rows["expression"][:, 7] = np.nan
    assert QualityGates().judge(shard.rows, converged=True)[1] == {}
    shard.rows["expression"][2, 5] = np.nan
    accepted, refused = QualityGates().judge(shard.rows, converged=True)
    assert (accepted.tolist(), refused) == ([True, True, False, True], {"its weights are no numbers": 1})
    assert not QualityGates().judge(shard.rows, converged=False)[0].any()
    assert QualityGates(unconverged=True).judge(shard.rows, converged=False)[0].sum() == 3


def test_one_that_cannot_be_added_keeps_nothing_else_out(tmp_path: Path) -> None:
    """Each failure is a line with its reason; the status says that there were some."""
    good = shoot(tmp_path / "good", "anna")
    nobody = shoot(tmp_path / "nobody")
    (tmp_path / "cut.h5").write_bytes(b"no HDF5")
    out = run("add", tmp_path / "db", nobody, tmp_path / "cut.h5", tmp_path / "absent", good, status=4)
    assert 'nobody says which subject this is. Give --subject or write subject = "NAME" under [shoot]' in out
    assert "absent: There is no such shoot" in out
    assert "added  anna good" in out
    assert "nobody says which take" in run(
        "add", tmp_path / "db", tmp_path / "cut.h5", "--subject", "a", status=2
    )


def test_a_head_model_without_arkit_shapes_is_refused(tmp_path: Path) -> None:
    """Its weights mean something else; a model that spells them in its own way is welcome."""
    names = tuple(f"expression{number:02d}" for number in range(52))
    file = stored(tmp_path / "flame.h5", info=replace(INFO, name="flame", expression_names=names))
    named = ("--subject", "anna", "--take", "t1")
    out = run("add", tmp_path / "db", file, *named, status=3)
    assert "The head model flame has 0 of the 52 ARKit shapes" in out
    spelt = tuple(name.replace("Left", "_L").replace("Right", "_R") for name in INFO.expression_names)
    own = tuple(
        name if name[:3] != "jaw" else back for name, back in zip(spelt, INFO.expression_names, strict=True)
    )
    file = stored(tmp_path / "ict.h5", info=replace(INFO, expression_names=own))
    rows = take_in(find_source(file, "anna", "t1"), QualityGates())[0].rows
    same = take_in(find_source(stored(tmp_path / "same.h5"), "a", "b"), QualityGates())[0].rows
    assert "browDown_L" in own
    np.testing.assert_array_equal(rows["expression"], same["expression"])


def test_the_numbers_are_those_of_the_performance(tmp_path: Path) -> None:
    """Weights under their names, eyes and head as fitted, the median residual, and where it is from."""
    file, made = stored(tmp_path / "performance.h5"), judged()
    shard, total = take_in(find_source(file, "anna", "t1"), QualityGates(min_views=0, allow=("jump",)))
    assert total == 5
    row = shard.rows[1]
    at = MODEL.expression_names.index("mouthFunnel")
    assert row["expression"][ARKIT_SHAPES.index("mouthFunnel")] == np.float32(made.expression[1, at])
    np.testing.assert_allclose(row["left_eye"], made.pose[1, 6:9], rtol=1e-5)
    motion = [row[name] for name in ("head_world", "head", "left_eye", "right_eye", "head_origin")]
    joints = MODEL.joints(torch.from_numpy(made.identity).float())
    pose = model_pose(torch.from_numpy(np.concatenate(motion)), joints)
    np.testing.assert_allclose(pose, made.pose[1], atol=1e-5)
    assert row["residual_px"] == pytest.approx(np.median(made.residual_px[1]))
    assert (row["views"], row["frame"]) == (2, 1002)
    origin = shard.header.origin
    assert (origin.model, origin.layout, origin.path) == ("makehuman", "dense320", str(file.resolve()))
    assert shard.header.covers == ((1001, 1003), (1006, 1007))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    for number, who in enumerate(("anna", "bob")):
        file = stored(folder / f"{who}.h5", seed=number + 1)
        run("add", folder / "db", file, "--subject", who, "--take", "t1")
    return folder / "db"


def test_found_frames_are_a_table_a_count_json_or_csv(database: Path) -> None:
    """The same frames in each; JSON and CSV hold what the query speaks of."""
    query = 'subject == "anna" and jawOpen > -1'
    assert "2 frames of 1 takes and 1 subjects" in run("query", database, query)
    assert run("query", database, query, "--count") == "2\n"
    rows = json.loads(run("query", database, query, "--json"))
    assert [row["frame"] for row in rows] == [1001, 1002]
    assert set(rows[0]) == {"subject", "take", "frame", "jawOpen", "residual_px", "residual_sigma", "views"}
    lines = list(csv.DictReader(io.StringIO(run("query", database, query, "--csv"))))
    assert [float(line["jawOpen"]) for line in lines] == [row["jawOpen"] for row in rows]
    assert "did you mean jawOpen?" in run("query", database, "jawOpn > 1", status=2)


def test_statistics_samples_and_exports_are_written(database: Path, tmp_path: Path) -> None:
    """Text, JSON and pictures; an archive of drawn frames; a CSV."""
    assert "4 frames of 2 takes and 2 subjects" in run("stats", database)
    assert json.loads(run("stats", database, "--json", "--where", 'subject == "bob"'))["frames"] == 2
    assert "coverage.png" in run("stats", database, "--output", tmp_path / "stats")
    out = run("sample", database, 3, "--balanced", "--output", tmp_path / "three.npz")
    assert out == f"{tmp_path / 'three.npz'}: 3 frames\n"
    assert "4 frames" in run("export", database, tmp_path / "all.csv")
    assert "frames cannot be written as '.xls'" in run("export", database, tmp_path / "all.xls", status=2)


def test_frames_and_subjects_are_taken_out(tmp_path: Path) -> None:
    """Pruning says which frames; removing asks first."""
    file, db = stored(tmp_path / "performance.h5"), tmp_path / "db"
    run("add", db, file, "--subject", "anna", "--take", "t1")
    assert "anna t1: 1002; 1 frames stay\n1 frames would be taken out" in run(
        "prune", db, "frame == 1002", "--dry-run"
    )
    assert "1 frames were taken out" in run("prune", db, "frame == 1002")
    assert "2 frames of 1" not in run("list", db)
    run("remove", db, "anna", status=1)
    assert len(look(Database.open(db))) == 1
    assert "removed anna: 1 shards, and the cache of them" in run("remove", db, "anna", "--yes")
    assert run("compact", db).endswith("0 frames of 0 shards\n")
    assert "anna was removed" in run("add", db, file, "--subject", "anna", "--take", "t1", status=1)


def test_a_damaged_shard_is_named_on_the_way(tmp_path: Path) -> None:
    """What can be read is answered; the list names what cannot."""
    file, db = stored(tmp_path / "performance.h5"), tmp_path / "db"
    run("add", db, file, "--subject", "anna", "--take", "t1")
    (path,) = (db / "shards" / "anna").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert "damaged shard anna/t1" in run("list", db)
    assert json.loads(run("list", db, "--json").split("\n", 1)[1])["takes"] == []
    out = run("query", db, "jawOpen >= 0")
    assert "Warning: damaged shard anna/t1" in out
    assert "0 frames" in out

"""`vultus evaluate mesh`: scans and predictions from files, matched, measured, told and drawn."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import InputError, UsageError
from fitting.head_model import HeadModel, load_head_model
from fitting.scan_distance import ScanProtocol
from pipeline.cli import main
from pipeline.drawing.error_map import NOT_SCORED, error_colours
from pipeline.export import ExportOptions, export
from pipeline.mesh_evaluation import evaluate_meshes
from pipeline.meshes import MeshSource, named_sources, read_meshes, seven_of
from tests.pipeline.performances import performance

Array = NDArray[np.float64]


@lru_cache
def model() -> HeadModel:
    return load_head_model()


@lru_cache
def face() -> tuple[Array, NDArray[np.int64], Array]:
    """Vertices, triangles and seven landmarks of the mean head's outer skin, to the ears, metres."""
    mean = model().mean.double().numpy()
    chosen = model().region("outer_skin")
    chosen = chosen[mean[chosen, 2] > -0.09]
    place = np.full(len(mean), -1)
    place[chosen] = np.arange(len(chosen))
    triangles = place[np.asarray(model().triangles)]
    return mean[chosen], triangles[(triangles >= 0).all(1)], seven_of(model(), mean)


def write_face(path: Path, *, size: float = 1000.0, wide: float = 1.0) -> Path:
    """The face as a file in mm, turned, with landmarks beside it; ``wide`` stretches it sideways."""
    vertices, triangles, marks = face()
    turn, stretch = Rotation.from_rotvec([0.1, 0.4, 0.0]), np.array([wide, 1.0, 1.0])
    trimesh.Trimesh(size * turn.apply(vertices * stretch), triangles, process=False).export(path)
    np.savetxt(path.with_name(f"{path.stem}.landmarks.txt"), size * turn.apply(marks * stretch))
    return path


def test_predictions_are_compared_with_scans_of_the_same_name(tmp_path: Path) -> None:
    """Two methods, two scans: figures, curve and maps; wide heads are worse, most of all at the ears."""
    for folder, wide in (("scans", 1.0), ("good", 1.0), ("wide", 1.06)):
        (tmp_path / folder).mkdir()
        for name in ("ann.ply", "bob.obj"):
            write_face(tmp_path / folder / name, wide=wide)
    report = tmp_path / "report"
    arguments = [
        "evaluate",
        "mesh",
        f"{tmp_path}/good",
        f"broad={tmp_path}/wide",
        "--scan",
        f"{tmp_path}/scans",
    ]
    result = CliRunner().invoke(
        main, [*arguments, "--whole", "--output", str(report)], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "without scale; scored on the whole scan" in result.stdout
    facts = json.loads((report / "evaluation.json").read_text())["methods"]
    assert facts["good"]["distance_mm"]["mean"] < 0.01
    assert facts["good"]["vertex_mm"]["mean"] < 0.05
    regions = {name: row["mean"] for name, row in facts["broad"]["regions_mm"].items()}
    assert regions["ears"] > 2 * regions["nose"]
    assert (report / "cumulative_error.csv").read_text().startswith("mm,good,broad\n")
    assert len((report / "scans.csv").read_text().splitlines()) == 5
    picture = cv2.imread(str(report / "maps" / "broad.ann.png"))
    assert picture is not None
    assert picture.std() > 10


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the OBJ reader's own, over corners without texture
def test_our_own_exports_need_neither_landmarks_nor_units(tmp_path: Path) -> None:
    """Frames of an export are matched with an archive by frame number, and measured to nothing."""
    performed = performance()
    export("obj", performed, model(), tmp_path / "obj", options=ExportOptions(name="actor", units="cm"))
    heads = read_meshes(MeshSource(tmp_path / "obj"))
    assert sorted(heads) == sorted(str(frame) for frame in performed.frames)
    first = str(performed.frames[0])
    np.savez(tmp_path / "true.npz", vertices=heads[first].vertices[None], faces=heads[first].triangles,
             frames=performed.frames[:1], units="m")  # fmt: skip
    found = evaluate_meshes(
        {"ours": MeshSource(tmp_path / "obj")}, MeshSource(tmp_path / "true.npz"), ScanProtocol()
    )
    assert found.methods["ours"].regions["nose"].mean < 1e-2


def test_a_mesh_without_landmarks_is_named_and_told_what_to_do(tmp_path: Path) -> None:
    """The message says where the file of landmarks belongs and in which order they stand."""
    path = write_face(tmp_path / "scan.ply")
    path.with_name("scan.landmarks.txt").unlink()
    with pytest.raises(InputError, match=r"scan\.ply.*no landmarks.*landmarks\.txt"):
        read_meshes(MeshSource(path))


def test_a_wrong_unit_names_the_file(tmp_path: Path) -> None:
    """A scan in metres that is taken for millimetres is refused with its name."""
    path = write_face(tmp_path / "scan.ply", size=1.0)
    with pytest.raises(InputError, match=r"scan\.ply.*units"):
        read_meshes(MeshSource(path))
    assert read_meshes(MeshSource(path, "m"))["scan"].landmarks.shape == (7, 3)
    with pytest.raises(UsageError, match="unit"):
        MeshSource(path, "ell")


def test_scans_and_predictions_without_a_name_in_common_are_told_apart(tmp_path: Path) -> None:
    """The message shows names of both sides."""
    for folder, name in (("scans", "ann"), ("scans", "bob"), ("ours", "cid")):
        (tmp_path / folder).mkdir(exist_ok=True)
        write_face(tmp_path / folder / f"{name}.ply")
    with pytest.raises(InputError, match=r"cid.*ann"):
        evaluate_meshes(
            {"ours": MeshSource(tmp_path / "ours")}, MeshSource(tmp_path / "scans"), ScanProtocol()
        )


def test_predictions_have_names_of_their_own(tmp_path: Path) -> None:
    """NAME=PATH names one; two of one name, and files that are not there, are refused."""
    (tmp_path / "a").mkdir()
    assert list(named_sources([f"mine={tmp_path}/a", f"{tmp_path}/a"], None)) == ["mine", "a"]
    with pytest.raises(UsageError, match="called a"):
        named_sources([f"{tmp_path}/a", f"a={tmp_path}/a"], None)
    with pytest.raises(InputError, match="no such"):
        named_sources(["nowhere"], None)


def test_points_picked_in_meshlab_are_landmarks(tmp_path: Path) -> None:
    """A .pp file beside a scan gives its seven points in the scan's unit."""
    path = write_face(tmp_path / "scan.ply")
    text = path.with_name("scan.landmarks.txt")
    rows = np.loadtxt(text)
    text.unlink()
    points = "".join(f'<point x="{x}" y="{y}" z="{z}" active="1"/>' for x, y, z in rows)
    path.with_name("scan.landmarks.pp").write_text(f"<PickedPoints>{points}</PickedPoints>")
    np.testing.assert_allclose(read_meshes(MeshSource(path))["scan"].landmarks, rows / 1000)


def test_colours_run_from_none_to_most_and_leave_what_is_not_scored_grey() -> None:
    """Brighter is worse, beyond the end all is alike, and NaN is grey."""
    colours = error_colours(np.array([0.0, 2.5, 5.0, 9.0, np.nan]), 5.0)
    brightness = colours.sum(1)
    assert brightness[0] < brightness[1] < brightness[2] == brightness[3]
    assert colours[4].tolist() == list(NOT_SCORED)

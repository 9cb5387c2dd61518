"""ICT-FaceKit's own mesh is known by its vertex numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.head_models.ict import LANDMARKS, NEUTRAL, VERTICES
from fitting.head_models.importing import import_head
from fitting.head_models.obj_file import read_obj

Array = NDArray[np.float64]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As many vertices as ICT-FaceKit has, in centimetres: two eyeballs before a cloud of the rest."""
    rng = np.random.default_rng(6)
    vertices = rng.normal(size=(VERTICES, 3)) * 4.0 + [0.0, 3.0, -2.0]
    for first, x in ((21_451, 2.9), (23_021, -2.9)):
        rays = rng.normal(size=(785, 3))
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        vertices[first : first + 1_570] = 1.5 * np.concatenate([rays, -rays]) + [x, 3.4, 7.9]
    faces = "vt 0.25 0.5\nf 1/1 2/1 3/1 4/1\nf 1/1 2/1 3/1\n"
    inside = tmp_path / "FaceXModel"
    inside.mkdir()
    write(inside / NEUTRAL, vertices, faces)
    write(inside / "identity000.obj", vertices + np.array([0.1, 0.0, 0.0]))
    write(inside / "eyeLookUp_L.obj", vertices + np.array([0.0, 0.2, 0.0]))
    write(inside / "PupilDilate_L.obj", vertices)
    (inside / "vertex_indices.json").write_text(json.dumps({"expressions": ["eyeLookUp_L"]}))
    return tmp_path


def write(path: Path, vertices: Array, faces: str = "") -> None:
    path.write_text(
        "mtllib x.mtl\n" + "".join("v {:.6f} {:.6f} {:.6f}\n".format(*row) for row in vertices) + faces
    )


def test_the_parts_and_landmarks_of_ict_facekit_are_known(folder: Path) -> None:
    """The folder of its repository is enough: parts, landmarks and expressions are where its README says."""
    model = import_head(folder, "ict").model()
    assert [int(model.parts[name][0]) for name in ("skin", "upper_teeth", "left_eye", "lashes")] == [
        *(0, 17_039, 21_451, 25_351)
    ]
    assert len(model.region("outer_skin")) == 11_248
    np.testing.assert_array_equal(model.ibug68.vertices[:, 0], LANDMARKS)
    assert model.expression_names == ("eyeLookUp_L",)
    assert float((model.joint_mean[2] - model.joint_mean[3]).norm()) == pytest.approx(0.058, abs=1e-4)


def test_eyeballs_stay_out_of_the_expressions_and_identity_keeps_them_in_the_middle(folder: Path) -> None:
    """Gaze is pose; and as the origin is between the eyes, a head that moves as a whole does not move."""
    model = import_head(folder, "ict").model()
    moved = model.expression_basis[0].norm(dim=-1)
    assert float(moved[model.parts["left_eye"]].max()) == 0.0
    assert float(moved[model.parts["skin"]].min()) == pytest.approx(0.002, rel=1e-4)
    assert float(model.identity_basis.abs().max()) < 1e-6


def test_triangles_and_quads_are_both_read(folder: Path) -> None:
    """A triangle stays one, and texture coordinates are kept."""
    mesh = read_obj(folder / "FaceXModel" / NEUTRAL)
    np.testing.assert_array_equal(mesh.quads, [[0, 1, 2, 3], [0, 1, 2, 2]])
    np.testing.assert_array_equal(mesh.uv, [[0.25, 0.5]])


@pytest.mark.parametrize("line", ["f 1 2 3 4 5\n", "f 1 2 99999999\n", "f a b c\n", "v 1 2\n"])
def test_a_damaged_mesh_is_named(folder: Path, line: str) -> None:
    """A polygon of five corners, a vertex that is not there, and what is no number."""
    path = folder / "FaceXModel" / NEUTRAL
    path.write_text(path.read_text() + line)
    with pytest.raises(InputError, match=NEUTRAL):
        import_head(folder, "ict")

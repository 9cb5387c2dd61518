"""A user's own mesh registers to our head, follows it, and is refused where it is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from calibration.errors import InputError
from fitting.head_models.obj_file import ObjMesh, read_obj
from fitting.model_arrays import as_array, mean_head
from fitting.polygons import face_sizes, fan
from fitting.surface import SurfacePoints
from fitting.topology.binding import bind
from fitting.topology.islands import EYES, FOLLOWED, TEETH, OurHead
from fitting.topology.placing import place
from fitting.topology.registration import Registered, fitted_head, register_mesh
from fitting.topology.shapes import read_shapes
from fitting.topology.transfer import Carried, carry
from fitting.vertex_normals import vertex_normals
from tests.fitting.scenes import head
from tests.fitting.user_meshes import character, user_mesh, write_user_mesh, write_vertices

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> ObjMesh:
    return read_obj(write_user_mesh(tmp_path_factory.mktemp("user")), polygons=True)


@pytest.fixture(scope="module")
def registered(mesh: ObjMesh) -> Registered:
    return register_mesh(mesh, head())


def members(*parts: str) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(user_mesh().part, parts))


def actor() -> OurHead:
    """Somebody else than the mesh was made of."""
    rng = np.random.default_rng(9)
    return fitted_head(head(), rng.normal(0.0, 0.7, head().identity_size))


def carried(registered: Registered, actor: OurHead) -> Carried:
    ours = fitted_head(head(), registered.identity)
    return carry(registered.neutral, registered.eyes, registered.binding, ours, actor)


def solid(shape: trimesh.Trimesh) -> ObjMesh:
    faces = np.concatenate([shape.faces, shape.faces[:, -1:]], axis=1).astype(np.int64)
    return ObjMesh(
        np.asarray(shape.vertices), np.zeros((1, 2)), faces, np.zeros_like(faces), np.full(len(faces), "")
    )


def test_polygons_keep_their_corners(mesh: ObjMesh) -> None:
    """Faces of five corners and more are read as they are, and cut into fans."""
    faces = user_mesh().faces
    np.testing.assert_array_equal(np.sort(face_sizes(mesh.quads)), sorted(map(len, faces)))
    assert mesh.quads.shape[1] == max(map(len, faces)) > 4
    assert len(fan(mesh.quads, face_sizes(mesh.quads))) == sum(len(face) - 2 for face in faces)
    assert set(mesh.groups) == set(user_mesh().part)


def test_a_mesh_of_our_own_surface_comes_to_lie_on_it(registered: Registered) -> None:
    """In centimetres, elsewhere, in other vertices and of another person: half of its skin is within 0.1 mm,
    and half of its vertices are within 0.4 mm of where they truly are on our head.
    """
    assert (registered.unit, registered.scale) == ("cm", 0.01)
    assert registered.covered > 0.95
    skin = members("skin")
    apart = registered.binding.distance[skin]
    assert np.median(apart) < 1e-4
    assert np.quantile(apart, 0.95) < 1.5e-3
    mean = mean_head(head())
    slid = registered.binding.points.evaluate(mean) - user_mesh().carry(mean)
    assert np.median(np.linalg.norm(slid[skin], axis=1)) < 4e-4


def test_parts_are_recognised_by_what_they_lie_on(registered: Registered) -> None:
    """Eyes, teeth and tongue without any name; lashes go with the skin."""
    recognised = np.array(FOLLOWED)[registered.binding.part]
    truth = np.where(user_mesh().part == "lashes", "skin", user_mesh().part)
    assert (recognised == truth).all()


def test_a_take_of_another_actor_is_theirs_on_the_mesh(registered: Registered) -> None:
    """The neutral and every expression agree with the truth: 0.3 mm and 0.15 mm for half of the skin."""
    other = actor()
    found, skin = carried(registered, other), members("skin")
    apart = np.linalg.norm(found.vertices - user_mesh().carry(other.vertices), axis=1)[skin]
    assert np.median(apart) < 3e-4
    assert np.quantile(apart, 0.95) < 1.5e-3
    for delta, ours in zip(found.expressions, as_array(head().expression_basis), strict=True):
        truth = user_mesh().carry(ours)[skin]
        moved = np.linalg.norm(truth, axis=1) > 1e-3
        if moved.sum() > 20:
            apart = np.linalg.norm(delta[skin] - truth, axis=1)[moved]
            assert np.median(apart) < 1.5e-4
            assert np.quantile(apart, 0.95) < 1.5e-3
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)


def test_eyes_turn_about_their_middles_and_teeth_stay_rigid(registered: Registered) -> None:
    """The mesh's eyeballs are about the joints that turn them, which are near the actor's; an open jaw does
    not bend its teeth.
    """
    other = actor()
    found = carried(registered, other)
    for eye in EYES:
        ball = members(eye)
        reach = np.linalg.norm(found.vertices[ball] - found.joints[head().joint_names.index(eye)], axis=1)
        assert np.ptp(reach[reach > 0.01]) < 3e-3
        assert np.linalg.norm(found.joints - other.joints, axis=1).max() < 1e-3
        assert np.abs(found.expressions[:, ball]).max() == 0.0
        assert (found.weights[ball, head().joint_names.index(eye)] == 1.0).all()
    lower = members(TEETH[1])
    opened = found.expressions[head().expression_names.index("jawOpen")][lower]
    before, after = found.vertices[lower], found.vertices[lower] + opened
    assert np.linalg.norm(opened, axis=1).max() > 0.005
    sides = [np.linalg.norm(teeth - teeth[::-1], axis=1) for teeth in (before, after)]
    np.testing.assert_allclose(sides[0], sides[1], atol=1e-6)


def test_offsets_turn_with_the_surface() -> None:
    """What stands 3 mm off the skin still does when the jaw opens: to 0.1 mm for half of the mouth."""
    mean, model = mean_head(head()), head()
    ours = fitted_head(model, np.zeros(model.identity_size))
    skin = model.region("face")
    normals = vertex_normals(mean, np.asarray(model.triangles))
    chosen = skin[np.linspace(0, len(skin) - 1, 400).astype(int)]
    above = mean[chosen] + 0.003 * normals[chosen]
    binding = bind(above, normals[chosen], np.zeros(400, np.int64), ours)
    np.testing.assert_allclose(binding.hold, 1.0)
    found = carry(above, np.full((2, 3), np.nan), binding, ours, ours)
    delta = as_array(model.expression_basis)[model.expression_names.index("jawOpen")]
    opened = mean + delta
    turned = vertex_normals(opened, np.asarray(model.triangles))
    truth = opened[chosen] + 0.003 * turned[chosen]
    moved = np.linalg.norm(delta[chosen], axis=1) > 1e-3
    apart = np.linalg.norm(above + found.expressions[model.expression_names.index("jawOpen")] - truth, axis=1)
    carried_along = np.linalg.norm(above + delta[chosen] - truth, axis=1)
    assert np.median(apart[moved]) < 2.5e-4
    assert np.median(apart[moved]) < 0.6 * np.median(carried_along[moved])


def test_what_is_far_from_our_head_moves_with_the_neck_alone() -> None:
    """Shoulders ten centimetres below the collar have no expression and the weights of the collar; in between
    expressions fade without a step.
    """
    model, other = head(), actor()
    ours = fitted_head(model, np.zeros(model.identity_size))
    depth = np.linspace(-0.15, -0.28, 45)
    column = np.stack([np.full(45, 0.01), depth, np.full(45, -0.04)], axis=1)
    forward = np.tile([0.0, 0.0, 1.0], (45, 1))
    binding = bind(column, forward, np.zeros(45, np.int64), ours)
    assert binding.hold[0] > 0.9
    assert binding.hold[-1] == 0.0
    found = carry(column, np.full((2, 3), np.nan), binding, ours, other)
    assert np.abs(found.expressions[:, binding.hold == 0]).max() == 0.0
    assert found.weights[-1, 0] > 0.5
    drift = found.vertices - column
    assert np.abs(np.diff(drift, axis=0)).max() < 2.5e-3
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)


def test_lips_that_touch_do_not_follow_each_other() -> None:
    """Vertices 0.4 mm before our own, on either lip, go with their own lip when the jaw opens."""
    model, mean = head(), mean_head(head())
    ours = fitted_head(model, np.zeros(model.identity_size))
    normals = vertex_normals(mean, np.asarray(model.triangles))
    mouth = model.region("outer_skin")
    mouth = mouth[np.linalg.norm(mean[mouth] - np.array([0.0, -0.072, 0.03]), axis=1) < 0.022]
    binding = bind(
        mean[mouth] + 0.0004 * normals[mouth], normals[mouth], np.zeros(len(mouth), np.int64), ours
    )
    opened = as_array(model.expression_basis)[model.expression_names.index("jawOpen")]
    wrong = np.linalg.norm(binding.points.evaluate(opened) - opened[mouth], axis=1) > 0.004
    assert len(mouth) > 100
    assert wrong.mean() < 0.03


@pytest.mark.parametrize("unit", ["inch"])
def test_the_unit_is_found_and_a_head_of_no_unit_keeps_its_size(unit: str) -> None:
    """Whatever it is in, however it stands: here Z is up and the face looks along -Y."""
    size = {"mm": 1e3, "inch": 1 / 0.0254}[unit]
    stood = character()[:, [0, 2, 1]] * [1, -1, 1] * size
    triangles = np.asarray(head().triangles, np.int64)
    found = place(stood, triangles, head())
    assert found.unit == unit
    assert found.covered > 0.7
    back = np.linalg.norm(found.apply(stood) - character(), axis=1)
    assert np.median(back) < 0.008
    unknown = place(stood / size * 7.3, triangles, head())
    assert unknown.unit == ""
    assert unknown.motion.scale[0] == pytest.approx(1 / 7.3, rel=0.15)


def test_landmarks_place_what_stands_askew() -> None:
    """A head lying on its side, in no direction that is tried, is found by six landmarks."""
    askew = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
    model, marks = head(), SurfacePoints.unknown(68)
    for landmark in (36, 39, 42, 45, 33, 57):
        marks.vertices[landmark] = model.ibug68.vertices[landmark]
        marks.weights[landmark] = model.ibug68.weights[landmark]
    turned = character() @ askew.T * 100
    found = place(turned, np.asarray(model.triangles, np.int64), model, marks)
    assert (found.unit, found.covered > 0.7) == ("cm", True)


@pytest.mark.parametrize(
    "shape",
    [
        trimesh.creation.icosphere(4, 0.1).apply_scale((0.75, 1.2, 0.95)),
        trimesh.util.concatenate(
            [
                trimesh.creation.capsule(0.2, 0.045),
                trimesh.creation.capsule(0.16, 0.04).apply_transform(
                    trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0])
                ),
            ]
        ),
    ],
    ids=["egg", "foot"],
)
def test_what_is_no_head_is_refused(shape: trimesh.Trimesh) -> None:
    """The message says how much of the face it lies on, and what may be wrong."""
    with pytest.raises(InputError, match=r"lies on \d+% of our face.*--landmarks|.*neutral human head"):
        register_mesh(solid(shape), head())


def test_the_wrong_unit_is_told_by_the_size(mesh: ObjMesh) -> None:
    """A head of 28 m is none, and the units are named in which it is."""
    with pytest.raises(InputError, match=r"in m, the mesh is 27\.1 m from end to end.*--units cm or inch"):
        register_mesh(mesh, head(), unit="m")


def test_a_truncated_file_is_said_to_be_no_mesh(tmp_path: Path) -> None:
    """Cut among the vertices it has no faces; cut among the faces, many vertices belong to none."""
    whole = write_user_mesh(tmp_path).read_text()
    for share, message in ((0.3, "no faces"), (0.72, r"% of its vertices belong to no face.*whole")):
        path = tmp_path / "cut.obj"
        path.write_text(whole[: int(share * len(whole))].rpartition("\n")[0])
        with pytest.raises(InputError, match=message):
            register_mesh(read_obj(path, polygons=True), head())


def test_shapes_of_another_mesh_are_refused(tmp_path: Path) -> None:
    """Another count, another order, none at all; the neutral among them is left out."""
    neutral = character()[::10] * 100
    with pytest.raises(InputError, match="there are no shapes"):
        read_shapes(tmp_path, neutral)
    write_vertices(tmp_path / "neutral.obj", neutral)
    with pytest.raises(InputError, match="all shapes are the neutral"):
        read_shapes(tmp_path, np.round(neutral, 6))
    write_vertices(tmp_path / "smile.obj", neutral + np.array([0.0, 0.1, 0.0]))
    found = read_shapes(tmp_path, np.round(neutral, 6), (-0.5, 1.5))
    assert (found.names, found.low, found.high) == (("smile",), -0.5, 1.5)
    write_vertices(tmp_path / "wrong.obj", neutral[::-1])
    with pytest.raises(InputError, match=r"wrong\.obj.*another order"):
        read_shapes(tmp_path, neutral)
    write_vertices(tmp_path / "wrong.obj", neutral[:-3])
    with pytest.raises(InputError, match=r"wrong\.obj: it has \d+ vertices, the neutral has"):
        read_shapes(tmp_path, neutral)

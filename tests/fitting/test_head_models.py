"""What a studio relies on that brings its own head model: it is read as it is, and fitted like ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.layouts import layout
from fitting.evaluate import surface_error
from fitting.fit import fit_performance
from fitting.head_assets import FORMAT_VERSION, cache_folder
from fitting.head_model import HeadModel
from fitting.head_models.importing import import_head, registered_head
from fitting.head_models.registration import Registration
from fitting.head_models.store import (
    ImportedHead,
    find_head_model,
    head_model_names,
    read_head,
    write_head,
)
from fitting.head_traits import GAUSSIAN
from fitting.observations import Observations
from fitting.posed import posed_vertices
from fitting.surface import SurfacePoints
from tests.calibration.rigs import arc_rig
from tests.fitting.other_heads import COMPONENTS, EXPRESSIONS, retopology, write_blend_shapes
from tests.fitting.scenes import head

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Brought:
    """A head of another topology, imported and registered; identity (B,) is that of its mean head on ours."""

    folder: Path
    imported: ImportedHead
    registered: ImportedHead
    found: Registration
    identity: Array


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    identity = head().sample_identity(1, np.random.default_rng(5))[0].numpy()
    folder = write_blend_shapes(tmp_path_factory.mktemp("user") / "FaceXModel", identity=identity)
    imported = import_head(folder, "fake")
    return Brought(folder, imported, *registered_head(imported), identity)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, in which our head is built already."""
    head()
    built = cache_folder() / f"head-v{FORMAT_VERSION}.npz"
    (tmp_path / built.name).symlink_to(built.resolve())
    monkeypatch.setenv("VULTUS_CACHE", str(tmp_path))
    return tmp_path


def test_a_folder_of_blend_shapes_is_read_in_metres_about_the_eyes(brought: Brought) -> None:
    """Centimetres are told by the distance of the eyes; vertices, shapes and names are those of the files."""
    model, other = brought.imported.model(), retopology()
    assert (model.identity_size, model.expression_names) == (COMPONENTS, tuple(EXPRESSIONS))
    neutral = other.carry(
        head().mean.numpy() + np.tensordot(brought.identity, head().identity_basis.numpy(), 1)
    )
    apart = model.mean.numpy() - neutral
    np.testing.assert_allclose(apart, np.broadcast_to(apart[0], apart.shape), atol=1e-6)
    eyes = model.joint_mean[2:4].numpy()
    np.testing.assert_allclose(eyes.mean(axis=0), 0.0, atol=1e-6)
    ours = head().expression_basis[head().expression_names.index("jawOpen")].numpy()
    shape = model.expression_basis[model.expression_names.index("jawOpen")].numpy()
    skin = other.members("skin")
    np.testing.assert_allclose(shape[skin], other.carry(ours)[skin], atol=1e-6)
    assert model.traits.expression.high == 1.0


def test_the_eyes_of_a_model_without_joints_turn_about_their_middle(brought: Brought) -> None:
    """A model of mere blend shapes gets neck, head and eye joints, and its eyeballs roll in their sockets."""
    model = brought.imported.model()
    pose = torch.zeros(model.pose_size)
    pose[7] = 0.4
    rest = torch.zeros(model.identity_size), torch.zeros(model.expression_size)
    moved = (model(*rest, pose) - model(*rest, torch.zeros(model.pose_size))).numpy()
    left, right = model.parts["left_eye"], model.parts["right_eye"]
    assert np.abs(moved[left]).max() > 0.003
    assert np.abs(moved[right]).max() == 0.0
    middle = model.joint_mean[2].numpy()
    before, after = model.mean.numpy()[left], model.mean.numpy()[left] + moved[left]
    np.testing.assert_allclose(
        np.linalg.norm(after - middle, axis=1), np.linalg.norm(before - middle, axis=1), atol=1e-5
    )


def test_registration_finds_where_each_vertex_lies_on_the_canonical_head(brought: Brought) -> None:
    """Of a head with another mesh and another identity, half the face lies within 0.4 mm of the truth, and
    nine tenths within 1.2 mm; every vertex has a query.
    """
    truth = retopology().carry(head().canonical)
    errors = np.linalg.norm(brought.found.canonical - truth, axis=1)
    face = np.intersect1d(brought.registered.model().region("face"), np.flatnonzero(brought.found.registered))
    assert len(face) > 1_500
    assert np.median(errors[face]) < 0.4e-3
    assert np.quantile(errors[face], 0.9) < 1.2e-3
    assert np.isfinite(brought.found.canonical).all()
    assert errors[retopology().members("left_eye", "right_eye")].max() < 1e-3
    assert brought.registered.registration["median_mm"] < 0.3


def test_our_landmarks_are_found_on_the_other_model(brought: Brought) -> None:
    """A layout keeps its queries on another model; landmarks that it lacks are marked as such."""
    model = brought.registered.model()
    ours, theirs = (layout("ibug68", each) for each in (head(), model))
    assert torch.equal(ours.queries, theirs.queries)
    known = np.isfinite(theirs.points.weights).all(axis=1)
    assert known.sum() >= 64
    places = theirs.points.subset(known).evaluate(model.canonical)
    np.testing.assert_allclose(places, ours.points.subset(known).evaluate(head().canonical), atol=1.5e-3)
    assert not np.isfinite(layout("teeth", model).points.weights).any()
    assert len(layout("vertices", model)) == model.traits.registered.sum()


def test_an_unregistered_model_says_what_to_do(brought: Brought) -> None:
    """Without registration no landmark can be asked for."""
    with pytest.raises(UsageError, match=r"not registered.*vultus model register fake"):
        layout("dense320", brought.imported.model())


def test_another_model_is_fitted_to_exact_landmarks(brought: Brought) -> None:
    """Landmarks of its own performance give its vertices back, within 0.2 mm in the middle of all."""
    model = brought.registered.model().double()
    points = layout("ibug68", model).points
    points = points.subset(np.isfinite(points.weights).all(axis=1))
    face = np.intersect1d(model.region("face"), np.flatnonzero(model.traits.registered))[::9]
    dense = SurfacePoints(
        *(
            np.concatenate(pair)
            for pair in zip(_arrays(points), _arrays(SurfacePoints.from_vertices(face)), strict=True)
        )
    )
    vertices, observations = _performed(
        model, dense, {"jawOpen": 0.6, "mouthSmile_L": 0.4, "eyeBlink_R": 0.5}
    )
    performance = fit_performance(model, observations, arc_rig(4, degrees=80.0))
    errors = [
        np.linalg.norm(posed_vertices(model, performance, k) - vertices[k], axis=1)[face] for k in range(2)
    ]
    assert performance.converged
    assert np.median(errors) < 2e-4
    assert performance.expression.shape == (2, len(EXPRESSIONS))


def test_signed_coefficients_are_fitted_beyond_zero_and_one(brought: Brought) -> None:
    """A model whose coefficients have no bounds, as FLAME's, gets back what is negative or large."""
    traits = replace(brought.registered.traits, expression=GAUSSIAN)
    model = HeadModel(brought.registered.assets, traits).double()
    points = SurfacePoints.from_vertices(
        np.intersect1d(model.region("face"), np.flatnonzero(traits.registered))[::9]
    )
    amounts = {"jawOpen": 1.3, "mouthPucker": -0.8}
    _, observations = _performed(model, points, amounts)
    performance = fit_performance(model, observations, arc_rig(4, degrees=80.0))
    for name, amount in amounts.items():
        found = performance.expression[:, model.expression_names.index(name)]
        np.testing.assert_allclose(found, amount, atol=0.12)


def test_another_model_is_fitted_to_landmarks_of_our_queries(brought: Brought) -> None:
    """An actor whom only our queries saw comes out in the other topology, within a millimetre of the skin."""
    model = brought.registered.model().double()
    ours, theirs = (layout("dense320", each).points for each in (head(), model))
    known = np.isfinite(theirs.weights).all(axis=1)
    start = np.zeros(head().identity_size) + brought.identity
    amounts = {"jawOpen": 0.6, "mouthSmileLeft": 0.4, "eyeBlinkRight": 0.5}
    vertices, seen = _performed(head(), ours.subset(known), amounts, start)
    observations = Observations(seen.frames, seen.mean, seen.sigma, seen.seen, theirs.subset(known))
    performance = fit_performance(model, observations, arc_rig(4, degrees=80.0))
    member = np.zeros(len(model.mean), bool)
    member[model.parts["skin"]] = True
    skin = model.triangles[member[model.triangles].all(axis=1)]
    face = head().region("face")[::3]
    errors = [
        surface_error(vertices[k][face], posed_vertices(model, performance, k), skin, align=False)
        for k in range(2)
    ]
    assert np.median(errors) < 1e-3


def test_a_model_is_kept_and_found_by_its_name(brought: Brought, own_cache: Path) -> None:
    """What was imported and registered is there the next time, to the last number, and nothing but arrays."""
    path = write_head(brought.registered)
    assert path.parent.parent == own_cache
    assert head_model_names() == ("makehuman", "fake")
    again = find_head_model("fake")
    assert torch.equal(again.mean, brought.registered.model().mean)
    np.testing.assert_array_equal(again.canonical, brought.found.canonical)
    assert read_head("fake").registration == brought.registered.registration
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_unknown_and_damaged_models_are_named(brought: Brought, own_cache: Path) -> None:
    """A name that is not there lists those that are; a damaged file says so."""
    with pytest.raises(UsageError, match=r"no head model named 'flame'.*makehuman"):
        find_head_model("flame")
    path = write_head(brought.imported)
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(InputError, match="damaged"):
        find_head_model("fake")
    with pytest.raises(UsageError, match="cannot be the name"):
        import_head(brought.folder, "makehuman")


def test_files_that_do_not_fit_are_named(brought: Brought, tmp_path: Path) -> None:
    """A missing neutral, a shape of other vertices, a wrong unit and a mirrored head are told apart."""
    with pytest.raises(InputError, match="generic_neutral_mesh"):
        import_head(tmp_path, "fake")
    for file in brought.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="human's distance in mm"):
        import_head(tmp_path, "fake", unit="mm")
    (tmp_path / "jawOpen.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"jawOpen.obj.*1 vertices"):
        import_head(tmp_path, "fake")
    (tmp_path / "vertex_indices.json").write_text('{"expressions": ["eyeBlink_L"]}')
    neutral = (tmp_path / "generic_neutral_mesh.obj").read_text()
    swapped = (
        neutral.replace("g left_eye", "g X")
        .replace("g right_eye", "g left_eye")
        .replace("g X", "g right_eye")
    )
    (tmp_path / "generic_neutral_mesh.obj").write_text(swapped)
    with pytest.raises(InputError, match="x to the actor's left"):
        import_head(tmp_path, "fake")


def _performed(
    model: HeadModel, points: SurfacePoints, amounts: Mapping[str, float], start: Array | None = None
) -> tuple[Array, Observations]:
    """Two frames of a head that turns and acts: vertices (2, V, 3), and exact landmarks in four cameras."""
    rng = np.random.default_rng(2)
    identity = np.zeros(model.identity_size) if start is None else start
    identity[:COMPONENTS] += 0.7 * rng.normal(size=COMPONENTS)
    expression, pose = np.zeros((2, model.expression_size)), np.zeros((2, model.pose_size))
    for name, amount in amounts.items():
        expression[:, model.expression_names.index(name)] = amount
    pose[:, 1] = (0.1, 0.2)
    with torch.no_grad():
        vertices = model(*(torch.as_tensor(each) for each in (identity, expression, pose))).numpy()
    pixels = np.stack(
        [camera.project(points.evaluate(vertices)) for camera in arc_rig(4, degrees=80.0)], axis=1
    )
    sigma, seen = np.full(pixels.shape[:3], 0.2), np.ones(pixels.shape[:2], dtype=bool)
    return vertices, Observations(np.array([1001, 1002]), pixels, sigma, seen, points)


def _arrays(points: SurfacePoints) -> tuple[NDArray[np.int64], Array]:
    return points.vertices, points.weights

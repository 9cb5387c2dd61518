"""The personal shape: heads beyond the model are found, and errors of the landmarks are not made a shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import UsageError
from fitting.fit import FitOptions
from fitting.observations import Observations
from fitting.performance import FrameStatus, Performance
from fitting.personal_shape.evidence import crowding
from fitting.personal_shape.fit import PersonalShapeOptions, find_personal_shape, fit_personal_shape
from fitting.personal_shape.smooth_offsets import field_precision
from fitting.posed import neutral_vertices, personalised, posed_vertices
from fitting.surface import SurfacePoints
from tests.calibration.rigs import arc_rig
from tests.fitting.scenes import head

# torch says so of its own forward-mode differentiation, when that is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

Array = NDArray[np.float64]
FRAMES, CAMERAS = 3, 5


@lru_cache
def points() -> SurfacePoints:
    """Every third vertex of the face."""
    return SurfacePoints.from_vertices(head().region("face")[::3])


@lru_cache
def bump() -> Array:
    """A nose 2.5 mm longer and a cheek 2 mm fuller, (V, 3): no identity has a head so crooked."""
    mean = head().mean.numpy()
    offset = np.zeros_like(mean)
    for place, size, out in (
        ((0.0, -0.035, 0.04), 0.012, (0.0, 0.0, 0.0025)),
        ((0.045, -0.03, 0.01), 0.015, (0.0014, 0.0, 0.0014)),
    ):
        near = np.exp(-0.5 * (np.linalg.norm(mean - place, axis=1) / size) ** 2)
        offset += near[:, None] * np.array(out)
    skin = np.zeros(len(mean))
    skin[head().parts["skin"]] = 1.0
    return np.asarray(offset * skin[:, None])


@dataclass(frozen=True)
class Seen:
    """A performance, cameras, and landmarks of its head with the bump."""

    performance: Performance
    rig: Rig
    observations: Observations


def seen(offset: Array, *, noise: float = 0.0, habit: float = 0.0, cameras: int = CAMERAS) -> Seen:
    """Landmarks with `noise` pixels of error in every image, and `habit` that is the same in all frames."""
    rng, rig = np.random.default_rng(2), arc_rig(cameras, degrees=90.0)
    pose = np.zeros((FRAMES, 15))
    pose[:, 1] = np.linspace(-0.3, 0.3, FRAMES)
    performance = Performance(
        frames=np.arange(1001, 1001 + FRAMES),
        identity=head().sample_identity(1, rng)[0].numpy(),
        expression=np.zeros((FRAMES, head().expression_size)),
        pose=pose,
        rig=rig,
        energies={},
        residual_px=np.zeros((FRAMES, cameras, len(points()))),
        converged=True,
        fps=24.0,
        status=np.full(FRAMES, FrameStatus.FITTED, np.int8),
    )
    own = replace(performance, personal_shape=offset)
    places = [points().evaluate(posed_vertices(head(), own, k)) for k in range(FRAMES)]
    pixels = np.stack([[camera.project(place) for camera in rig] for place in places])
    pixels += noise * rng.normal(size=pixels.shape) + habit * rng.normal(size=pixels.shape[1:])
    observations = Observations(
        performance.frames,
        pixels,
        np.full(pixels.shape[:3], max(np.hypot(noise, habit), 0.3)),
        np.ones(pixels.shape[:2], dtype=bool),
        points(),
    )
    return Seen(performance, rig, observations)


def rms(offset: Array) -> float:
    """Millimetres, root mean square over the face."""
    return float(np.sqrt((offset[head().region("face")] ** 2).sum(-1).mean())) * 1e3


def test_a_nose_that_no_identity_has_is_found() -> None:
    """With half a pixel of noise the error of the neutral falls to less than half of what it was."""
    scene = seen(bump(), noise=0.5)
    found = find_personal_shape(head(), scene.performance, scene.observations)
    assert found.held
    assert rms(found.offset - bump()) < 0.5 * rms(bump())


def test_the_sequence_fits_better_on_the_personal_shape() -> None:
    """Fitted from nothing, the true surface is met more closely with the shape than without."""
    scene = seen(bump(), noise=0.3)
    options = FitOptions(max_iterations=25)
    performance, found = fit_personal_shape(head(), scene.observations, scene.rig, options=options)
    assert found.held
    without = replace(performance, personal_shape=None)
    truth = replace(scene.performance, personal_shape=bump())
    face = head().region("face")

    def error(fitted: Performance) -> float:
        apart = posed_vertices(head(), fitted, 1) - posed_vertices(head(), truth, 1)
        return float(np.linalg.norm(apart[face], axis=-1).mean())

    assert error(performance) < 0.8 * error(without)


@pytest.mark.parametrize("habit", [0.0, 2.0])
def test_noise_is_not_made_a_shape(habit: float) -> None:
    """Errors of two pixels, be they the same in all frames of a camera, move no neutral by 0.15 mm."""
    scene = seen(np.zeros_like(bump()), noise=2.0 - habit, habit=habit)
    found = find_personal_shape(head(), scene.performance, scene.observations)
    assert rms(found.offset) < 0.15


def test_one_camera_cannot_tell_a_shape_from_an_error() -> None:
    """There is nobody to judge it: the offset is zero."""
    scene = seen(bump(), cameras=1)
    found = find_personal_shape(head(), scene.performance, scene.observations)
    assert not found.held
    assert not found.offset.any()


def test_eyes_and_teeth_stay_where_they_are() -> None:
    """The offset moves the skin and the lashes on it, and fades where no landmark is."""
    scene = seen(bump(), noise=0.3)
    found = find_personal_shape(head(), scene.performance, scene.observations)
    for part in ("left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue"):
        assert not found.offset[head().parts[part]].any()
    back = head().mean.numpy()[:, 2] < -0.15
    assert np.linalg.norm(found.offset[back], axis=1).max() < 2e-4


def test_a_personal_model_leaves_the_model_as_it_is() -> None:
    """The mean moves in the copy alone, and the neutral moves by just the offset."""
    before = head().mean.clone()
    identity = np.zeros(head().identity_size)
    own = personalised(head(), bump())
    np.testing.assert_array_equal(head().mean, before)
    np.testing.assert_allclose(own.mean.numpy(), before.numpy() + bump())
    moved = neutral_vertices(head(), identity, bump()) - neutral_vertices(head(), identity)
    np.testing.assert_allclose(moved, bump(), atol=1e-12)


def test_landmarks_at_one_place_count_as_one() -> None:
    """Three landmarks on top of each other are each a third; one far from all is whole."""
    place = np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 0], [0.1, 0, 0]])
    np.testing.assert_allclose(crowding(place), [3, 3, 3, 1])


@pytest.mark.parametrize("subdivisions", [3, 4])
def test_the_smooth_field_has_unit_spread_at_any_density(subdivisions: int) -> None:
    """On a sphere the standard deviation of a vertex is 1 within ten per cent, however fine the mesh."""
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.1)
    precision = field_precision(np.asarray(sphere.vertices), np.asarray(sphere.faces), reach=0.02)
    assert np.sqrt(np.linalg.inv(precision.toarray())[0, 0]) == pytest.approx(1.0, abs=0.1)


def test_options_that_make_no_sense_are_refused() -> None:
    """A spread of nothing is no choice."""
    with pytest.raises(UsageError, match="positive"):
        PersonalShapeOptions(spreads=(0.0,))

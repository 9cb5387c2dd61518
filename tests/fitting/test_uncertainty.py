"""What a fit states of its own error is what its error is, over many people and many draws of the noise."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fitting.fit import FitOptions, FitStart, FitWeights, fit_performance
from fitting.head_motion import head_motion
from fitting.observations import Observations
from fitting.parameters import CAMERA_GROUPS
from fitting.performance import Performance
from fitting.rehearsal import Rehearsal, even_noise, observe, studio
from fitting.spread import scattered
from fitting.surface import SurfacePoints, concatenated
from fitting.uncertainty import Uncertainty
from tests.fitting.scenes import head

Array = NDArray[np.float64]

PLAIN = FitOptions(
    weights=FitWeights(temporal=0.0, intersect=0.0),
    identity_prior="gaussian",
    robust="none",
    systematic=0.0,
    sigma_floor=0.0,
    landmark_spread=0.0,
    tolerance=0.01,
)
DRAWS, FRAMES = 24, 2


@lru_cache
def landmarks() -> SurfacePoints:
    model = head()
    face = np.zeros(len(model.mean), dtype=bool)
    face[model.region("face")] = True
    skin = scattered(model.mean.numpy(), model.triangles[face[model.triangles].all(1)], 100)
    eyes = [SurfacePoints.from_vertices(model.parts[name][::9]) for name in ("left_eye", "right_eye")]
    return concatenated([skin, *eyes])


def person(rng: np.random.Generator, cameras: int = 3) -> Rehearsal:
    """Somebody drawn from the priors of the fit themselves."""
    model, rig = head(), studio(cameras)
    identity = rng.normal(size=model.identity_size)
    shape = (FRAMES, model.expression_size)
    expression = np.clip(np.abs(rng.normal(0, 10**-0.5, shape)) * (rng.random(shape) < 0.5), 0, 1)
    pose = np.concatenate([rng.normal(0, scale, (FRAMES, 3)) for scale in (0.1, 0.2, 0.2, 0.2, 0.02)], axis=1)
    with torch.no_grad():
        vertices = model(*(torch.as_tensor(each) for each in (identity, expression, pose))).numpy()
    return Rehearsal(observe(landmarks(), vertices, rig), rig, identity, expression, pose, vertices)


def fitted(truth: Rehearsal, seen: Observations, options: FitOptions = PLAIN) -> Performance:
    start = FitStart(truth.identity, truth.expression, truth.pose)
    return fit_performance(head(), seen, truth.rig, options, start=start)


def stated(performance: Performance) -> Uncertainty:
    assert performance.uncertainty is not None
    return performance.uncertainty


def motion(identity: Array, pose: Array) -> Array:
    joints = head().joints(torch.as_tensor(identity))
    return np.asarray(head_motion(torch.as_tensor(pose), joints).numpy())


def normalised_errors() -> dict[str, Array]:
    """Errors of many fits in units of the deviations that they state, by group."""
    errors: dict[str, list[Array]] = {}
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        truth = person(rng)
        found = fitted(truth, even_noise(1.0)(truth.observations, rng))
        spread = stated(found)
        inside = (found.expression > 0) & (found.expression < 1)
        moved = motion(found.identity, found.pose) - motion(truth.identity, truth.pose)
        points = (
            each.astype(np.float64) for each in (found_points(found), landmarks().evaluate(truth.vertices))
        )
        apart = np.linalg.norm(np.subtract(*points), axis=-1)
        for name, values in {
            "identity": (found.identity - truth.identity) / spread.identity,
            "expression": ((found.expression - truth.expression) / spread.expression)[inside],
            "at bounds": ((found.expression - truth.expression) / spread.expression)[~inside],
            "gaze": moved[:, 6:12] / spread.motion[:, 6:12],
            "place": np.linalg.norm(moved[:, 12:], axis=1) / np.linalg.norm(spread.motion[:, 12:], axis=1),
            "surface": np.sqrt(np.square(apart).mean(1)) / spread.surface,
        }.items():
            errors.setdefault(name, []).append(np.ravel(values))
    return {name: np.concatenate(each) for name, each in errors.items()}


def found_points(performance: Performance) -> Array:
    rows = (performance.identity, performance.expression, performance.pose)
    with torch.no_grad():
        return np.asarray(landmarks().evaluate(head()(*(torch.as_tensor(row) for row in rows)).numpy()))


@pytest.mark.slow
def test_errors_are_as_large_as_stated() -> None:
    """Over 24 people and draws of the noise, the errors in stated deviations have unit size.

    A shape that is held at its bound can only err to one side: what is stated of it is on the safe side.
    """
    sizes = {group: np.sqrt(np.mean(each**2)) for group, each in normalised_errors().items()}
    assert sizes.pop("at bounds") < 1.0
    assert set(sizes) == {"identity", "expression", "gaze", "place", "surface"}
    assert 0.8 < min(sizes.values()) <= max(sizes.values()) < 1.2, sizes


@pytest.mark.slow
def test_the_spread_of_repeated_measurements_is_within_what_is_stated() -> None:
    """One person, 20 draws of the noise: where the head is spreads as stated, and no more.

    A little less, in fact: the priors, which what is stated takes in, do not change from draw to draw.
    """
    rng = np.random.default_rng(5)
    truth = person(rng)
    every = [fitted(truth, even_noise(1.0)(truth.observations, rng)) for _ in range(20)]
    places = np.stack([motion(each.identity, each.pose)[:, 12:] for each in every])
    ratio = places.std(0) / stated(every[0]).motion[:, 12:]
    assert 0.5 < np.sqrt(np.mean(ratio**2)) < 1.15


@lru_cache
def measured(cameras: int = 3, sigma: float = 1.0) -> Uncertainty:
    rng = np.random.default_rng(2)
    truth = person(rng, cameras)
    return stated(fitted(truth, even_noise(sigma)(truth.observations, rng)))


def test_more_noise_and_fewer_cameras_are_less_certain() -> None:
    """Three times the noise makes the surface up to three times less certain; one camera knows no depth."""
    assert 1.3 < (measured(sigma=3.0).surface / measured().surface).mean() < 3.0
    assert (measured(cameras=1).surface / measured().surface).mean() > 4.0


def test_what_is_held_fixed_has_no_deviation_and_what_is_not_seen_has_none_known() -> None:
    """Cameras that stay have 0, frames that nobody saw NaN."""
    rng = np.random.default_rng(2)
    truth = person(rng)
    seen = truth.observations.seen.copy()
    seen[1] = False
    spread = stated(fitted(truth, replace(even_noise(1.0)(truth.observations, rng), seen=seen)))
    for name in ("camera_rotation", "camera_position", "focal", "distortion"):
        assert not getattr(spread, name).any()
    assert np.isfinite(spread.surface[0])
    assert np.isnan(spread.surface[1])
    assert np.isnan(spread.motion[1]).all()


def test_free_cameras_state_how_well_they_are_determined() -> None:
    """Some millimetres at most, of the one that holds the world too, and a part of a pixel at the head."""
    rng = np.random.default_rng(2)
    truth = person(rng)
    free = replace(PLAIN, frozen=frozenset(CAMERA_GROUPS) - {"camera_rotation", "camera_translation"})
    spread = stated(fitted(truth, even_noise(1.0)(truth.observations, rng), free))
    assert (spread.camera_position > 1e-5).all()
    assert (spread.camera_position < 0.02).all()
    assert ((spread.view > 0.01) & (spread.view < 1.0)).all()
    assert not spread.focal.any()

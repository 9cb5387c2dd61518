"""The derivatives of projected landmarks that are written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from calibration.projection import CameraTensors, project
from fitting.energy import landmark_energy
from fitting.landmark_term import Landmarks, landmarks_seen
from fitting.reprojection import Sight
from tests.calibration.rigs import mixed_rig

DOUBLE = torch.float64
CAMERAS = CameraTensors.from_rig(mixed_rig(), None, DOUBLE)


def points(*, behind: bool = False) -> Tensor:
    """Points (2, 6, 3) about the origin; one of them may be behind every camera."""
    spread = 0.1 * torch.randn(2, 6, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    if behind:
        spread[0, 0] = torch.tensor([0.0, 0.0, 3.0])
    return spread


def leaves(cameras: CameraTensors) -> list[Tensor]:
    parts = (cameras.focal, cameras.distortion, cameras.rotation, cameras.translation)
    return [part.clone().requires_grad_(True) for part in parts]


@pytest.mark.parametrize("robust", ["none", "huber", "geman_mcclure"])
@pytest.mark.parametrize("behind", [False, True])
def test_the_gradient_by_hand_is_that_of_automatic_differentiation(robust: str, behind: bool) -> None:
    """Energy and gradient by points and by every camera number agree, in front of and behind a camera."""
    generator = torch.Generator().manual_seed(1)
    at = points(behind=behind)
    mean = project(points(), CAMERAS) + 5 * torch.randn(2, 3, 6, 2, dtype=DOUBLE, generator=generator)
    precision = torch.rand(2, 3, 6, dtype=DOUBLE, generator=generator)
    results = []
    for by_hand in (True, False):
        moving = [at.clone().requires_grad_(True), *leaves(CAMERAS)]
        _, focal, distortion, rotation, translation = moving
        fixed = CAMERAS.principal, CAMERAS.fisheye
        cameras = CameraTensors(focal, fixed[0], distortion, rotation, translation, fixed[1])
        if by_hand:
            energy = landmarks_seen(moving[0], cameras, Landmarks(mean, precision, robust, 3.0))
        else:
            energy = landmark_energy(project(moving[0], cameras), mean, precision, robust, 3.0)
        by_points, by_focal, by_lens, *by_pose = torch.autograd.grad(2.5 * energy, moving)
        # What a rational lens has beyond k3 never moves in a fit.
        results.append((energy.detach(), by_points, by_focal, by_lens[:, :5], *by_pose))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_the_sight_of_a_point_is_its_projection() -> None:
    """The pixels are those of the one projection that everything else uses."""
    sight = Sight.of(points(behind=True), CAMERAS)
    torch.testing.assert_close(torch.stack((sight.u, sight.v), dim=-1), project(points(behind=True), CAMERAS))

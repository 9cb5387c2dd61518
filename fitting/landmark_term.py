"""E_landmarks of a few frames as one node of a graph: its gradient is written out and costs no memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from calibration.projection import CameraTensors
from fitting.reprojection import Sight
from fitting.robust import influence, kernel


@dataclass(frozen=True)
class Landmarks:
    """What was seen of f frames.

    Attributes:
        mean: (f, C, L, 2) pixels, finite throughout. precision: (f, C, L) 1 / px^2, 0 where not seen.
        robust: a name in :data:`fitting.robust.KERNELS`. scale: residual in sigmas where it bends.
    """

    mean: Tensor
    precision: Tensor
    robust: str
    scale: float

    def select(self, order: Tensor) -> Landmarks:
        """The landmarks at the given positions."""
        return Landmarks(self.mean[:, :, order], self.precision[:, :, order], self.robust, self.scale)

    def off(self, sight: Sight) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals u and v in pixels and their square in sigmas, each (f, C, L)."""
        u, v = sight.u - self.mean[..., 0], sight.v - self.mean[..., 1]
        return u, v, self.precision * (u * u + v * v)

    def weights(self, squared: Tensor) -> Tensor:
        """(f, C, L) weight of each squared pixel, the robust kernel's slope included."""
        return self.precision * influence(self.robust, squared, self.scale)


def landmarks_seen(points: Tensor, cameras: CameraTensors, seen: Landmarks) -> Tensor:
    """E_landmarks, as :func:`fitting.energy.landmark_energy` of the projected points.

    Args:
        points: (f, L, 3) metres; differentiable, as are the cameras except for their principal points and
            what a rational lens has beyond k3.
        cameras: C cameras. seen: the landmarks.
    """
    moving = (points, cameras.focal, cameras.distortion, cameras.rotation, cameras.translation)
    energy: Tensor = _Reprojection.apply(*moving, cameras.principal, cameras.fisheye, seen)
    return energy


class _Reprojection(torch.autograd.Function):
    """The energy, and its gradient as long as anyone asks for it."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        points, focal, distortion, rotation, translation, principal, fisheye, seen = inputs
        cameras = CameraTensors(focal, principal, distortion, rotation, translation, fisheye)
        sight = Sight.of(points, cameras)
        u, v, squared = seen.off(sight)
        if any(ctx.needs_input_grad):
            weight = seen.weights(squared)
            ctx.save_for_backward(*_gradients(sight, points, weight * u, weight * v, ctx.needs_input_grad))
        return 0.5 * kernel(seen.robust)(squared, seen.scale).sum()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[:5]
        found = iter(ctx.saved_tensors)
        return *(slopes[0] * next(found) if need else None for need in needed), None, None, None


def _gradients(sight: Sight, points: Tensor, u: Tensor, v: Tensor, needed: tuple[bool, ...]) -> list[Tensor]:
    """Gradients by points, focal, distortion, rotation and translation, as far as they are needed."""
    cameras = sight.cameras
    pull = sight.slopes().pull(u, v)
    gradients = []
    if needed[0]:
        # by X: sum over the cameras of R^T pull
        turned = cameras.rotation.reshape(-1, 3).T @ pull.flatten(1, 2)
        gradients.append(turned.transpose(-1, -2))
    if needed[1] or needed[2]:
        by_u, by_v = sight.lens_slopes()
        lens = torch.einsum("fcl,fclp->cp", u, by_u) + torch.einsum("fcl,fclp->cp", v, by_v)
    if needed[1]:
        # pixel = bent * focal + principal
        bent = (u * (sight.u - cameras.principal[:, None, 0]), v * (sight.v - cameras.principal[:, None, 1]))
        gradients.append(torch.stack([each.sum((0, 2)) for each in bent], dim=1) / cameras.focal)
    if needed[2]:
        gradients.append(pad(lens[:, 1:], (0, cameras.distortion.shape[1] + 1 - lens.shape[1])))
    if needed[3]:
        gradients.append(torch.einsum("fcil,flj->cij", pull, points))
    if needed[4]:
        gradients.append(pull.sum((0, 3)))
    return gradients

"""Projection in PyTorch: all points of all frames into all cameras at once, differentiable throughout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from calibration.camera import MIN_DEPTH, Camera, Rig
from calibration.radial import radial_factor, tangential


@dataclass
class CameraTensors:
    """The cameras of a rig as tensors; C is the number of cameras.

    Attributes:
        focal: (C, 2) pixels.
        principal: (C, 2) pixels.
        distortion: (C, 8) coefficients; see :mod:`calibration.lens`.
        rotation: (C, 3, 3) world to camera.
        translation: (C, 3) metres.
        fisheye: (C,) bool, which lenses are fisheyes.
    """

    focal: Tensor
    principal: Tensor
    distortion: Tensor
    rotation: Tensor
    translation: Tensor
    fisheye: Tensor

    @classmethod
    def from_rig(
        cls,
        rig: Rig,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> CameraTensors:
        """The rig's cameras, in its order, on a device."""

        def stack(attribute: str) -> Tensor:
            rows = [torch.tensor(getattr(camera, attribute)) for camera in rig]
            return torch.stack(rows).to(device=device, dtype=dtype)

        fisheye = torch.tensor([camera.fisheye for camera in rig], device=device)
        return cls(stack("focal"), stack("principal"), stack("distortion"), stack("R"), stack("t"), fisheye)

    def to_rig(self, like: Rig) -> Rig:
        """A rig with these parameters, and with the names, sizes and notes of `like` (same order)."""
        cameras = tuple(self._camera(index, camera) for index, camera in enumerate(like))
        return Rig(cameras, like.source, like.residual_px, like.notes)

    def _camera(self, index: int, like: Camera) -> Camera:
        def row(values: Tensor) -> Tensor:
            return values[index].detach().cpu().double()

        K = torch.eye(3, dtype=torch.float64)
        K[[0, 1], [0, 1]] = row(self.focal)
        K[:2, 2] = row(self.principal)
        # Float32 on a device leaves a rotation orthogonal to 1e-7 only; the nearest exact one is meant.
        u, _, vh = torch.linalg.svd(row(self.rotation))
        return Camera(
            like.name,
            like.width,
            like.height,
            K.numpy(),
            row(self.distortion).numpy(),
            (u @ vh).numpy(),
            row(self.translation).numpy(),
            like.fisheye,
        )


def to_camera(points: Tensor, cameras: CameraTensors) -> Tensor:
    """World points in the axes of each camera.

    Args:
        points: (..., L, 3) metres.
        cameras: C cameras.

    Returns:
        (..., C, L, 3) metres; the last component is the depth.
    """
    # local[..., c, l, :] = points[..., l, :] @ R[c].T + t[c]
    return points.unsqueeze(-3) @ cameras.rotation.transpose(-1, -2) + cameras.translation.unsqueeze(-2)


def distort(points: Tensor, distortion: Tensor, fisheye: Tensor) -> Tensor:
    """Bend normalised points (..., C, L, 2) by coefficients (C, 8); see :func:`calibration.lens.distort`."""
    x, y = points.unbind(-1)
    p1, p2 = tangential(distortion, fisheye)
    r2 = x * x + y * y
    radial = radial_factor(r2, distortion, fisheye)
    return torch.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ),
        dim=-1,
    )


def project(points: Tensor, cameras: CameraTensors) -> Tensor:
    """World points to the distorted pixels of each camera.

    Points behind a camera give finite pixels with finite gradients (their depth is held at
    :data:`calibration.camera.MIN_DEPTH`); the pixels themselves mean nothing.

    Args:
        points: (..., L, 3) metres, usually (F, L, 3).
        cameras: C cameras.

    Returns:
        (..., C, L, 2) pixels, usually (F, C, L, 2).
    """
    local = to_camera(points, cameras)
    ideal = local[..., :2] / local[..., 2:].clamp(min=MIN_DEPTH)
    bent = distort(ideal, cameras.distortion, cameras.fisheye)
    return bent * cameras.focal.unsqueeze(-2) + cameras.principal.unsqueeze(-2)

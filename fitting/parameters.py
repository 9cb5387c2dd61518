"""The unknowns of a fit (W22 section 3.2, Phi), in groups that can be frozen by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import roma
import torch
from torch import Tensor
from torch.nn.functional import pad

from calibration.errors import UsageError
from calibration.lens import COEFFICIENTS
from calibration.projection import CameraTensors

GROUPS = (
    "identity",
    "expression",
    "pose",
    "camera_rotation",
    "camera_translation",
    "focal",
    "distortion",
)
CAMERA_GROUPS = GROUPS[3:]
POSE_SIZE = 15
ROOT = (0, 1, 2, 12, 13, 14)
"""The components of a head motion that move the head as a whole."""
GAUGES = ("camera", "head")
"""What holds the world while cameras may move; see :func:`free_mask`."""


def check_groups(names: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises:
        UsageError: if one of them is not a parameter group; the message lists those that are.
    """
    chosen = frozenset(names)
    unknown = sorted(chosen - set(GROUPS))
    if unknown:
        raise UsageError(
            f"there is no parameter group {', '.join(map(repr, unknown))}",
            fix=f"The groups are {', '.join(GROUPS)}",
        )
    return chosen


@dataclass
class Parameters:
    """Phi. The same shape also serves for masks (bool), gradients and preconditioned coordinates.

    The four camera groups are increments on a given rig, zero at the start.

    Attributes:
        identity: (B,) beta.
        expression: (F, E) psi.
        pose: (F, 15) radians and metres, as head motion; see :mod:`fitting.head_motion`.
        camera_rotation: (C, 3) rotation vector in radians, applied in the camera's axes: exp(r) R.
        camera_translation: (C, 3) metres, added to t.
        focal: (C, 1) logarithm of the factor on both focal lengths.
        distortion: (C, 5) added to k1 k2 p1 p2 k3, or to a fisheye's k1 k2 k3 k4 (the fifth does nothing).
    """

    identity: Tensor
    expression: Tensor
    pose: Tensor
    camera_rotation: Tensor
    camera_translation: Tensor
    focal: Tensor
    distortion: Tensor

    @classmethod
    def start(cls, identity: Tensor, expression: Tensor, pose: Tensor, cameras: int) -> Parameters:
        """Parameters with the given face and with cameras as they are."""
        rows = [identity.new_zeros(cameras, width) for width in (3, 3, 1, 5)]
        return cls(identity, expression, pose, *rows)

    def tensors(self) -> tuple[Tensor, ...]:
        """The seven tensors, in the order of :data:`GROUPS`."""
        return tuple(getattr(self, each.name) for each in fields(self))

    def map(self, function: Callable[[Tensor], Tensor]) -> Parameters:
        """The parameters with a function applied to each tensor."""
        return Parameters(*map(function, self.tensors()))

    def detach(self) -> Parameters:
        """Copies that are no part of any graph."""
        return self.map(lambda tensor: tensor.detach().clone())

    @property
    def frame_rows(self) -> Tensor:
        """(F, E + 15): expression and pose side by side, what belongs to one frame alone."""
        return torch.cat((self.expression, self.pose), dim=1)

    @property
    def shared(self) -> Tensor:
        """(S,): identity, then the camera groups camera by camera within each group."""
        cameras = (self.camera_rotation, self.camera_translation, self.focal, self.distortion)
        return torch.cat([self.identity, *(group.reshape(-1) for group in cameras)])

    def rebuild(self, frame_rows: Tensor, shared: Tensor) -> Parameters:
        """Parameters of this shape from :attr:`frame_rows` and :attr:`shared`."""
        expression, pose = torch.split(frame_rows, [self.expression.shape[1], POSE_SIZE], dim=1)
        like = (self.identity, self.camera_rotation, self.camera_translation, self.focal, self.distortion)
        parts = torch.split(shared, [tensor.numel() for tensor in like])
        identity, *cameras = (part.view_as(tensor) for part, tensor in zip(parts, like, strict=True))
        return Parameters(identity, expression, pose, *cameras)

    def window(self, start: int, stop: int) -> Parameters:
        """The parameters of frames start to stop, with everything that is shared."""
        kept = {group: getattr(self, group) for group in ("identity", *CAMERA_GROUPS)}
        return Parameters(expression=self.expression[start:stop], pose=self.pose[start:stop], **kept)

    def cameras(self, given: CameraTensors) -> CameraTensors:
        """The given cameras, moved by the camera groups."""
        return CameraTensors(
            focal=given.focal * self.focal.exp(),
            principal=given.principal,
            distortion=given.distortion + pad(self.distortion, (0, COEFFICIENTS - self.distortion.shape[1])),
            rotation=roma.rotvec_to_rotmat(self.camera_rotation) @ given.rotation,
            translation=given.translation + self.camera_translation,
            fisheye=given.fisheye,
        )


def free_mask(
    parameters: Parameters,
    frozen: Iterable[str],
    pose: Iterable[int] | None = None,
    gauge: str = "camera",
    moving: Iterable[int] | None = None,
) -> Parameters:
    """Which numbers may move, as booleans.

    Args:
        parameters: gives the shapes.
        frozen: names of groups that stay.
        pose: the pose components that may move, if not all.
        gauge: what holds the world while cameras may move, a name in :data:`GAUGES`: the first camera's
            place, or the head's in the first frame.
        moving: positions of the cameras that may move, where the others stay; the world is then theirs.

    Returns:
        Masks in the shape of the parameters.
    """
    stays = check_groups(frozen)
    mask = Parameters(
        *(torch.full_like(getattr(parameters, name), name not in stays, dtype=torch.bool) for name in GROUPS)
    )
    count = len(mask.camera_rotation)
    stay = sorted(set(range(count)) - set(range(count) if moving is None else moving))
    for name in CAMERA_GROUPS:
        getattr(mask, name)[stay] = False
    if gauge == "head":
        mask.pose[:1, list(ROOT)] = False
    elif not stay:
        mask.camera_rotation[:1] = False
        mask.camera_translation[:1] = False
    if pose is not None:
        kept = torch.zeros(POSE_SIZE, dtype=torch.bool, device=mask.pose.device)
        kept[list(pose)] = True
        mask.pose &= kept
    return mask

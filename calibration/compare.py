"""What changed between two calibrations of one rig: which camera moved, by how much, and what it does.

Two calibrations may lie in different worlds, so the second is laid over the first, by the places and the
orientations of the cameras. Most cameras decide: one that was knocked shows up itself, and is not spread
over the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.text_table import text_table

Array = NDArray[np.float64]

_ROUNDS = 50
# A camera nearer than this share of the working distance to its place weighs no more for being nearer still.
_FLOOR = 1e-7
_GRID = 9
_DEFAULT_DISTANCE = 1.0


@dataclass(frozen=True)
class CameraDifference:
    """What became of one camera, from the first calibration to the second.

    Attributes:
        name: of the camera.
        degrees: the angle by which it turned.
        metres: how far its centre moved.
        focal_px: change of its focal length (mean of fx and fy) in pixels.
        principal_px: how far its principal point moved, in pixels.
        effect_px: RMS over the image of how far points at the working distance moved, in pixels: all that
            changed, turn, place and lens, as the image shows it.
    """

    name: str
    degrees: float
    metres: float
    focal_px: float
    principal_px: float
    effect_px: float


@dataclass(frozen=True, eq=False)
class RigDifference:
    """The difference of two rigs.

    Attributes:
        cameras: of each camera that both have, in the order of the first.
        aligned: the second rig in the world of the first, those cameras only.
        scale: factor from the lengths of the second rig to those of the first; 1 where it was not asked for.
        working_distance: metres; where the effect is taken.
        only_first, only_second: names of the cameras that one rig alone has.
    """

    cameras: tuple[CameraDifference, ...]
    aligned: Rig
    scale: float
    working_distance: float
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def __getitem__(self, name: str) -> CameraDifference:
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise InputError(f"the two rigs do not share a camera {name!r}")

    @property
    def worst(self) -> CameraDifference:
        """The camera whose images are affected the most."""
        return max(self.cameras, key=lambda camera: camera.effect_px)

    def lines(self) -> list[str]:
        """The difference as lines of plain text: a table of the cameras, and what it leaves out."""
        rows = [("camera", "turned deg", "moved mm", "focal px", "centre px", "effect px")]
        rows += [
            (
                each.name,
                f"{each.degrees:.3f}",
                f"{each.metres * 1000:.2f}",
                f"{each.focal_px:+.2f}",
                f"{each.principal_px:.2f}",
                f"{each.effect_px:.2f}",
            )
            for each in self.cameras
        ]
        tail = [f"The effect is that on points {self.working_distance:.2f} m away, RMS over the image."]
        if self.scale != 1.0:
            tail.append(f"The second rig was scaled by {self.scale:.5f}.")
        for names, which in ((self.only_first, "first"), (self.only_second, "second")):
            if names:
                tail.append(f"Only in the {which} rig: {', '.join(names)}")
        return [*text_table(rows), *tail]


def compare_rigs(
    first: Rig, second: Rig, *, scale: bool = False, working_distance: float | None = None
) -> RigDifference:
    """Lay the second rig over the first and tell what changed.

    Args:
        first: the rig that is taken as it is, such as the calibration of the morning.
        second: another calibration of the same cameras; in any world.
        scale: whether its lengths may be scaled too, as where its scale is unknown.
        working_distance: metres from the cameras to what they film; where their optical axes meet by default.

    Raises:
        InputError: if the rigs share no camera, or a camera's image size differs.
    """
    names = [name for name in first.names if name in second.names]
    if not names:
        raise InputError(
            f"the rigs share no camera: {', '.join(first.names)}; and {', '.join(second.names)}",
            fix="Name the cameras alike in both",
        )
    before, after = first.select(names), second.select(names)
    for a, b in zip(before, after, strict=True):
        if a.size != b.size:
            sizes = " and ".join(f"{camera.width} x {camera.height}" for camera in (a, b))
            raise InputError(f"its image size differs: {sizes}", where=f"Camera {a.name}")
    distance = working_distance or axes_meet_at(before) or _DEFAULT_DISTANCE
    aligned, factor = _aligned(before, after, distance, scale=scale)
    return RigDifference(
        tuple(_difference(a, b, distance) for a, b in zip(before, aligned, strict=True)),
        aligned,
        factor,
        distance,
        tuple(name for name in first.names if name not in names),
        tuple(name for name in second.names if name not in names),
    )


def axes_meet_at(rig: Rig) -> float | None:
    """Mean distance in metres to the point nearest to all optical axes; None if they do not meet in front."""
    centres = np.array([camera.centre for camera in rig])
    axes = np.array([camera.R[2] for camera in rig])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    system = across.sum(axis=0)
    if np.linalg.eigvalsh(system)[0] < 1e-3 * len(rig):
        return None
    point = np.linalg.solve(system, np.einsum("cij,cj->i", across, centres))
    depths = np.einsum("ci,ci->c", axes, point - centres)
    return float(depths.mean()) if (depths > 0).all() else None


def _aligned(before: Rig, after: Rig, distance: float, *, scale: bool) -> tuple[Rig, float]:
    """The second rig moved into the world of the first, and the factor of its lengths.

    Minimises the sum over cameras of the unsquared distance between their places and (at the working
    distance) their directions, by least squares of changing weights.
    """
    centres = [np.array([camera.centre for camera in rig]) for rig in (before, after)]
    turns = [np.array([camera.R for camera in rig]) for rig in (before, after)]
    weight, factor = np.ones(len(before)), 1.0
    for _ in range(_ROUNDS):
        share = weight / weight.sum()
        middles = [share @ centre for centre in centres]
        a, b = (centre - middle for centre, middle in zip(centres, middles, strict=True))
        together = np.einsum("c,ci,cj->ij", share, a, b) * factor
        together += distance**2 * np.einsum("c,cki,ckj->ij", share, turns[0], turns[1])
        R = _nearest_rotation(together)
        if scale and len(before) > 1:
            factor = float((share * (a * (b @ R.T)).sum(axis=1)).sum() / (share * (b**2).sum(axis=1)).sum())
        shift = middles[0] - factor * R @ middles[1]
        off = ((centres[0] - factor * centres[1] @ R.T - shift) ** 2).sum(axis=1)
        off += distance**2 * ((turns[0] - turns[1] @ R.T) ** 2).sum(axis=(1, 2))
        weight = 1 / np.sqrt(np.maximum(off, (_FLOOR * distance) ** 2))
    return _moved(after, R, shift, factor), factor


def _nearest_rotation(matrix: Array) -> Array:
    u, _, vh = np.linalg.svd(matrix)
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vh)]) @ vh)


def _moved(rig: Rig, R: Array, shift: Array, factor: float) -> Rig:
    """The rig in another world, `x_new = factor R x + shift`."""
    cameras = []
    for camera in rig:
        turned = camera.R @ R.T
        cameras.append(replace(camera, R=turned, t=factor * camera.t - turned @ shift))
    return replace(rig, cameras=tuple(cameras))


def _difference(a: Camera, b: Camera, distance: float) -> CameraDifference:
    return CameraDifference(
        a.name,
        angle_degrees(b.R @ a.R.T),
        float(np.linalg.norm(b.centre - a.centre)),
        float((b.focal - a.focal).mean()),
        float(np.linalg.norm(b.principal - a.principal)),
        _effect_px(a, b, distance),
    )


def angle_degrees(rotation: Array) -> float:
    """The angle of a rotation (3, 3) in degrees, exact for small ones too."""
    sine = np.linalg.norm(rotation - rotation.T) / np.sqrt(8)
    return float(np.degrees(np.arctan2(sine, (np.trace(rotation) - 1) / 2)))


def _effect_px(a: Camera, b: Camera, distance: float) -> float:
    """RMS over the image in pixels between what two cameras see of points at a depth in metres."""
    x, y = np.meshgrid(np.linspace(0, a.width - 1, _GRID), np.linspace(0, a.height - 1, _GRID))
    ideal = a.normalise(np.stack((x.ravel(), y.ravel()), axis=-1))
    local = np.concatenate((ideal, np.ones((len(ideal), 1))), axis=-1) * distance
    world = (local - a.t) @ a.R
    off = b.project(world) - a.project(world)
    return float(np.sqrt((off**2).sum(axis=-1).mean()))

"""Mistakes in the poses of a rig: what a file said was read as something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from fitting.camera_checks.hypothesis import CameraMistake, Hypothesis, Kind, Suspects
from fitting.camera_checks.sample import Sample

Array = NDArray[np.float64]

_OPENGL = np.diag([1.0, -1.0, -1.0])
"""Camera axes of OpenGL, Blender, Maya, USD (x right, y up, z backward) to OpenCV's."""
_SELDOM = 0.1
_SAME = 1e-6


def inverted(camera: Camera) -> Camera:
    """The pose taken for its inverse."""
    return replace(camera, R=camera.R.T, t=-camera.R.T @ camera.t)


def transposed(camera: Camera) -> Camera:
    """The rotation taken for its inverse."""
    return replace(camera, R=camera.R.T)


def placed_at(camera: Camera) -> Camera:
    """The translation taken for the camera's place in the world."""
    return replace(camera, t=-camera.R @ camera.t)


def not_placed_at(camera: Camera) -> Camera:
    """The camera's place taken for the translation."""
    return replace(camera, t=camera.centre)


def from_opengl(camera: Camera) -> Camera:
    """The camera axes of OpenGL turned into those of OpenCV."""
    return replace(camera, R=_OPENGL @ camera.R, t=_OPENGL @ camera.t)


def inverted_from_opengl(camera: Camera) -> Camera:
    """A camera-to-world matrix of OpenGL's axes, such as Blender's and NeRF's, made one of ours."""
    return from_opengl(inverted(camera))


def at_place(camera: Camera, centre: Array) -> Camera:
    """The camera with its rotation, elsewhere."""
    return replace(camera, t=-camera.R @ centre)


def left_handed(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """World and camera both mirrored: poses of a left-handed program (Unity, Unreal) read as they are.

    Which axis of the world is mirrored no image tells, since the results differ by a turn of the world: z is
    taken, and Y stays up.
    """
    for axis, name in ((0, "x"), (1, "y")):
        change = partial(_mirrored, axis=axis)
        yield Hypothesis(
            "left-handed",
            suspects.every,
            "the rig is mirrored against its images: the poses are of a left-handed world (and camera axis "
            f"{name} points the other way), or all images are mirrored; landmarks do not tell which",
            "Export the cameras from a right-handed world, or mirror an axis of world and cameras; "
            "if it is the images, mirror those back instead",
            lambda sample, change=change: sample.with_cameras(change, suspects.every),  # type: ignore[misc]
        )


def one_left_handed(sample: Sample, suspects: Suspects) -> Iterator[Hypothesis]:
    """The like of one camera: among others that are right, the axis of the world can be told."""
    for axis, world in product(range(2), range(3)):
        kind = CameraMistake(
            "left-handed",
            f"{{its}} pose is mirrored: it is of a world whose {'xyz'[world]} points the other way",
            f"Mirror {'xyz'[world]} of the world, and {'xy'[axis]} of the camera",
            partial(_mirrored, axis=axis, world=world),
            whole=False,
            prior=_SELDOM,
        )
        yield from kind(sample, suspects)


def _mirrored(camera: Camera, axis: int, world: int = 2) -> Camera:
    mirror, turned = np.ones(3), np.ones(3)
    mirror[axis] = turned[world] = -1.0
    return replace(camera, R=mirror[:, None] * camera.R * turned, t=mirror * camera.t)


def mirrored_places(axis: int) -> Kind:
    """The places of the cameras mirrored along an axis of the world, their rotations not."""
    name = "xyz"[axis]

    def change(camera: Camera) -> Camera | None:
        centre = camera.centre.copy()
        if abs(centre[axis]) < _SAME * np.linalg.norm(centre):
            return None
        centre[axis] *= -1
        return at_place(camera, centre)

    return CameraMistake(
        "mirrored-axis",
        f"{{its}} place{{s}} in the world {{is_}} mirrored along {name}, {{its}} rotation{{s}} {{is_}} not",
        f"Change the sign of {name} of the camera centre{{s}}",
        change,
    )


def turned_places(degrees: float) -> Kind:
    """The places of the cameras in a world with another axis up than their rotations."""
    turn = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    return CameraMistake(
        "places-in-another-world",
        "{its} places and {its} rotations are of worlds with different axes up (Y up against Z up)",
        f"Turn the camera centres by {degrees:+.0f} degrees about x",
        lambda camera: at_place(camera, turn @ camera.centre),
        single=False,
        prior=_SELDOM,
    )


POSES: tuple[Kind, ...] = (
    CameraMistake(
        "inverse-pose",
        "{its} pose{s} {is_} inverted: camera to world, taken for world to camera",
        "Invert the pose{s} when importing: R becomes its transpose, t becomes -R^T t",
        inverted,
    ),
    CameraMistake(
        "transposed-rotation",
        "{its} rotation{s} {is_} transposed, or {its} Rodrigues vector{s} of the wrong sign",
        "Transpose R; the translation{s} {is_} right",
        transposed,
        prior=_SELDOM,
    ),
    CameraMistake(
        "centre-as-translation",
        "{its} translation{s} {is_} the place{s} in the world: t is to be -R times that",
        "Give t = -R centre",
        placed_at,
        prior=_SELDOM,
    ),
    CameraMistake(
        "translation-as-centre",
        "{its} translation{s} {is_} taken for the place{s} in the world",
        "Read the numbers as t, not as the camera centre{s}",
        not_placed_at,
        prior=_SELDOM,
    ),
    CameraMistake(
        "opengl-axes",
        "{its} axes are OpenGL's (y up, z backward), taken for OpenCV's (y down, z forward)",
        "Change the signs of the second and third rows of R and t",
        from_opengl,
    ),
    CameraMistake(
        "inverse-pose-opengl",
        "{its} pose{s} {is_} camera to world in OpenGL's axes (as of Blender or NeRF), taken for world to "
        "camera in OpenCV's",
        "Invert the pose{s}, then change the signs of the second and third rows of R and t",
        inverted_from_opengl,
        prior=_SELDOM,
    ),
    left_handed,
    one_left_handed,
    *(mirrored_places(axis) for axis in range(3)),
    turned_places(90.0),
    turned_places(-90.0),
)
"""Mistakes in poses that one can make with all cameras, and most of them with one."""

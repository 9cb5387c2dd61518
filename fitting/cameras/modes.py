"""What is known of the cameras before a fit, and the fit that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import UsageError
from fitting.cameras.determinacy import describe_cameras
from fitting.cameras.judgement import Judge, with_suspicions
from fitting.cameras.refine import fit_and_refine
from fitting.cameras.start import find_cameras
from fitting.fit import FitStart, fit_performance
from fitting.head_model import HeadModel
from fitting.head_motion import head_size
from fitting.observations import Observations
from fitting.options import CameraUncertainty, FitOptions
from fitting.parameters import CAMERA_GROUPS
from fitting.performance import Performance
from fitting.solvers.choice import Progress

Array = NDArray[np.float64]

# A camera in a hand moves some three times as fast as a head: a tenth of the weight of E_temporal.
_HAND_HELD = 0.1
_LOOSE_ROTATION = 1.0
# Relative: lenses of one shoot differ from each other less than from the first guess.
_OWN_FOCAL, _COMMON_FOCAL = 0.08, 0.5


class CameraMode(StrEnum):
    """What is known of the cameras."""

    KNOWN = "known"
    """Everything: they stay as they are."""
    REFINE = "refine"
    """Everything, roughly: places are refined, and what else is asked for."""
    POSES = "poses"
    """The lenses, but not where the cameras stand."""
    UNKNOWN = "unknown"
    """Nothing. Of a single camera, the focal length is found."""
    MOVING = "moving"
    """Nothing; and it is a single camera that moves."""


_PLACES = frozenset({"camera_rotation", "camera_translation"})
_FOUND, _PLACED = "found from the head", "placed by the head, lenses as given"
_CAUTION = (
    "The deviations of found cameras are lower bounds: what the landmarks get wrong alike in all frames "
    "passes for another {}"
)
_BENT = (
    "lens, and has been seen to bend focal lengths by 10 to 30 percent; with a measured distance the size of "
    "the head is off by as much"
)


@dataclass(frozen=True)
class MeasuredDistance:
    """A distance between two cameras that somebody has measured, in metres: the scale of what is found."""

    first: str
    second: str
    metres: float

    def __post_init__(self) -> None:
        if self.first == self.second or not self.metres > 0:
            raise UsageError(f"a distance of {self.metres:g} m from {self.first} to {self.second} is none")


@dataclass(frozen=True)
class CameraPlan:
    """What to take for known, and what to find.

    Attributes:
        mode: what is known.
        refine: names of camera groups to free besides (:data:`fitting.parameters.CAMERA_GROUPS`).
        cameras: names of the cameras to refine, where the others stay; any that has moved, if there are none.
        lenses_known: whether the focal lengths are known; only :attr:`CameraMode.MOVING` leaves it open.
        distance: the scale, where the cameras are found; the size of the mean head if not said.
    """

    mode: CameraMode = CameraMode.KNOWN
    refine: frozenset[str] = frozenset()
    cameras: tuple[str, ...] = ()
    lenses_known: bool = False
    distance: MeasuredDistance | None = None

    @property
    def finds_places(self) -> bool:
        """Whether the places of the cameras are found from nothing."""
        return self.mode in (CameraMode.POSES, CameraMode.UNKNOWN, CameraMode.MOVING)

    @property
    def finds_lenses(self) -> bool:
        """Whether the focal lengths are."""
        moving = self.mode == CameraMode.MOVING and not self.lenses_known
        return moving or self.mode == CameraMode.UNKNOWN

    @property
    def free(self) -> frozenset[str]:
        """The camera groups that the fit may move."""
        if self.mode == CameraMode.REFINE and self.refine:
            return self.refine
        found = frozenset[str]() if self.mode == CameraMode.KNOWN else _PLACES
        return found | self.refine | ({"focal"} if self.finds_lenses else set[str]())


def fit_with_cameras(
    model: HeadModel,
    observations: Observations,
    cameras: Rig,
    plan: CameraPlan,
    options: FitOptions | None = None,
    progress: Progress | None = None,
    start: FitStart | None = None,
) -> Performance:
    """:func:`fitting.fit.fit_performance`, with cameras of which only a part is known.

    Where the cameras are found, the first one holds the gauge, and the scale is that of a measured distance
    or of the head: of the mean head, or of the known identity. The rig's source and notes say so, and how
    well each camera is determined.

    Args:
        model, observations, options, progress, start: as there.
        cameras: C cameras in the order of the observations; what the plan does not take for known is not
            read, except the image sizes (:func:`fitting.cameras.start.unknown_camera`).
        plan: what is known.

    Returns:
        The performance. Cameras that could not be placed are not in its rig; its notes name them.

    Raises:
        UsageError: if the plan does not suit the cameras.
        CalibrationError: if cameras that are to be found have no frames in common, or mirrored images.
        InputError, NoFaceError, SolverError: as :func:`fitting.fit.fit_performance`.
    """
    options = FitOptions() if options is None else options
    start = FitStart() if start is None else start
    options = replace(options, frozen=options.frozen - set(CAMERA_GROUPS) | (set(CAMERA_GROUPS) - plan.free))
    _check(plan, cameras)
    if plan.mode == CameraMode.REFINE:
        moving = tuple(cameras.names.index(name) for name in plan.cameras) or None
        return fit_and_refine(model, observations, cameras, replace(options, moving=moving), progress, start)
    if not plan.finds_places:
        found = fit_performance(model, observations, cameras, options, progress, start)
        return (
            describe_cameras(found)
            if plan.refine
            else with_suspicions(found, Judge(model, observations, cameras))
        )
    observations.check(cameras.names)
    head = _head(model, observations, start)
    given = find_cameras(observations, list(cameras), head, lenses_known=not plan.finds_lenses)
    seen = observations.select_cameras(given.kept)
    options = with_slower_motion(plan, options)
    heads = _size_spread(model, observations)
    source = _source(plan, given.rig, heads, known_head=start.identity is not None)
    caution = _CAUTION.format(_BENT if plan.finds_lenses else "place of a camera")
    rig = replace(given.rig, source=source, notes=(*given.notes, caution))
    repeats = 1 + options.systematic * float(seen.used.sum()) / seen.shape[2]
    loose = replace(options, cameras=_loose(given.depth, repeats), gauge="head")
    fitted = fit_performance(model, seen, rig, loose, progress, start)
    loosest, factor = fitted, 1.0
    if plan.distance is not None:
        # Only now: a size of the head that differs from the mean one would have bent the focal lengths.
        rig, pair, factor = _scaled(fitted.rig, plan.distance)
        held = replace(loose.cameras, scale_of="rig", pair=pair)
        options = replace(loose, cameras=held, frozen=options.frozen | {"focal"})
        fitted = fit_performance(model, seen, rig, options, progress, start)
    fitted = _with_camera_spread(fitted, loosest, repeats, factor)
    fitted = replace(fitted, rig=replace(fitted.rig, source=source))
    return describe_cameras(fitted, turning=given.turning)


def with_slower_motion(plan: CameraPlan, options: FitOptions) -> FitOptions:
    """The options; with a camera in a hand, E_temporal weighs less, as the head moves against the camera."""
    if plan.mode != CameraMode.MOVING:
        return options
    slower = options.weights.temporal * _HAND_HELD
    return replace(options, weights=replace(options.weights, temporal=slower))


def has_own_world(rig: Rig) -> bool:
    """Whether the cameras were found from a head, so that their world and its scale are that head's alone.

    It holds for the same cameras in another take, whose file keeps their source.
    """
    return rig.source.startswith((_FOUND, _PLACED))


def _check(plan: CameraPlan, cameras: Rig) -> None:
    if plan.mode == CameraMode.MOVING and len(cameras) > 1:
        raise UsageError(
            f"one moving camera can be found, and here are {len(cameras)}: {', '.join(cameras.names)}",
            fix="Fit each moving camera as a shoot of its own, or say unknown for cameras that stand",
        )
    for name in plan.cameras:
        if name not in cameras.names:
            raise UsageError(
                f"camera {name} is to be refined, and there is none of that name",
                fix=f"The cameras are {', '.join(cameras.names)}",
            )
    if plan.distance is not None:
        for name in (plan.distance.first, plan.distance.second):
            if name not in cameras.names:
                raise UsageError(
                    f"a distance from camera {name} is given, and there is none of that name",
                    fix=f"The cameras are {', '.join(cameras.names)}",
                )


@torch.no_grad()
def _head(model: HeadModel, observations: Observations, start: FitStart) -> Array:
    """(L, 3) the landmarks of the head as far as it is known, at rest."""
    size = model.identity_size
    identity = np.zeros(size) if start.identity is None else np.asarray(start.identity, dtype=np.float64)
    rest = [np.zeros(model.expression_size), np.zeros(model.pose_size)]
    points = model.restrict(observations.points)
    posed = points(*(torch.as_tensor(row).to(model.mean) for row in (identity, *rest)))
    return np.asarray(posed.cpu().numpy(), dtype=np.float64)


def _scaled(rig: Rig, distance: MeasuredDistance) -> tuple[Rig, tuple[int, int], float]:
    """The rig in the scale of a measured distance, the positions of its two cameras, and how it grew."""
    missing = [name for name in (distance.first, distance.second) if name not in rig.names]
    if missing:
        raise UsageError(
            f"a distance from camera {missing[0]} is to be the scale, and that camera could not be placed",
            fix="Give the distance of two others",
        )
    apart = float(np.linalg.norm(rig[distance.first].centre - rig[distance.second].centre))
    factor = distance.metres / max(apart, 1e-9)
    larger = tuple(replace(camera, t=camera.t * factor) for camera in rig)
    pair = (rig.names.index(distance.first), rig.names.index(distance.second))
    return replace(rig, cameras=larger), pair, factor


def _with_camera_spread(
    fitted: Performance, loosest: Performance, repeats: float, factor: float
) -> Performance:
    """With the deviations of the cameras, as many times wider in the square as errors repeat.

    It is what :func:`fitting.uncertainty.posterior` does to the identity. They are those of the fit in which
    all of the cameras was free, which has since grown by a factor.
    """
    if fitted.uncertainty is None or loosest.uncertainty is None:
        return fitted
    wider, first = float(np.sqrt(repeats)), loosest.uncertainty
    spread = replace(
        fitted.uncertainty,
        camera_rotation=wider * first.camera_rotation,
        camera_position=wider * factor * first.camera_position,
        focal=wider * first.focal,
    )
    return replace(fitted, uncertainty=spread)


def _loose(depth: float, repeats: float) -> CameraUncertainty:
    """Of cameras that are known from the mean head alone, which is some metres away.

    A detector's errors repeat in all frames, and a little perspective that is wrong in all of them passes for
    another lens: the lenses are held to each other the firmer, the more often an error repeats.
    """
    return CameraUncertainty(
        camera_rotation=_LOOSE_ROTATION,
        camera_translation=depth,
        focal=_OWN_FOCAL / float(np.sqrt(repeats)),
        focal_together=_COMMON_FOCAL,
        scale_of="head",
    )


def _source(plan: CameraPlan, rig: Rig, spread: float, *, known_head: bool) -> str:
    """In words: what was found, what was held, and where the scale comes from; heads differ by `spread`."""
    what = _FOUND if plan.finds_lenses else _PLACED
    held = f"camera {rig.names[0]} held"
    if plan.distance is not None:
        pair = plan.distance
        scale = f"scale from the measured {1000 * pair.metres:g} mm from camera {pair.first} to {pair.second}"
    elif known_head:
        scale = "scale from the known head"
    else:
        differ = f"from which heads differ by {100 * spread:.0f} percent (one standard deviation)"
        scale = f"scale from the identity prior: the average head, {differ}"
    return f"{what}; {held}; {scale}"


def _size_spread(model: HeadModel, observations: Observations) -> float:
    """Relative standard deviation of the size of heads under the model's prior."""
    points = model.restrict(observations.points)
    identity = torch.zeros(model.identity_size).to(model.mean).requires_grad_(True)
    size = head_size(points, identity)
    (slope,) = torch.autograd.grad(size.log(), identity)
    return float(slope.norm())

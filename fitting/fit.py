"""The fit of one sequence: landmarks and cameras in, a :class:`fitting.performance.Performance` out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from calibration.camera import Rig
from calibration.errors import NoFaceError
from fitting.cameras.majority import majority_world
from fitting.head_model import HeadModel, HeadPoints
from fitting.head_motion import head_motion, model_pose
from fitting.head_priors import HeadPriors
from fitting.initialise import Placement, fill_between, place
from fitting.model_arrays import mean_head
from fitting.observations import Observations, softened
from fitting.options import CameraUncertainty, FitOptions, FitWeights
from fitting.parameters import CAMERA_GROUPS, ROOT, Parameters, free_mask
from fitting.performance import Performance, frame_status
from fitting.problem import Problem
from fitting.quality import assess, places
from fitting.sanity import examine
from fitting.solvers.choice import Progress, Solution, Stage, minimise
from fitting.world import LocalWorld

__all__ = ["CameraUncertainty", "FitOptions", "FitStart", "FitWeights", "fit_performance"]

Array = NDArray[np.float64]

# Energies of a few nats in some 10^5 decide between two line-search steps: single precision stalls there.
_DTYPE = torch.float64
_EARLY_TOLERANCE = 1.0
_EARLY_GAIN = 0.02
_EARLY_ITERATIONS = 20
_CAMERAS = frozenset(CAMERA_GROUPS)
_WORLD_POINTS = 200


@dataclass(frozen=True, eq=False)
class FitStart:
    """What is known before the fit; whatever is None starts at rest or is found by triangulation.

    Attributes:
        identity: (B,) beta. expression: (F, E) psi. pose: (F, 15) theta.
        identity_covariance: (B, B) of an identity that is held: how sure it is.
    """

    identity: Array | None = None
    expression: Array | None = None
    pose: Array | None = None
    identity_covariance: Array | None = None


def fit_performance(
    model: HeadModel,
    observations: Observations,
    rig: Rig,
    options: FitOptions | None = None,
    progress: Progress | None = None,
    start: FitStart | None = None,
) -> Performance:
    """Fit the head model to the landmarks of all cameras and frames at once (W22 section 3.2).

    Args:
        model: the head model; the fit runs on its device.
        observations: F frames, C cameras, L landmarks.
        rig: C cameras in the order of the observations; the first one holds the gauge where they may move.
        options: settings; the cameras are held fixed unless these say otherwise.
        progress: called with (done, total, label) as iterations go by.
        start: what is known already, such as the identity of an actor fitted before.

    Returns:
        The performance, for every frame of the observations. Frames that one camera sees are fitted and
        flagged; frames that none sees are interpolated and flagged.

    Raises:
        InputError: if a landmark is no number, naming frame and camera; or if the cameras cannot be right
            (:func:`fitting.sanity.examine`).
        NoFaceError: if there is nothing to fit.
        SolverError: if the energy becomes no number, naming frame and camera.
    """
    options = FitOptions() if options is None else options
    start = FitStart() if start is None else start
    observations.check(rig.names)
    if not observations.views.any():
        raise NoFaceError("no camera sees a face in any frame", fix="Look at the detected landmarks")
    head = observations.points.evaluate(mean_head(model))
    held = {"camera_rotation", "camera_translation"} <= options.frozen
    findings = examine(observations, rig, head, poses_known=held)
    observations = findings.without(observations)
    active = np.flatnonzero(observations.views > 0)
    fit = _SequenceFit(model, observations.select_frames(active), rig, options, _select(start, active))
    performance = fit.performance(fit.solve(progress), observations, active)
    return replace(performance, warnings=findings.warnings)


def fit_known(
    model: HeadModel,
    observations: Observations,
    rig: Rig,
    options: FitOptions,
    own: NDArray[np.bool_],
    progress: Progress | None = None,
    start: FitStart | None = None,
) -> tuple[Performance, dict[str, float]]:
    """A fit with cameras that were looked at before, and its energies in some of its frames (F,) alone.

    Arguments, errors and what it gives are otherwise those of :func:`fit_performance`.
    """
    start = FitStart() if start is None else start
    active = np.flatnonzero(observations.views > 0)
    if not own[active].any():
        raise NoFaceError("no camera sees a face in any frame", fix="Look at the detected landmarks")
    fit = _SequenceFit(model, observations.select_frames(active), rig, options, _select(start, active))
    solution = fit.solve(progress)
    inside = np.flatnonzero(own[active])
    energies = fit.problem.energies(solution.parameters, int(inside[0]), int(inside[-1]) + 1)
    return fit.performance(solution, observations, active), energies


class _SequenceFit:
    """A fit over the frames that at least one camera sees, in a world of its own."""

    def __init__(
        self, model: HeadModel, observations: Observations, rig: Rig, options: FitOptions, start: FitStart
    ) -> None:
        self.model, self.options, self.rig = model, options, rig
        self.covariance = start.identity_covariance
        self.head: HeadPoints = model.restrict(observations.points).to(_DTYPE)
        count = len(observations.frames)
        identity = self._given(start.identity, (model.identity_size,))
        expression = self._given(start.expression, (count, model.expression_size))
        placement = self._place(observations, identity, start.pose)
        self.world = LocalWorld.around(placement)
        sigma = softened(
            observations, rig, placement.depths(rig), options.sigma_floor, options.landmark_spread
        )
        problem = Problem.build(self.head, observations, sigma, self.world.enter(rig), options, like=identity)
        priors = HeadPriors.of(model, options, identity)
        self.problem = replace(problem, priors=priors, known_identity=identity)
        moved = self.world.enter_motion(placement.rotation, placement.translation)
        pose = self._given(start.pose, (count, model.pose_size)).clone()
        pose[:, list(ROOT)] = _root(*moved).to(pose)
        self.start = Parameters.start(identity, expression, pose, len(rig))

    def _given(self, known: Array | None, shape: tuple[int, ...]) -> Tensor:
        array = np.zeros(shape) if known is None else np.asarray(known, dtype=np.float64).reshape(shape)
        return torch.as_tensor(array, dtype=_DTYPE, device=self.model.mean.device)

    @torch.no_grad()
    def _place(self, observations: Observations, identity: Tensor, pose: Array | None) -> Placement:
        if pose is not None:
            known = torch.as_tensor(pose).to(identity)
            motion = head_motion(known, self.head.vertices.joints(identity)).cpu().numpy()
            rotation = Rotation.from_rotvec(motion[:, :3]).as_matrix()
            return Placement(rotation, motion[:, 12:], np.ones(len(pose), dtype=np.bool_))
        rest = [identity.new_zeros(size) for size in (self.model.expression_size, self.model.pose_size)]
        return place(observations, self.rig, self.head(identity, *rest).cpu().numpy())

    def solve(self, progress: Progress | None) -> Solution:
        """All stages, then expression clipped to [0, 1] and what is not at a bound fitted again."""
        stages = self._stages()
        before, last = sum(stage.max_iterations for stage in stages), self.options.max_iterations
        solution = minimise(self.problem, self.start, stages, _within(progress, 0, before + last))
        clipped, free = self._clip(solution.parameters)
        mask = self._mask(clipped)
        mask.expression &= free
        polish = Stage("polish", mask, self.options.max_iterations, self.options.tolerance)
        polished = minimise(self.problem, clipped, [polish], _within(progress, before, before + last))
        return Solution(
            self._clip(polished.parameters)[0],
            solution.converged and polished.converged,
            solution.iterations | polished.iterations,
        )

    def _stages(self) -> list[Stage]:
        options, face = self.options, self.start
        brief = min(_EARLY_ITERATIONS, options.max_iterations)
        # Cameras that are nearly unknown move from the first, their lenses with the identity.
        waiting = ({"focal", "distortion"}, set()) if options.gauge == "head" else (_CAMERAS, _CAMERAS)
        rigid = self._mask(face, {"identity", "expression", *waiting[0]}, ROOT)
        neutral = self._mask(face, {"expression", *waiting[1]}, ROOT)
        return [
            Stage("rigid", rigid, brief, _EARLY_TOLERANCE, _EARLY_GAIN),
            Stage("identity", neutral, brief, _EARLY_TOLERANCE, _EARLY_GAIN),
            Stage("all", self._mask(face), options.max_iterations, options.tolerance),
        ]

    def _mask(
        self, parameters: Parameters, waiting: Iterable[str] = (), pose: Iterable[int] | None = None
    ) -> Parameters:
        """What may move, besides the groups that wait."""
        options = self.options
        return free_mask(parameters, {*options.frozen, *waiting}, pose, options.gauge, options.moving)

    def _clip(self, parameters: Parameters) -> tuple[Parameters, Tensor]:
        """The parameters with expression in its range, and (F, E) where it is not at a bound."""
        if "expression" in self.options.frozen:
            return parameters, torch.ones_like(parameters.expression, dtype=torch.bool)
        span = self.model.traits.expression
        expression = parameters.expression.clamp(span.low, span.high)
        return replace(parameters, expression=expression), (expression > span.low) & (expression < span.high)

    def performance(self, solution: Solution, whole: Observations, active: NDArray[np.int64]) -> Performance:
        """The solution in the world, over all frames of the whole observations."""
        found, problem = solution.parameters, self.problem
        world = self._world_of(found)
        rows = np.zeros(len(whole.frames), dtype=np.bool_)
        rows[active] = True
        residual_px = problem.residuals_px(found).cpu().numpy()
        if len(active) < len(rows):
            seen_px, residual_px = residual_px, np.full(whole.shape, np.nan, dtype=np.float32)
            residual_px[active] = seen_px
        pose = _spread(self._world_pose(found, world), active, rows)
        expression = _spread(found.expression.cpu().numpy(), active, rows)
        expression, pose = fill_between(expression, pose, rows, whole.frames)
        uncertainty, reliability = assess(problem, found, residual_px, whole.frames, rows, self.covariance)
        return Performance(
            frames=whole.frames,
            identity=found.identity.cpu().numpy(),
            expression=expression,
            pose=pose,
            rig=self._world_rig(found, world),
            energies=problem.energies(found),
            residual_px=residual_px,
            converged=solution.converged,
            fps=whole.fps,
            status=frame_status(whole.views),
            iterations=solution.iterations,
            uncertainty=uncertainty,
            reliability=reliability,
        )

    @torch.no_grad()
    def _world_pose(self, found: Parameters, world: LocalWorld) -> Array:
        """(F, 15) the poses of the model in the world."""
        motion = found.pose.clone()
        rotation = Rotation.from_rotvec(motion[:, :3].cpu().numpy()).as_matrix()
        moved = world.leave_motion(rotation, motion[:, 12:].cpu().numpy())
        motion[:, list(ROOT)] = _root(*moved).to(motion)
        return np.asarray(model_pose(motion, self.head.vertices.joints(found.identity)).cpu().numpy())

    def _world_rig(self, found: Parameters, world: LocalWorld) -> Rig:
        if self.options.frozen >= _CAMERAS:
            return self.rig
        moved = world.leave(self._local_rig(found))
        return replace(moved, source=f"{self.rig.source}, refined by the fit".lstrip(", "))

    def _local_rig(self, found: Parameters) -> Rig:
        return found.cameras(self.problem.cameras).to_rig(self.world.enter(self.rig))

    def _world_of(self, found: Parameters) -> LocalWorld:
        """The world that the solution is in: one in which cameras are where they were given.

        All of them, where they stay; else most of them; and the first one, where nothing was known of them.
        """
        options = self.options
        if options.gauge == "head":
            return LocalWorld.anchored(self._local_rig(found).cameras[0], self.rig.cameras[0])
        if options.moving is not None or {"camera_rotation", "camera_translation"} & options.frozen:
            return self.world
        points = places(self.problem, found).reshape(-1, 3)
        thinned = points[:: max(1, len(points) // _WORLD_POINTS)]
        return majority_world(self._local_rig(found), self.rig, thinned, self.world)


def _within(progress: Progress | None, offset: int, total: int) -> Progress | None:
    """Progress of one part of the work, told as progress of the whole."""
    if progress is None:
        return None
    return lambda done, _, label: progress(offset + done, total, label)


def _root(rotation: Array, translation: Array) -> Tensor:
    """(F, 6) the :data:`ROOT` components of head motions (F, 3, 3) and (F, 3)."""
    return torch.as_tensor(np.concatenate([Rotation.from_matrix(rotation).as_rotvec(), translation], axis=1))


def _select(start: FitStart, active: NDArray[np.int64]) -> FitStart:
    expression = None if start.expression is None else start.expression[active]
    pose = None if start.pose is None else start.pose[active]
    return replace(start, expression=expression, pose=pose)


def _spread(values: Array, active: NDArray[np.int64], rows: NDArray[np.bool_]) -> Array:
    """The rows of the active frames at their places among all frames, zero elsewhere."""
    spread = np.zeros((len(rows), values.shape[1]))
    spread[active] = values
    return spread

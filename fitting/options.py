"""The settings of a fit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from calibration.errors import UsageError
from fitting.identity_prior import check_prior
from fitting.parameters import CAMERA_GROUPS, GAUGES, check_groups
from fitting.robust import kernel

SCALES = ("rig", "head")
"""What the scale of a fit may come from; see :class:`CameraUncertainty`."""

SOLVERS = ("lm", "lbfgs")
"""Levenberg-Marquardt, and the limited-memory quasi-Newton of W22."""


@dataclass(frozen=True)
class FitWeights:
    """The weight of each term; each term is half a sum of squares, so a weight is 1 / (standard deviation)^2.

    The defaults are where ``vultus bench accuracy --sweep`` finds the least error, or none that differs.

    Attributes:
        landmarks: of E_landmarks; 1 takes their sigmas at their word.
        identity: of E_identity, one per unit of beta.
        expression: of E_expression; 10 means that a shape is usually within 0.3.
        bounds: of the soft wall at 0 and 1; 1,000 means a standard deviation of 0.03. Steeper walls cost many
            iterations and gain nothing: what is left is clipped, and the rest fitted again.
        joints: of E_joints per squared radian; 25 means 0.2 rad.
        temporal: of E_temporal, per m^2/s; 400 means that a point moves some 10 mm in a frame of 24 fps.
        intersect: of E_intersect, per m^2; 1e7 means that skin is usually less than 0.3 mm inside teeth
            and eyes.
    """

    landmarks: float = 1.0
    identity: float = 1.0
    expression: float = 10.0
    bounds: float = 1_000.0
    joints: float = 25.0
    temporal: float = 400.0
    intersect: float = 1e7

    def __post_init__(self) -> None:
        negative = [name for name, value in vars(self).items() if not value >= 0]
        if negative:
            raise UsageError(f"the weight of {', '.join(negative)} is negative")


@dataclass(frozen=True)
class CameraUncertainty:
    """How far the given cameras may be from the truth, one standard deviation; used where a group is free.

    Attributes:
        camera_rotation: radians. camera_translation: metres. focal: relative. distortion: coefficient.
        focal_together: relative; what the focal lengths of all cameras are off by in common, besides.
        scale: relative change of the length that holds the scale. Small: it is the stated one.
        scale_of: which length that is, a name in :data:`SCALES`. "rig": the distances of the cameras from
            their middle. "head": the head's size at the start, which is that of the mean head if nothing
            else is known. A single camera always takes the head's.
        pair: for "rig", positions of the two cameras whose distance it is instead.
    """

    camera_rotation: float = 0.02
    camera_translation: float = 0.02
    focal: float = 0.02
    distortion: float = 0.05
    focal_together: float = 0.0
    scale: float = 1e-4
    scale_of: str = "rig"
    pair: tuple[int, int] | None = None

    def firmer(self, repeats: float) -> CameraUncertainty:
        """For landmarks that say the same `repeats` times over: places are held the firmer against them."""
        part = float(repeats) ** -0.5
        return replace(
            self,
            camera_rotation=self.camera_rotation * part,
            camera_translation=self.camera_translation * part,
        )

    def __post_init__(self) -> None:
        if self.scale_of not in SCALES:
            raise UsageError(
                f"there is no scale of {self.scale_of!r}", fix=f"Choose one of {', '.join(SCALES)}"
            )
        useless = [name for name in (*CAMERA_GROUPS, "scale") if not getattr(self, name) > 0]
        if useless:
            raise UsageError(f"the uncertainty of {', '.join(useless)} has to be positive")


@dataclass(frozen=True)
class FitOptions:
    """Settings of :func:`fitting.fit.fit_performance`.

    Attributes:
        weights: of the terms.
        frozen: names of parameter groups that stay as given (:data:`fitting.parameters.GROUPS`). The
            cameras are frozen unless this says otherwise. A frozen pose holds the head where it is; its
            translation, which is the neck's, then still follows a free identity.
        cameras: how far free cameras may move.
        moving: positions of the cameras that may move, where the others are known; all, if it is None.
        gauge: what holds the world while all cameras may move, a name in
            :data:`fitting.parameters.GAUGES`. "head" is for cameras that are nearly unknown: held to the
            head, they are found in a fraction of the iterations, and the first one ends where it was given.
            With "camera" most cameras end where they were given, as far as there is a majority.
        identity_prior: E_identity, a name in :data:`fitting.identity_prior.PRIORS`. The mixture makes
            heads of its library likelier, by 7.6 nats, and recovers neither these nor others any better.
        robust: kernel on the normalised residual, a name in :data:`fitting.robust.KERNELS`.
        robust_scale: residual in sigmas where it bends.
        systematic: share of a landmark's variance that is the same in every view and frame. Repeated views do
            not average it away, so that E_identity weighs `1 + systematic * views per landmark` times as
            much: without it a long sequence would bend the identity to the detector's habits.
        sigma_floor: pixels added to every sigma in quadrature.
        landmark_spread: metres added to every sigma in quadrature, seen at the head's depth.
        solver: "lm" or "lbfgs"; see :mod:`fitting.solvers.choice`. Both end at the same place.
        max_iterations: iterations of the last stage.
        tolerance: the gate. The fit is done when a Gauss-Newton step would move the unknowns by less than
            this part of their own standard deviation, root mean square.
    """

    weights: FitWeights = field(default_factory=FitWeights)
    frozen: frozenset[str] = frozenset(CAMERA_GROUPS)
    cameras: CameraUncertainty = field(default_factory=CameraUncertainty)
    moving: tuple[int, ...] | None = None
    gauge: str = "camera"
    identity_prior: str = "gaussian"
    robust: str = "geman_mcclure"
    robust_scale: float = 5.0
    systematic: float = 0.07
    sigma_floor: float = 0.5
    landmark_spread: float = 0.001
    solver: str = "lm"
    max_iterations: int = 150
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        check_groups(self.frozen)
        kernel(self.robust)
        check_prior(self.identity_prior)
        if self.solver not in SOLVERS:
            raise UsageError(f"there is no solver {self.solver!r}", fix=f"Known are {', '.join(SOLVERS)}")
        if self.gauge not in GAUGES:
            raise UsageError(f"there is no gauge {self.gauge!r}", fix=f"Choose one of {', '.join(GAUGES)}")
        if self.max_iterations < 1 or not self.tolerance > 0 or not self.robust_scale > 0:
            raise UsageError("a fit needs at least one iteration, a positive tolerance and robust_scale")
        if min(self.sigma_floor, self.landmark_spread, self.systematic) < 0:
            raise UsageError("sigma_floor, landmark_spread and systematic cannot be negative")

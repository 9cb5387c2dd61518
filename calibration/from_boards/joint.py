"""Lenses, cameras and boards refined together, in turn with the decision of which images may take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, LENS_SIZE, State
from calibration.from_boards.adjustment.bundle import Adjusted, Options, adjust
from calibration.from_boards.adjustment.poses import Sightings, board_ids, place_boards
from calibration.from_boards.adjustment.shape_prior import ShapePrior
from calibration.from_boards.lenses.lens_models import freed, lens_prior
from calibration.from_boards.placing.agreement import UnfitCamerasError, amid_disagreement
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.placing.sync import Disagreement, disagreements, find_agreeing

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROUNDS = 12
# A board is refined of itself where that lowers the noise to this much.
_SHAPE_GAIN = 0.9
# Standard deviation, as a share of the focal length, at which a calibration is no calibration.
_FOCAL_UNSURE = 0.03
# Before it is known who agrees, images have a say with this many pixels of patience.
_PATIENCE_PX = 3.0


@dataclass(frozen=True)
class JointFit:
    """The refined rig; M images.

    Attributes:
        state: lenses and poses, the reference camera at the identity.
        points: (N, 3) the board's points in metres, as they were refined or given.
        covariance: (C, CAMERA_SIZE, CAMERA_SIZE) of lens, rotation and translation; 0 where held.
        point_deviations: (N, 3) metres; 0 where held.
        sightings: the images.
        agreeing: (M,) whether the image agrees with the others of its frame.
        shared: (M,) whether another agreeing image shares its frame.
        rms: (M,) RMS of its corners in pixels.
        disagreements: the images that do not agree.
    """

    state: State
    points: Array
    covariance: Array
    point_deviations: Array
    sightings: Sightings
    agreeing: Bools
    shared: Bools
    rms: Array
    disagreements: list[Disagreement]


def fit_jointly(
    lineup: Lineup,
    state: State,
    sightings: Sightings,
    trusted: Bools,
    shapes: Sequence[ShapePrior] = (),
    *,
    insist: bool = True,
) -> JointFit:
    """Alternate between refining everything and finding the images that agree, until those stay the same.

    Args:
        lineup: the cameras and the board.
        state: where to start, with all cameras placed.
        sightings: M images.
        trusted: (M,) which of them may show the board where the others see it, to begin with.
        shapes: what is believed of the board's points, if they are to be refined, the stricter belief first.
        insist: whether the board is refined in any case, or only as far as the corners clearly ask for it.

    Raises:
        UnfitCamerasError: if too few frames agree on where cameras stand, or the images do not determine
            their focal lengths.
    """
    fit = _Fit(lineup, sightings)
    current = fit.settled(state, trusted)
    current, agreeing = fit.agreed(current, trusted, None)
    shape = None
    for belief in shapes:
        found = current.adjusted
        if not insist and found.noise_with(belief) > _SHAPE_GAIN * found.noise_px:
            continue
        shape = belief
        current = fit.refined(current, agreeing, current.free, shape)
        current, agreeing = fit.agreed(current, agreeing, shape)
    fit.require_sure(current)
    found = current.adjusted
    return JointFit(
        found.state,
        found.points,
        found.uncertainty.cameras,
        found.uncertainty.points,
        sightings,
        agreeing,
        fit.shared(agreeing),
        found.rms,
        disagreements(found.state, sightings, found.points, agreeing),
    )


@dataclass(frozen=True)
class _Current:
    """An adjustment, what it was free to change, and the RMS in pixels of its typical shared image."""

    adjusted: Adjusted
    free: Bools
    typical: float


@dataclass(frozen=True)
class _Fit:
    lineup: Lineup
    sightings: Sightings

    def free(self) -> Bools:
        """(C, CAMERA_SIZE) all may change but the reference camera's pose, which is the gauge."""
        free = np.ones((len(self.lineup), CAMERA_SIZE), dtype=bool)
        free[:, :LENS_SIZE] = [freed(fit.model) for fit in self.lineup.lenses]
        free[self.lineup.reference, LENS_SIZE:] = False
        return free

    def boards(self, agreeing: Bools) -> Ints:
        """Ids of board poses (M,): one for the agreeing images of a frame, one for each other image."""
        return board_ids(self.sightings, agreeing)

    def shared(self, agreeing: Bools) -> Bools:
        """Which images (M,) share their board pose with another one."""
        ids = self.boards(agreeing)
        return np.asarray(np.bincount(ids)[ids] > 1)

    def typical(self, rms: Array, agreeing: Bools) -> float:
        """RMS in pixels of the typical image of a shared frame, or of any image if none is shared."""
        shared = self.shared(agreeing)
        return float(np.median(rms[shared] if shared.any() else rms))

    def settled(self, state: State, agreeing: Bools) -> _Current:
        """The poses brought to what those images say together, with the lenses held."""
        free = self.free()
        poses = free.copy()
        poses[:, :LENS_SIZE] = False
        start = place_boards(state, self.sightings, self.boards(agreeing), self.lineup.points)
        options = Options(robust_px=_PATIENCE_PX, max_iterations=15, tolerance=1e-3)
        adjusted = adjust(start.state, start.images, self.lineup.points, poses, None, options)
        return _Current(adjusted, free, self.typical(adjusted.rms, agreeing))

    def agreed(self, current: _Current, agreeing: Bools, shape: ShapePrior | None) -> tuple[_Current, Bools]:
        """Refined until the images that agree are the same."""
        for _ in range(_ROUNDS):
            before, state = agreeing, current.adjusted.state
            agreeing = find_agreeing(
                state,
                self.sightings,
                current.adjusted.points,
                self.lineup.reference,
                self.lineup.agreement,
                current.typical,
            )
            images = self.sightings
            agreeing = agreeing & ~amid_disagreement(images.camera, images.frame, agreeing)
            self.require_connected(agreeing)
            current = self.refined(current, agreeing, current.free, shape)
            if (agreeing == before).all():
                break
        return current, agreeing

    def refined(
        self,
        current: _Current,
        agreeing: Bools,
        free: Bools,
        shape: ShapePrior | None,
    ) -> _Current:
        before, typical = current.adjusted, current.typical
        start = place_boards(before.state, self.sightings, self.boards(agreeing), before.points)
        prior = lens_prior(self.lineup.sizes, before.state.lens, [fit.model for fit in self.lineup.lenses])
        options = Options(max(1.0, 4 * typical), typical / np.sqrt(2))
        found = adjust(start.state, start.images, before.points, free, prior, options, shape)
        return _Current(found, free, self.typical(found.rms, agreeing))

    def require_connected(self, agreeing: Bools) -> None:
        """Raise an UnfitCamerasError for cameras that hang on too few agreeing frames, or on none."""
        if len(self.lineup) == 1:
            return
        shared, together = self.shared(np.ones_like(agreeing)), self.shared(agreeing)
        reasons: dict[int, CalibrationError] = {}
        for index, name in enumerate(self.lineup.names):
            mine = self.sightings.camera == index
            try:
                self.lineup.agreement.require(name, int((mine & together).sum()), int((mine & shared).sum()))
            except CalibrationError as error:
                reasons[index] = error
        if not reasons:
            reasons = self._apart(together)
        if reasons:
            raise UnfitCamerasError(reasons)

    def _apart(self, together: Bools) -> dict[int, CalibrationError]:
        """The cameras that no chain of agreeing frames ties to the reference."""
        names, sightings = self.lineup.names, self.sightings
        reached = {self.lineup.reference}
        while True:
            inside = np.isin(sightings.camera, list(reached)) & together
            near = together & np.isin(sightings.frame, sightings.frame[inside])
            more = {int(camera) for camera in sightings.camera[near]} - reached
            if not more:
                break
            reached |= more
        return {
            index: CalibrationError(
                f"no frame agrees on where it stands to {names[self.lineup.reference]}",
                where=f"Camera {names[index]}",
                fix="Check that the cameras were in sync and did not move",
            )
            for index in range(len(names))
            if index not in reached
        }

    def require_sure(self, current: _Current) -> None:
        """Raise an UnfitCamerasError for cameras whose focal length could as well be another."""
        found = current.adjusted
        variance = np.einsum("cii->ci", found.uncertainty.cameras)[:, :2]
        unsure = (np.sqrt(variance) / found.state.lens[:, :2]).max(axis=1)
        reasons = {
            index: CalibrationError(
                f"the images leave the focal length unsure by more than {_FOCAL_UNSURE:.0%}",
                where=f"Camera {self.lineup.names[index]}",
                fix="Film the board at different distances and tilted in different directions",
            )
            for index in np.flatnonzero(unsure > _FOCAL_UNSURE).tolist()
        }
        if reasons:
            raise UnfitCamerasError(reasons)

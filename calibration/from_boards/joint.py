"""Lenses, cameras and boards refined together, in turn with the decision of which images may take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.from_boards.board_images import CAMERA_SIZE, LENS_SIZE, State
from calibration.from_boards.bundle import Adjusted, Options, adjust
from calibration.from_boards.consensus import Agreement, require_agreement
from calibration.from_boards.lens_fit import lens_prior
from calibration.from_boards.poses import Sightings, place_boards
from calibration.from_boards.sync import Disagreement, disagreements, find_agreeing

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ROUNDS = 12
_K3 = 8
# k3 is freed where the corners insist: this many standard deviations, and this lower a residual.
_K3_DEVIATIONS = 5.0
_K3_GAIN = 0.97
# Standard deviation, as a share of the focal length, at which a calibration is no calibration.
_FOCAL_UNSURE = 0.03


@dataclass(frozen=True)
class JointFit:
    """The refined rig; M images.

    Attributes:
        state: lenses and poses, the reference camera at the identity.
        deviations: (C, CAMERA_SIZE) standard deviations of lens, rotation and translation; 0 where held.
        sightings: the images.
        agreeing: (M,) whether the image agrees with the others of its frame.
        shared: (M,) whether another agreeing image shares its frame.
        rms: (M,) RMS of its corners in pixels.
        disagreements: the images that do not agree.
    """

    state: State
    deviations: Array
    sightings: Sightings
    agreeing: Bools
    shared: Bools
    rms: Array
    disagreements: list[Disagreement]


def fit_jointly(
    names: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    state: State,
    sightings: Sightings,
    points: Array,
    reference: int,
    agreement: Agreement,
) -> JointFit:
    """Alternate between refining everything and finding the images that agree, until those stay the same.

    Args:
        names: C names, for errors.
        sizes: (width, height) of each camera.
        state: where to start, with all cameras placed.
        sightings: M images.
        points: (N, 3) board points in metres.
        reference: index of the camera that is held.
        agreement: what counts as agreement.

    Raises:
        CalibrationError: if too few frames agree on where a camera stands, or the images do not determine
            a focal length.
    """
    fit = _Fit(names, sizes, sightings, points, reference)
    free = fit.free()
    agreeing = np.ones(len(sightings), dtype=bool)
    typical = fit.typical(place_boards(state, sightings, fit.boards(agreeing), points).rms, agreeing)
    for _ in range(_ROUNDS):
        before = agreeing
        agreeing = find_agreeing(state, sightings, points, reference, agreement, typical)
        fit.require_connected(agreeing, agreement)
        adjusted = fit.adjusted(state, agreeing, free, typical)
        state, typical = adjusted.state, fit.typical(adjusted.rms, agreeing)
        if (agreeing == before).all():
            break
    adjusted = fit.with_k3(adjusted, agreeing, free, typical)
    fit.require_sure(adjusted)
    return JointFit(
        adjusted.state,
        adjusted.deviations.cameras,
        sightings,
        agreeing,
        fit.shared(agreeing),
        adjusted.rms,
        disagreements(adjusted.state, sightings, points, agreeing),
    )


@dataclass(frozen=True)
class _Fit:
    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    sightings: Sightings
    points: Array
    reference: int

    def free(self) -> Bools:
        """All may change (C, 15) but k3 and the reference camera's pose, which is the gauge."""
        free = np.ones((len(self.names), CAMERA_SIZE), dtype=bool)
        free[:, _K3:LENS_SIZE] = False
        free[self.reference, LENS_SIZE:] = False
        return free

    def boards(self, agreeing: Bools) -> Ints:
        """Ids of board poses (M,): one for the agreeing images of a frame, one for each other image."""
        own = np.where(agreeing, -1, self.sightings.camera)
        return np.unique(np.stack((self.sightings.frame, own)), axis=1, return_inverse=True)[1].reshape(-1)

    def shared(self, agreeing: Bools) -> Bools:
        """Which images (M,) share their board pose with another one."""
        ids = self.boards(agreeing)
        return np.asarray(np.bincount(ids)[ids] > 1)

    def typical(self, rms: Array, agreeing: Bools) -> float:
        """RMS in pixels of the typical image of a shared frame, or of any image if none is shared."""
        shared = self.shared(agreeing)
        return float(np.median(rms[shared] if shared.any() else rms))

    def require_connected(self, agreeing: Bools, agreement: Agreement) -> None:
        """Raise a CalibrationError if a camera hangs on too few agreeing frames, or on none."""
        if len(self.names) == 1:
            return
        shared, together = self.shared(np.ones_like(agreeing)), self.shared(agreeing)
        for index, name in enumerate(self.names):
            mine = self.sightings.camera == index
            require_agreement(name, int((mine & together).sum()), int((mine & shared).sum()), agreement)
        reached = {self.reference}
        while len(reached) < len(self.names):
            inside = np.isin(self.sightings.camera, list(reached)) & together
            near = together & np.isin(self.sightings.frame, self.sightings.frame[inside])
            more = {int(camera) for camera in self.sightings.camera[near]} - reached
            if not more:
                apart = [name for index, name in enumerate(self.names) if index not in reached]
                raise CalibrationError(
                    f"no frame agrees on where it stands to {self.names[self.reference]}",
                    where=f"Camera {', '.join(apart)}",
                    fix="Check that the cameras were in sync and did not move",
                )
            reached |= more

    def require_sure(self, adjusted: Adjusted) -> None:
        """Raise a CalibrationError for a camera whose focal length could as well be another."""
        unsure = (adjusted.deviations.cameras[:, :2] / adjusted.state.lens[:, :2]).max(axis=1)
        for name, share in zip(self.names, unsure, strict=True):
            if share > _FOCAL_UNSURE:
                raise CalibrationError(
                    f"the images leave the focal length unsure by more than {_FOCAL_UNSURE:.0%}",
                    where=f"Camera {name}",
                    fix="Film the board at different distances and tilted in different directions",
                )

    def adjusted(self, state: State, agreeing: Bools, free: Bools, typical: float) -> Adjusted:
        start = place_boards(state, self.sightings, self.boards(agreeing), self.points)
        options = Options(robust_px=max(1.0, 4 * typical), noise_px=typical)
        return adjust(
            start.state, start.images, self.points, free, lens_prior(self.sizes, state.lens), options
        )

    def with_k3(self, adjusted: Adjusted, agreeing: Bools, free: Bools, typical: float) -> Adjusted:
        """The same with k3 free for the cameras whose corners insist on it; unchanged if none do."""
        free = free.copy()
        free[:, _K3] = True
        freed = self.adjusted(adjusted.state, agreeing, free, typical)
        sure = np.abs(freed.state.lens[:, _K3]) > _K3_DEVIATIONS * freed.deviations.cameras[:, _K3]
        for index in range(len(self.names)):
            mine = self.sightings.camera == index
            gain = np.sqrt((freed.rms[mine] ** 2).mean() / (adjusted.rms[mine] ** 2).mean())
            free[index, _K3] = sure[index] and gain < _K3_GAIN
        return self.adjusted(adjusted.state, agreeing, free, typical) if free[:, _K3].any() else adjusted

"""One more camera, placed by the frames that it shares with those that stand already."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import (
    CAMERA_SIZE,
    LENS_SIZE,
    Images,
    State,
    image_rms,
    residuals,
)
from calibration.from_boards.adjustment.bundle import Options, adjust
from calibration.from_boards.adjustment.poses import Sightings, place_boards
from calibration.from_boards.placing.agreement import frame_ids, worst_by
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.placing.proposals import Proposals

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# So many frames place a camera, each with so many images of the cameras that stand; the joint fit uses all.
_MAX_FRAMES = 40
_MAX_PARTNERS = 3
_ROUNDS = 6
# Frames that fit by this many times less than they should may still be right: a chain of cameras bends.
_PATIENCE = 3.0
_REFINE = Options(max_iterations=12, tolerance=1e-4)


@dataclass(frozen=True)
class Newcomer:
    """One camera that is to be placed; M images.

    Attributes:
        lineup: the cameras and the board.
        state: the cameras that stand.
        sightings: all images.
        trusted: (M,) images of the cameras that stand, and agree.
        camera: index of the one that is to be placed.
    """

    lineup: Lineup
    state: State
    sightings: Sightings
    trusted: Bools
    camera: int

    def placed(self) -> tuple[State, Sightings, Bools]:
        """The state with this camera in place, the sightings with its corners listed as the others list them,
        and its images (M,) that may well show the board where the others see it, or are alone.

        Raises:
            CalibrationError: if too few frames agree on where it stands.
        """
        frames = self._shared_frames()
        some = frames[np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _MAX_FRAMES)).astype(int))]
        state, typical = self._found(some)
        turned = self._aligned(state, frames)
        rms, own, ids = turned._group_fit(state, frames)
        worst = worst_by(ids, rms / self.lineup.agreement.limits(typical, own))
        fits = worst <= 1
        self.lineup.agreement.require(self.lineup.names[self.camera], int(fits.sum()), len(frames))
        contradicted = np.isin(self.sightings.frame, frames[worst > _PATIENCE])
        return state, turned.sightings, (self.sightings.camera == self.camera) & ~contradicted

    def _shared_frames(self) -> Ints:
        mine = self.sightings.frame[self.sightings.camera == self.camera]
        return np.intersect1d(mine, self.sightings.frame[self.trusted])

    def _found(self, frames: Ints) -> tuple[State, float]:
        """The state with this camera where most of the frames see it, and the typical RMS of these."""
        state = self._proposed(frames)
        turned = self._aligned(state, frames)
        rms, _, ids = turned._group_fit(state, frames)
        # Begin with the better part of the frames.
        worst = worst_by(ids, rms)
        agreeing = worst <= np.quantile(worst, 0.5)
        for _ in range(_ROUNDS):
            state = turned._refined(state, frames[agreeing])
            turned = turned._aligned(state, frames)
            rms, own, ids = turned._group_fit(state, frames)
            typical = float(np.median(rms[agreeing[ids]]))
            now = worst_by(ids, rms / self.lineup.agreement.limits(typical, own)) <= 1
            if (now == agreeing).all() or not now.any():
                break
            agreeing = now
        return state, typical

    def _partners(self, frames: Ints) -> Ints:
        """Positions of some trusted images of the frames, spread over the cameras that stand."""
        known = np.flatnonzero(self.trusted & np.isin(self.sightings.frame, frames))
        known = known[np.argsort(self.sightings.frame[known], kind="stable")]
        ids = frame_ids(self.sightings.frame[known])
        count = np.bincount(ids)
        rank = np.arange(len(known)) - np.concatenate(([0], np.cumsum(count)[:-1]))[ids]
        share = rank * _MAX_PARTNERS // np.maximum(count[ids], _MAX_PARTNERS)
        first = np.concatenate(([True], (np.diff(share) != 0) | (np.diff(ids) != 0)))
        return known[first | (count[ids] <= _MAX_PARTNERS)]

    def _boards(self, state: State, frames: Ints) -> State:
        """The boards of the frames, in their order, as the cameras that stand see them."""
        known = self.sightings.take(self._partners(frames))
        return place_boards(state, known, frame_ids(known.frame), self.lineup.points).state

    def _mine(self, frames: Ints) -> Sightings:
        """This camera's images of the frames, in their order."""
        mine = self.sightings.take(
            (self.sightings.camera == self.camera) & np.isin(self.sightings.frame, frames)
        )
        return mine.take(np.argsort(mine.frame))

    def _proposed(self, frames: Ints) -> State:
        """The state with this camera where the frames have it that agree best."""
        boards = self._boards(self.state, frames)
        proposals = Proposals(
            self.state.lens[self.camera],
            bool(self.state.fisheye[self.camera]),
            boards.board_rotation,
            boards.board_translation,
            self._mine(frames),
            self.lineup.points,
            self.lineup.turned,
        )
        return self._with_pose(*proposals.best())

    def _with_pose(self, R: Array, t: Array) -> State:
        rotation, translation = self.state.camera_rotation.copy(), self.state.camera_translation.copy()
        rotation[self.camera], translation[self.camera] = R, t
        return replace(self.state, camera_rotation=rotation, camera_translation=translation)

    def _errors(self, proposed: State, boards: State, mine: Sightings) -> Array:
        """RMS in pixels (1 or 2, F) of the board of the others in this camera; row 1 for it turned."""
        state = replace(
            proposed, board_rotation=boards.board_rotation, board_translation=boards.board_translation
        )
        ids = np.arange(len(mine))
        order = self.lineup.turned
        ways = [mine.pixels] if order is None else [mine.pixels, mine.pixels[:, order]]
        return np.stack(
            [
                image_rms(residuals(state, Images(mine.camera, ids, pixels), self.lineup.points))
                for pixels in ways
            ]
        )

    def _aligned(self, state: State, frames: Ints) -> Newcomer:
        """With this camera's corners listed from the same end as the others list them."""
        if self.lineup.turned is None:
            return self
        errors = self._errors(state, self._boards(state, frames), self._mine(frames))
        turned = frames[errors[1] < errors[0]]
        backwards = (self.sightings.camera == self.camera) & np.isin(self.sightings.frame, turned)
        return replace(self, sightings=self.sightings.turned(backwards, self.lineup.turned))

    def _group(self, frames: Ints) -> Sightings:
        return Sightings.joined([self.sightings.take(self._partners(frames)), self._mine(frames)])

    def _group_fit(self, state: State, frames: Ints) -> tuple[Array, Array, Ints]:
        """All m images of the frames: RMS (m,) if one board is to explain a frame, RMS (m,) for poses of
        their own, and their frames' ids (m,).
        """
        group = self._group(frames)
        ids = frame_ids(group.frame)
        return place_boards(state, group, ids, self.lineup.points).rms, group.rms, ids

    def _refined(self, state: State, frames: Ints) -> State:
        """The camera's pose adjusted with the boards of some frames; all else is held."""
        group = self._group(frames)
        start = place_boards(state, group, frame_ids(group.frame), self.lineup.points)
        free = np.zeros((len(self.lineup), CAMERA_SIZE), dtype=bool)
        free[self.camera, LENS_SIZE:] = True
        fitted = adjust(start.state, start.images, self.lineup.points, free, None, _REFINE).state
        return self._with_pose(fitted.camera_rotation[self.camera], fitted.camera_translation[self.camera])

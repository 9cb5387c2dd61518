"""Where the cameras stand to each other, by what most of the shared frames say.

Cameras are placed one after another, each by the frames that it shares with those that stand already. Each
such frame proposes a pose; the proposal that most frames agree with wins, and is refined with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.from_boards.board_images import CAMERA_SIZE, LENS_SIZE, Images, State, image_rms, residuals
from calibration.from_boards.bundle import adjust
from calibration.from_boards.poses import HALF_TURN, Sightings, place_boards

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MAX_PROPOSALS = 60
_ROUNDS = 6
# A proposal from one frame is rough: it is off by some pixels in other frames, as a share of the image.
_ROUGH_SHARE = 0.01


@dataclass(frozen=True)
class Agreement:
    """What counts as agreement between the images of a frame: one board pose explains them all.

    Attributes:
        floor_px: RMS in pixels that is always good enough.
        factor: how many times worse than the typical image of a frame that agrees an image may be.
        own_factor: how many times worse than for a pose of its own an image may be (a blurred image is
            worse in any case).
        trust: how many times worse than for poses of their own the typical images may be: a rig whose
            frames all contradict each other is not to pass for one with a large residual.
        frames: the fewest agreeing frames that place a camera.
    """

    floor_px: float = 0.2
    factor: float = 2.0
    own_factor: float = 2.0
    trust: float = 10.0
    frames: int = 3

    def limits(self, typical_px: float, own: Array) -> Array:
        """The RMS in pixels (M,) beyond which images disagree.

        Args:
            typical_px: RMS of a typical image of a frame that agrees.
            own: (M,) RMS of the images for poses of their own.
        """
        typical_px = min(typical_px, self.trust * float(np.median(own)))
        return np.maximum(max(self.floor_px, self.factor * typical_px), self.own_factor * own)


def frame_ids(frame: Ints) -> Ints:
    """Ids from 0 without gaps for frame numbers (M,)."""
    return np.unique(frame, return_inverse=True)[1].astype(np.int64)


def worst_by(ids: Ints, values: Array) -> Array:
    """The largest of the positive values (M,) of each id."""
    worst = np.zeros(int(ids.max(initial=-1)) + 1)
    np.maximum.at(worst, ids, values)
    return worst


def place_cameras(
    names: Sequence[str],
    lenses: Array,
    fisheye: Bools,
    sightings: Sightings,
    points: Array,
    turned: Ints | None,
    reference: int,
    agreement: Agreement,
) -> tuple[State, Sightings]:
    """Poses of all cameras with the reference camera at the origin of the world.

    Args:
        names: C names, for errors.
        lenses: (C, LENS_SIZE) fx fy cx cy, coefficients.
        fisheye: (C,) which lenses are fisheyes.
        sightings: M images; where a board may be listed from either end, cameras need not agree.
        points: (N, 3) board points in metres.
        turned: the order (N,) of the points on the turned board, if it looks the same.
        reference: index of the camera that is held.
        agreement: what counts as agreement.

    Returns:
        The state, without boards, and the sightings with the corners of each frame listed from one end.

    Raises:
        CalibrationError: if a camera shares no frames with the others, or too few that agree.
    """
    count = len(lenses)
    state = State(
        lenses,
        fisheye,
        np.tile(np.eye(3), (count, 1, 1)),
        np.zeros((count, 3)),
        np.zeros((0, 3, 3)),
        np.zeros((0, 3)),
    )
    placed = [reference]
    while len(placed) < count:
        shared = _shared_frames(sightings, placed, count)
        camera = int(np.argmax([len(frames) for frames in shared]))
        if not len(shared[camera]):
            raise _unconnected(names, placed)
        state, sightings = _Placing(
            state, sightings, points, turned, placed, camera, shared[camera], agreement
        ).place(names)
        placed.append(camera)
    return state, sightings


def _shared_frames(sightings: Sightings, placed: Sequence[int], count: int) -> list[Ints]:
    """For each camera, the frames that it shares with those placed; none for the placed themselves."""
    known = sightings.frame[np.isin(sightings.camera, placed)]
    empty = np.zeros(0, dtype=np.int64)
    return [
        empty if camera in placed else np.intersect1d(sightings.frame[sightings.camera == camera], known)
        for camera in range(count)
    ]


def require_agreement(name: str, agreeing: int, shared: int, agreement: Agreement) -> None:
    """Raise a CalibrationError if too few shared frames agree on where a camera stands."""
    if shared < agreement.frames:
        raise CalibrationError(
            f"the board was seen together with other cameras in {shared} frames, "
            f"at least {agreement.frames} are needed",
            where=f"Camera {name}",
            fix="Film the board where several cameras see it at once",
        )
    if agreeing < agreement.frames:
        raise CalibrationError(
            f"{agreeing} of {shared} frames shared with other cameras agree on where it stands, "
            f"at least {agreement.frames} are needed",
            where=f"Camera {name}",
            fix="Check that the cameras were in sync and did not move",
        )


def _unconnected(names: Sequence[str], placed: Sequence[int]) -> CalibrationError:
    alone = [name for index, name in enumerate(names) if index not in placed]
    others = ", ".join(names[index] for index in placed)
    return CalibrationError(
        f"in no frame is the board seen both by {' or '.join(alone)} and by {others}",
        where=f"Camera {alone[0]}" if len(alone) == 1 else f"Cameras {', '.join(alone)}",
        fix="Film the board where it is seen by both",
    )


@dataclass(frozen=True)
class _Placing:
    """One camera, to be placed by the frames that it shares with those placed already."""

    state: State
    sightings: Sightings
    points: Array
    turned: Ints | None
    placed: list[int]
    camera: int
    frames: Ints
    agreement: Agreement

    def place(self, names: Sequence[str]) -> tuple[State, Sightings]:
        """The state with this camera in place, and the sightings with its corners listed as the others do."""
        state = self._proposed()
        sightings = self._aligned(state)
        rms, _, ids = self._group_fit(state, sightings)
        # Proposals are rough: begin with the better part of the frames.
        worst = worst_by(ids, rms)
        agreeing = worst <= 2 * np.quantile(worst, 0.4)
        for _ in range(_ROUNDS):
            state = self._refined(state, sightings, self.frames[agreeing])
            sightings = self._aligned(state)
            rms, own, ids = self._group_fit(state, sightings)
            limits = self.agreement.limits(float(np.median(rms[agreeing[ids]])), own)
            now = worst_by(ids, rms / limits) <= 1
            if (now == agreeing).all() or not now.any():
                break
            agreeing = now
        require_agreement(names[self.camera], int(agreeing.sum()), len(self.frames), self.agreement)
        return state, sightings

    def _at(self, sightings: Sightings, frames: Ints, cameras: Sequence[int]) -> Sightings:
        return sightings.take(np.isin(sightings.frame, frames) & np.isin(sightings.camera, cameras))

    def _proposed(self) -> State:
        """The proposal, a shared frame each and both ends of the board, that most frames agree with."""
        known = self._at(self.sightings, self.frames, self.placed)
        boards = place_boards(self.state, known, frame_ids(known.frame), self.points).state
        mine = self._mine(self.sightings)
        chosen = np.unique(np.linspace(0, len(mine) - 1, min(len(mine), _MAX_PROPOSALS)).astype(int))
        turns = [np.eye(3)] if self.turned is None else [np.eye(3), HALF_TURN]
        proposals = [self._proposal(boards, mine, index, turn) for index in chosen for turn in turns]
        errors = np.stack([self._errors(p, boards, mine).min(axis=0) for p in proposals])
        span = float(
            np.max(
                np.nanmax(self.sightings.pixels, axis=(0, 1)) - np.nanmin(self.sightings.pixels, axis=(0, 1))
            )
        )
        cap = max(4.0, _ROUGH_SHARE * span)
        return proposals[int(np.minimum(errors, cap).sum(axis=1).argmin())]

    def _mine(self, sightings: Sightings) -> Sightings:
        """This camera's images of the shared frames, in the order of the frames."""
        mine = self._at(sightings, self.frames, [self.camera])
        return mine.take(np.argsort(mine.frame))

    def _proposal(self, boards: State, mine: Sightings, index: int, turn: Array) -> State:
        R = mine.R[index] @ turn @ boards.board_rotation[index].T
        return self._with_pose(R, mine.t[index] - R @ boards.board_translation[index])

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
        ways = [mine.pixels] if self.turned is None else [mine.pixels, mine.pixels[:, self.turned]]
        rows = [Images(mine.camera, ids, pixels) for pixels in ways]
        return np.stack([image_rms(residuals(state, images, self.points)) for images in rows])

    def _aligned(self, state: State) -> Sightings:
        """The sightings with this camera's corners listed from the same end as the others list them."""
        if self.turned is None:
            return self.sightings
        known = self._at(self.sightings, self.frames, self.placed)
        boards = place_boards(state, known, frame_ids(known.frame), self.points).state
        errors = self._errors(state, boards, self._mine(self.sightings))
        listed = self.frames[errors[1] < errors[0]]
        backwards = (self.sightings.camera == self.camera) & np.isin(self.sightings.frame, listed)
        return self.sightings.turned(backwards, self.turned)

    def _group_fit(self, state: State, sightings: Sightings) -> tuple[Array, Array, Ints]:
        """All m images of the shared frames: RMS (m,) if one board is to explain a frame, RMS (m,) for poses
        of their own, and their frames' ids (m,).
        """
        group = self._at(sightings, self.frames, [*self.placed, self.camera])
        ids = frame_ids(group.frame)
        return place_boards(state, group, ids, self.points).rms, group.rms, ids

    def _refined(self, state: State, sightings: Sightings, frames: Ints) -> State:
        """The camera's pose adjusted with the boards of some frames; all else is held."""
        group = self._at(sightings, frames, [*self.placed, self.camera])
        start = place_boards(state, group, frame_ids(group.frame), self.points)
        free = np.zeros((len(state.lens), CAMERA_SIZE), dtype=bool)
        free[self.camera, LENS_SIZE:] = True
        fitted = adjust(start.state, start.images, self.points, free).state
        return self._with_pose(fitted.camera_rotation[self.camera], fitted.camera_translation[self.camera])

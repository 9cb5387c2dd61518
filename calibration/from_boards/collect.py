"""The result of a board calibration, put together from what each step found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board
from calibration.camera import Camera, Rig
from calibration.errors import CalibrationError
from calibration.from_boards.adjustment.board_images import LENS_SIZE
from calibration.from_boards.adjustment.poses import MINIMUM_CORNERS
from calibration.from_boards.joint import JointFit
from calibration.from_boards.lenses.lens_fit import LensFit
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.placing.sync import Disagreement
from calibration.from_boards.result import BoardCalibration, Deviations, Rejection, ViewCounts
from calibration.from_boards.seen import Found, Seen

Array = NDArray[np.float64]

# The reference camera looks along -Z of a world that is Y up, so that an actor facing it faces +Z.
_REFERENCE_R = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Findings:
    """All that was found out.

    Attributes:
        board: what was looked for.
        found: corners in the images that cameras share, of all cameras.
        lens_found: corners in the images for the lens alone.
        seen: the same as arrays, of all cameras.
        lenses: of the cameras whose lens was determined, by name.
        lineup: the cameras that were placed.
        joint: the fit of these.
        left_out: why the others are missing.
        late: by how many frames cameras are late; all frame numbers here are right already.
    """

    board: Board
    found: Found
    lens_found: Found
    seen: Sequence[Seen]
    lenses: Mapping[str, LensFit]
    lineup: Lineup
    joint: JointFit
    left_out: Mapping[str, CalibrationError]
    late: Mapping[str, float] = field(default_factory=dict)

    def result(self) -> BoardCalibration:
        """The findings in the words of the caller."""
        names = self.lineup.names
        residual_px = {name: self._residual(index) for index, name in enumerate(names)}
        counts = {one.name: self._counts(one) for one in self.seen}
        images = sum(counts[name].found for name in names)
        source = f"board of {self.board}, {images} images"
        rig = Rig(
            tuple(self._camera(index) for index in range(len(names))), source, residual_px, self._notes()
        )
        return BoardCalibration(
            rig,
            self.board,
            residual_px,
            (*self._poor(), *self._unfit(), *(self._rejection(one) for one in self.joint.disagreements)),
            counts,
            {name: self._deviations(index) for index, name in enumerate(names)},
            {one.name: self._used(one.name) for one in self.seen},
            _without_missing(self.found),
            _without_missing(self.lens_found),
            names[self.lineup.reference],
            self.joint,
            self.left_out,
            self.late,
        )

    def _camera(self, index: int) -> Camera:
        state, name = self.joint.state, self.lineup.names[index]
        fx, fy, cx, cy = state.lens[index, :4]
        return Camera(
            name,
            *self.lineup.sizes[index],
            np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
            state.lens[index, 4:],
            # The fit holds the reference camera at the identity; the world is its axes, turned Y up.
            state.camera_rotation[index] @ _REFERENCE_R,
            state.camera_translation[index],
            bool(state.fisheye[index]),
        )

    def _of_camera(self, index: int) -> NDArray[np.bool_]:
        return np.asarray((self.joint.sightings.camera == index) & self.joint.agreeing)

    def _residual(self, index: int) -> float:
        return float(np.sqrt((self.joint.rms[self._of_camera(index)] ** 2).mean()))

    def _used(self, name: str) -> tuple[int, ...]:
        if name in self.left_out:
            return ()
        mine = self._of_camera(list(self.lineup.names).index(name)) & self.joint.shared
        return tuple(int(frame) for frame in self.joint.sightings.frame[mine])

    def _counts(self, one: Seen) -> ViewCounts:
        fit = self.lenses.get(one.name)
        kept = 0 if fit is None else int(fit.kept.sum())
        return ViewCounts(sum(one.images), one.missing, kept, len(self._used(one.name)), one.lens_missing)

    def _deviations(self, index: int) -> Deviations:
        covariance = self.joint.covariance[index]
        state = self.joint.state
        R, t = state.camera_rotation[index], state.camera_translation[index]
        # The centre -R' t, for a camera that turns by w and shifts by s, moves by R' (w x t - s).
        moves = _REFERENCE_R @ R.T @ np.concatenate((np.cross(np.eye(3), t).T, -np.eye(3)), axis=1)
        position = moves @ covariance[LENS_SIZE:, LENS_SIZE:] @ moves.T
        row = np.sqrt(np.diag(covariance))
        return Deviations(
            row[:2],
            row[2:4],
            row[4:LENS_SIZE],
            row[LENS_SIZE : LENS_SIZE + 3],
            np.sqrt(np.maximum(np.diag(position), 0.0)),
        )

    def _poor(self) -> list[Rejection]:
        """Images in which too few corners were seen."""
        return [
            Rejection(
                one.name,
                frame,
                f"only {count} corners were seen; {MINIMUM_CORNERS} are needed, and not in line",
                lens=False,
                of_lens=of_lens,
            )
            for one in self.seen
            for frame, count, of_lens in one.poor
        ]

    def _unfit(self) -> list[Rejection]:
        """Images whose corners do not fit their own camera's lens."""
        return [
            Rejection(
                one.name,
                int(one.frames[index]),
                f"the corners do not fit the lens: off by {self.lenses[one.name].rms[index]:.1f} px",
                lens=False,
                of_lens=bool(one.of_lens[index]),
            )
            for one in self.seen
            if one.name in self.lenses
            for index in np.flatnonzero(~self.lenses[one.name].kept)
        ]

    def _rejection(self, one: Disagreement) -> Rejection:
        reason = "amid images that are out of sync, with no other camera to say where the board was"
        if one.others:
            others = ", ".join(self.lineup.names[other] for other in one.others)
            off = f"{one.off_px:.1f} px ({one.off_metres * 1000:.1f} mm)"
            reason = f"out of sync with {others}: board off by {off}"
        return Rejection(self.lineup.names[one.camera], one.frame, reason, lens=True)

    def _notes(self) -> tuple[str, ...]:
        """A sentence for each camera that is missing or lost frames, and for a board that was refined."""
        notes = [f"{name} is left out: {error.what}" for name, error in self.left_out.items()]
        for index, name in enumerate(self.lineup.names):
            frames = [one.frame for one in self.joint.disagreements if one.camera == index]
            if frames:
                total = len(frames) + len(self._used(name))
                notes.append(
                    f"{name} was out of sync in {len(frames)} of {total} shared frames, "
                    f"between {min(frames)} and {max(frames)}; they served its lens only"
                )
        off = np.linalg.norm(self.joint.points - self.lineup.points, axis=-1) * 1000
        if off.any():
            notes.append(
                f"the board's points are off by {np.sqrt((off**2).mean()):.2f} mm RMS, "
                f"at most {off.max():.2f} mm, which is allowed for"
            )
        return tuple(notes)


def _without_missing(found: Found) -> dict[str, dict[int, Array]]:
    return {
        name: {frame: corners for frame, corners in frames.items() if corners is not None}
        for name, frames in found.items()
    }

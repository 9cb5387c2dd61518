"""Calibration of a rig from images of a checkerboard: lenses, poses, and which images do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.boards.board import Board
from calibration.boards.detection import Progress, View, detect_all
from calibration.camera import Camera, Rig
from calibration.errors import CalibrationError, UsageError
from calibration.from_boards.board_images import LENS_SIZE
from calibration.from_boards.consensus import Agreement, place_cameras
from calibration.from_boards.joint import JointFit, fit_jointly
from calibration.from_boards.lens_fit import LensFit, fit_lens
from calibration.from_boards.poses import Sightings
from calibration.from_boards.sync import Disagreement

Array = NDArray[np.float64]

# The reference camera looks along -Z of a world that is Y up, so that an actor facing it faces +Z.
_REFERENCE_R = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class BoardOptions:
    """What board images must satisfy.

    Attributes:
        minimum_images: the fewest images of the board that determine a lens.
        lens_floor_px: RMS in pixels below which an image never counts as unfit for a lens.
        agreement: when cameras agree about a frame.
        workers: threads that look for the board; all cores by default.
    """

    minimum_images: int = 5
    lens_floor_px: float = 0.5
    agreement: Agreement = field(default_factory=Agreement)
    workers: int | None = None


@dataclass(frozen=True)
class Rejection:
    """An image that was found but not trusted, and why; `lens` if it still determined its camera's lens."""

    camera: str
    frame: int
    reason: str
    lens: bool


@dataclass(frozen=True)
class ViewCounts:
    """What became of one camera's images.

    Attributes:
        images: how many were given.
        missing: the frames in which the board was not found.
        lens: how many determined the lens.
        poses: how many determined where the camera stands to the others.
    """

    images: int
    missing: tuple[int, ...]
    lens: int
    poses: int

    @property
    def found(self) -> int:
        """In how many images the board was found."""
        return self.images - len(self.missing)


@dataclass(frozen=True)
class Deviations:
    """Standard deviations: focal (2,), principal point (2,) in px, distortion (8,), translation (3,) in m."""

    focal: Array
    principal: Array
    distortion: Array
    translation: Array


@dataclass(frozen=True, eq=False)
class BoardCalibration:
    """A calibrated rig and the evidence for it.

    Attributes:
        rig: the cameras; the reference camera is at the origin of a right-handed world with Y up along its
            image and Z towards the back of the camera.
        board: the board.
        residual_px: RMS reprojection error in pixels by camera, over the images that agree.
        rejected: the images that were found but not trusted, and why.
        counts: what became of the images, by camera.
        deviations: how sure the numbers are, by camera.
        used: frames that determined the poses, by camera.
        detections: corners (N, 2) in pixels by camera and frame, where the board was found.
        reference: name of the reference camera.
        joint: the fit behind it, cameras in the order of the rig: each image's residual, each board's pose.
    """

    rig: Rig
    board: Board
    residual_px: Mapping[str, float]
    rejected: tuple[Rejection, ...]
    counts: Mapping[str, ViewCounts]
    deviations: Mapping[str, Deviations]
    used: Mapping[str, tuple[int, ...]]
    detections: Mapping[str, Mapping[int, Array]]
    reference: str
    joint: JointFit


def calibrate_board(
    images: Mapping[str, Mapping[int, View]],
    sizes: Mapping[str, tuple[int, int]],
    board: Board,
    *,
    reference: str | None = None,
    options: BoardOptions | None = None,
    progress: Progress | None = None,
) -> BoardCalibration:
    """Calibrate a rig from images of a board.

    Each lens is first fitted on its own; the cameras are then placed by what most shared frames say; last,
    lenses, cameras and boards are refined together. An image in which the board is not where the other
    cameras of the frame see it has no say about poses, but keeps its say about its own lens.

    Args:
        images: by camera name and frame number, grey images, functions that load them, or corners.
        sizes: (width, height) in pixels by camera name.
        board: the board.
        reference: the camera at the origin of the world; the first by default.
        options: what the images must satisfy.
        progress: told (done, total, what) as work goes on.

    Raises:
        CalibrationError: naming the camera that the images do not determine.
        InputError: if images and sizes do not fit together.
        UsageError: if the reference camera is unknown.
    """
    options = options or BoardOptions()
    names = list(images)
    if not names:
        raise UsageError("there are no cameras to calibrate")
    if reference is not None and reference not in names:
        raise UsageError(
            f"the reference camera {reference!r} is unknown", fix=f"Name one of: {', '.join(names)}"
        )
    held = names.index(reference) if reference is not None else 0
    found = detect_all(images, sizes, board, workers=options.workers, progress=progress)
    detections = {name: {f: c for f, c in found[name].items() if c is not None} for name in names}
    lenses = [_lens(name, sizes[name], detections[name], len(found[name]), board, options) for name in names]
    sightings = _sightings(detections, lenses)
    start = np.array([fit.lens for fit in lenses])
    fisheye = np.array([fit.fisheye for fit in lenses])
    state, sightings = place_cameras(
        names, start, fisheye, sightings, board.points, board.turned, held, options.agreement
    )
    joint = fit_jointly(
        names, [sizes[name] for name in names], state, sightings, board.points, held, options.agreement
    )
    return _Result(names, sizes, board, found, lenses, joint, held).collected()


def _lens(
    name: str,
    size: tuple[int, int],
    corners: Mapping[int, Array],
    images: int,
    board: Board,
    options: BoardOptions,
) -> LensFit:
    if len(corners) < options.minimum_images:
        raise CalibrationError(
            f"the board was found in {len(corners)} of {images} images, "
            f"at least {options.minimum_images} are needed",
            where=f"Camera {name}",
            fix=f"Check that the board has {board}, or film it again",
        )
    pixels = np.stack(list(corners.values()))
    return fit_lens(
        name,
        size,
        pixels,
        board.points,
        minimum=options.minimum_images,
        floor_px=options.lens_floor_px,
    )


def _sightings(detections: Mapping[str, Mapping[int, Array]], lenses: list[LensFit]) -> Sightings:
    """The images that fit their lens, of all cameras."""
    parts = []
    for index, (corners, fit) in enumerate(zip(detections.values(), lenses, strict=True)):
        camera = np.full(len(corners), index, dtype=np.int64)
        frame = np.array(list(corners), dtype=np.int64)
        pixels = np.stack(list(corners.values()))
        parts.append(Sightings(camera, frame, pixels, fit.R, fit.t, fit.rms).take(fit.kept))
    return Sightings.joined(parts)


@dataclass(frozen=True)
class _Result:
    """All that was found out, to be put in the words of the caller."""

    names: list[str]
    sizes: Mapping[str, tuple[int, int]]
    board: Board
    found: Mapping[str, Mapping[int, Array | None]]
    lenses: list[LensFit]
    joint: JointFit
    reference: int

    def collected(self) -> BoardCalibration:
        residual_px = {name: self._residual(index) for index, name in enumerate(self.names)}
        counts = {name: self._counts(index) for index, name in enumerate(self.names)}
        images = sum(count.found for count in counts.values())
        source = f"board of {self.board}, {images} images"
        cameras = tuple(self._camera(index) for index in range(len(self.names)))
        rig = Rig(cameras, source, residual_px, self._notes())
        detections = {
            name: {frame: corners for frame, corners in frames.items() if corners is not None}
            for name, frames in self.found.items()
        }
        return BoardCalibration(
            rig,
            self.board,
            residual_px,
            (*self._unfit(), *(self._rejection(one) for one in self.joint.disagreements)),
            counts,
            {name: self._deviations(index) for index, name in enumerate(self.names)},
            {name: self._used(index) for index, name in enumerate(self.names)},
            detections,
            self.names[self.reference],
            self.joint,
        )

    def _camera(self, index: int) -> Camera:
        state, name = self.joint.state, self.names[index]
        fx, fy, cx, cy = state.lens[index, :4]
        K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        # The fit holds the reference camera at the identity; the world is that camera's axes, turned Y up.
        R = state.camera_rotation[index] @ _REFERENCE_R
        return Camera(
            name,
            *self.sizes[name],
            K,
            state.lens[index, 4:],
            R,
            state.camera_translation[index],
            bool(state.fisheye[index]),
        )

    def _of_camera(self, index: int) -> NDArray[np.bool_]:
        return np.asarray((self.joint.sightings.camera == index) & self.joint.agreeing)

    def _residual(self, index: int) -> float:
        return float(np.sqrt((self.joint.rms[self._of_camera(index)] ** 2).mean()))

    def _used(self, index: int) -> tuple[int, ...]:
        return tuple(int(f) for f in self.joint.sightings.frame[self._of_camera(index) & self.joint.shared])

    def _counts(self, index: int) -> ViewCounts:
        frames = self.found[self.names[index]]
        missing = tuple(frame for frame, corners in frames.items() if corners is None)
        return ViewCounts(len(frames), missing, int(self.lenses[index].kept.sum()), len(self._used(index)))

    def _deviations(self, index: int) -> Deviations:
        row = self.joint.deviations[index]
        return Deviations(row[:2], row[2:4], row[4:LENS_SIZE], row[LENS_SIZE + 3 :])

    def _unfit(self) -> list[Rejection]:
        """Images whose corners do not fit their own camera's lens."""
        return [
            Rejection(name, frame, f"the corners do not fit the lens: off by {rms:.1f} px", lens=False)
            for name, fit in zip(self.names, self.lenses, strict=True)
            for frame, rms, kept in zip(self._seen(name), fit.rms, fit.kept, strict=True)
            if not kept
        ]

    def _seen(self, name: str) -> list[int]:
        return [frame for frame, corners in self.found[name].items() if corners is not None]

    def _rejection(self, one: Disagreement) -> Rejection:
        others = ", ".join(self.names[other] for other in one.others)
        reason = (
            f"out of sync with {others}: board off by {one.off_px:.1f} px ({one.off_metres * 1000:.1f} mm)"
        )
        return Rejection(self.names[one.camera], one.frame, reason, lens=True)

    def _notes(self) -> tuple[str, ...]:
        """A sentence for each camera that lost frames."""
        notes = []
        for index, name in enumerate(self.names):
            frames = [one.frame for one in self.joint.disagreements if one.camera == index]
            if frames:
                total = len(frames) + len(self._used(index))
                notes.append(
                    f"{name} was out of sync in {len(frames)} of {total} shared frames, "
                    f"between {min(frames)} and {max(frames)}; they served its lens only"
                )
        return tuple(notes)

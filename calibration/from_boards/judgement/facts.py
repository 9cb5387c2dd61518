"""What is known about the quality of each camera's calibration, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera
from calibration.from_boards.adjustment.board_images import LENS_SIZE
from calibration.from_boards.clocks.timing import Timing, camera_timings
from calibration.from_boards.judgement.coverage import Coverage, coverage, lens_error
from calibration.from_boards.judgement.evidence import CameraEvidence, Evidence, gather
from calibration.from_boards.judgement.held_out import HeldOut, held_out_errors
from calibration.from_boards.judgement.links import Link, links
from calibration.from_boards.result import BoardCalibration, Deviations, ViewCounts

Array = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

_USUAL_QUANTILES = (0.1, 0.9)


@dataclass(frozen=True)
class CameraFacts:
    """One calibrated camera.

    Attributes:
        camera: as it was calibrated.
        reference: whether the others are placed by it.
        counts: what became of its images.
        evidence: its images.
        coverage: of its image by trusted corners.
        deviations: standard deviations of its numbers.
        residual_px: RMS of its corners in pixels.
        lens_error_px: (CELLS, CELLS) by how many pixels the lens may be wrong across the image.
        held_out: its error on boards that were left out, if it had images enough.
        link: how it is tied to the reference camera.
        timing: its clock, with the frame numbers put right.
        late: by how many frames its images were taken to be late.
        out_of_sync: in how many images it disagreed with the other cameras.
    """

    camera: Camera
    reference: bool
    counts: ViewCounts
    evidence: CameraEvidence
    coverage: Coverage
    deviations: Deviations
    residual_px: float
    lens_error_px: Array
    held_out: HeldOut | None
    link: Link
    timing: Timing
    late: float
    out_of_sync: int

    @property
    def name(self) -> str:
        """Of the camera."""
        return self.camera.name

    @property
    def tilts(self) -> tuple[float, float]:
        """Degrees by which the boards are tilted, without the tenths that are least and most so."""
        low, high = np.quantile(self.evidence.tilts, _USUAL_QUANTILES)
        return float(low), float(high)

    @property
    def distances(self) -> tuple[float, float]:
        """Metres between which the boards were, but for the nearest and the farthest tenth."""
        low, high = np.quantile(self.evidence.distances, _USUAL_QUANTILES)
        return float(low), float(high)

    @property
    def focal_share(self) -> float:
        """Standard deviation of the focal length as a share of it."""
        return float((self.deviations.focal / self.camera.focal).max())

    @property
    def principal_share(self) -> float:
        """How far the principal point is from the middle of the image, as a share of its longer side."""
        middle = (np.array(self.camera.size) - 1) / 2
        return float(np.linalg.norm(self.camera.principal - middle) / max(self.camera.size))

    @property
    def lens_px(self) -> float:
        """By how many pixels the lens may be wrong, RMS over the part of the image where boards were."""
        return float(np.sqrt((self.lens_error_px[self.coverage.covered] ** 2).mean()))


@dataclass(frozen=True)
class Facts:
    """All that the report of a calibration says.

    Attributes:
        calibration: what it is about.
        evidence: what the cameras saw.
        cameras: in the order of the rig.
    """

    calibration: BoardCalibration
    evidence: Evidence
    cameras: tuple[CameraFacts, ...]

    def __getitem__(self, name: str) -> CameraFacts:
        return next(camera for camera in self.cameras if camera.name == name)


def find_facts(calibration: BoardCalibration, progress: Progress | None = None) -> Facts:
    """All that there is to know about a calibration; it refines the cameras several times on the way.

    Args:
        calibration: to be judged.
        progress: told (done, total, what) as work goes on.
    """
    evidence, rig = gather(calibration), calibration.rig
    held_out = held_out_errors(calibration, progress)
    reference = rig.names.index(calibration.reference)
    tied = links(rig.names, evidence.cameras_at, calibration.reference)
    times = camera_timings(calibration.joint, evidence.points, calibration.board.turned, reference)
    return Facts(
        calibration,
        evidence,
        tuple(
            _of_camera(calibration, evidence, index, held_out, tied[camera.name], times[index])
            for index, camera in enumerate(rig)
        ),
    )


def _of_camera(
    calibration: BoardCalibration,
    evidence: Evidence,
    index: int,
    held_out: Mapping[str, HeldOut],
    link: Link,
    timing: Timing,
) -> CameraFacts:
    camera = calibration.rig.cameras[index]
    name, seen = camera.name, evidence.cameras[camera.name]
    return CameraFacts(
        camera,
        name == calibration.reference,
        calibration.counts[name],
        seen,
        coverage(camera.size, seen.corners),
        calibration.deviations[name],
        calibration.residual_px[name],
        lens_error(camera, calibration.joint.covariance[index][:LENS_SIZE, :LENS_SIZE]),
        held_out.get(name),
        link,
        timing,
        calibration.late.get(name, 0),
        int((~seen.agreeing).sum()),
    )

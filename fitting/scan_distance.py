"""How far a predicted face is from a scan, as the NoW challenge measures it (Sanyal et al. 2019, section 5).

The prediction is aligned rigidly with the scan, first by seven landmarks, then by the scan's surface about
the middle of the face; what counts is the distance of each vertex of the scan there to the closest point of
the predicted surface. NoW lets the prediction grow in both steps; its metrical variant, and ours unless asked
otherwise, does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from fitting.alignment import RigidMotion, align
from fitting.closest import Surface
from fitting.surface_alignment import surface_onto_points

Array = NDArray[np.float64]

LANDMARKS_OF_IBUG68 = (36, 39, 42, 45, 33, 48, 54)
"""NoW's seven among the 68 of iBUG: the right eye's outer and inner corner, the left eye's inner and outer
corner, the base of the nose, the right and left corner of the mouth."""

_OUTER_RIGHT, _INNER_RIGHT, _INNER_LEFT, _OUTER_LEFT, _NOSE = range(5)
_UP_THE_NOSE, _REACH = 0.3, 0.7
_ALIGNED_BY = 1_000
"""Vertices of the scan that align, spread evenly: more change no figure."""
_EYES_APART = (0.05, 0.15)
"""Metres between the outer corners of a person's eyes."""


@dataclass(frozen=True, eq=False)
class FaceMesh:
    """A scan or a prediction.

    Attributes:
        vertices: (V, 3) metres. triangles: (T, 3); a scan may have none.
        landmarks: (7, 3) metres, those of :data:`LANDMARKS_OF_IBUG68`.

    Raises:
        InputError: something is no number, or the landmarks are not those of a head in metres.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    landmarks: Array

    def __post_init__(self) -> None:
        if self.landmarks.shape != (len(LANDMARKS_OF_IBUG68), 3):
            raise InputError(f"seven landmarks are needed, these are of shape {self.landmarks.shape}")
        if not np.isfinite(self.vertices).all() or not np.isfinite(self.landmarks).all():
            raise InputError("a vertex or a landmark is no number")
        apart = float(np.linalg.norm(self.landmarks[_OUTER_RIGHT] - self.landmarks[_OUTER_LEFT]))
        if not _EYES_APART[0] < apart < _EYES_APART[1]:
            raise InputError(
                f"the outer corners of the eyes are {1e3 * apart:.4g} mm apart",
                fix="Say the right units, and give the landmarks in NoW's order",
            )


@dataclass(frozen=True)
class ScanProtocol:
    """How to measure.

    Attributes:
        scale: whether the prediction may grow to fit the scan.
        trim: share of the scan's vertices, the farthest, that the alignment leaves out (NoW: none); they are
            scored all the same.
        whole: score all of the scan's surface, and not only the middle of the face; that alone aligns.
    """

    scale: bool = False
    trim: float = 0.0
    whole: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.trim < 0.9:
            raise UsageError(f"{self.trim} is no share of the vertices to leave out")


@dataclass(frozen=True, eq=False)
class ScanDistance:
    """What was measured of one scan with V vertices.

    Attributes:
        distance: (V,) metres to the predicted surface; NaN where not scored.
        vertex: (V,) metres to the same vertex of the prediction; None where the topologies differ.
        motion: of the prediction onto the scan.
    """

    distance: Array
    vertex: Array | None
    motion: RigidMotion = field(repr=False)

    @property
    def scale(self) -> float:
        """By how much the prediction grew."""
        return float(self.motion.scale[0])


def scan_distance(scan: FaceMesh, prediction: FaceMesh, protocol: ScanProtocol | None = None) -> ScanDistance:
    """Measure a prediction against a scan.

    Raises:
        InputError: the prediction has no surface, or the scan has nothing in the middle of the face.
    """
    protocol = ScanProtocol() if protocol is None else protocol
    if not len(prediction.triangles):
        raise InputError("the prediction has no triangles")
    surfaced = _on_surface(scan)
    middle = face_middle(scan) & surfaced
    if middle.sum() < len(LANDMARKS_OF_IBUG68):
        raise InputError("the scan has no vertices about its landmarks")
    surface = Surface(prediction.vertices, prediction.triangles)
    seven = np.ones((1, len(LANDMARKS_OF_IBUG68)))
    start = align(prediction.landmarks, scan.landmarks[None], seven, with_scale=protocol.scale)
    aligned_by = scan.vertices[middle]
    aligned_by = aligned_by[:: -(-len(aligned_by) // _ALIGNED_BY)]
    motion = surface_onto_points(surface, aligned_by, start, with_scale=protocol.scale, trim=protocol.trim)
    scored = surfaced if protocol.whole else middle
    distance = np.full(len(scan.vertices), np.nan)
    own = motion.undo(scan.vertices[scored])
    distance[scored] = motion.scale[0] * np.linalg.norm(surface.closest(own)[0] - own, axis=1)
    return ScanDistance(distance, _vertex_distance(scan, prediction, motion, scored), motion)


def face_middle(scan: FaceMesh) -> NDArray[np.bool_]:
    """(V,) the vertices that NoW scores: in a ball about the nose, as large as eyes and nose say."""
    marks = scan.landmarks
    bridge = (marks[_INNER_RIGHT] + marks[_INNER_LEFT]) / 2
    centre = marks[_NOSE] + _UP_THE_NOSE * (bridge - marks[_NOSE])
    eyes = np.linalg.norm(marks[_OUTER_RIGHT] - marks[_OUTER_LEFT])
    reach = _REACH * (eyes + np.linalg.norm(bridge - marks[_NOSE]))
    return np.asarray(np.linalg.norm(scan.vertices - centre, axis=1) <= reach)


def _on_surface(scan: FaceMesh) -> NDArray[np.bool_]:
    """(V,) the vertices that a triangle has, or all where there are no triangles."""
    if not len(scan.triangles):
        return np.ones(len(scan.vertices), dtype=np.bool_)
    return np.bincount(scan.triangles.ravel(), minlength=len(scan.vertices)) > 0


def _vertex_distance(
    scan: FaceMesh, prediction: FaceMesh, motion: RigidMotion, scored: NDArray[np.bool_]
) -> Array | None:
    if scan.vertices.shape != prediction.vertices.shape or not np.array_equal(
        scan.triangles, prediction.triangles
    ):
        return None
    apart = np.linalg.norm(motion.apply(prediction.vertices)[0] - scan.vertices, axis=1)
    return np.where(scored, apart, np.nan)

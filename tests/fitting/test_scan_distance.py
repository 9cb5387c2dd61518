"""The distance of a prediction from a scan by NoW's protocol: what it counts, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import InputError, UsageError
from fitting.posed import neutral_vertices
from fitting.scan_distance import LANDMARKS_OF_IBUG68, FaceMesh, ScanProtocol, face_middle, scan_distance
from tests.fitting.scenes import head

Array = NDArray[np.float64]


@lru_cache
def prediction() -> FaceMesh:
    """The skin of the mean head that can be seen, from the ears to the front."""
    mean = neutral_vertices(head(), np.zeros(head().identity_size))
    chosen = head().region("outer_skin")
    chosen = chosen[mean[chosen, 2] > -0.09]
    place = np.full(len(mean), -1)
    place[chosen] = np.arange(len(chosen))
    triangles = place[np.asarray(head().triangles)]
    marks = head().ibug68.evaluate(mean)[list(LANDMARKS_OF_IBUG68)]
    return FaceMesh(mean[chosen], triangles[(triangles >= 0).all(1)], np.asarray(marks, np.float64))


def moved(mesh: FaceMesh, scale: float = 1.0) -> FaceMesh:
    """Elsewhere, turned by 60 degrees, and larger."""
    turn = Rotation.from_rotvec([0.2, 1.0, -0.1])
    return replace(
        mesh,
        vertices=scale * turn.apply(mesh.vertices) + [1.0, 2.0, -3.0],
        landmarks=scale * turn.apply(mesh.landmarks) + [1.0, 2.0, -3.0],
    )


def test_a_prediction_somewhere_else_has_no_error() -> None:
    """Place and direction do not count, even with landmarks that are 2 mm off."""
    scan = moved(prediction())
    rough = replace(scan, landmarks=scan.landmarks + 0.002 * np.array([[1, -1, 1]] * 4 + [[-1, 1, 0]] * 3))
    found = scan_distance(rough, prediction())
    assert np.nanmax(found.distance) < 1e-5
    assert found.vertex is not None
    assert np.nanmax(found.vertex) < 5e-5


def test_size_counts_unless_it_is_said_not_to() -> None:
    """A head that is five per cent smaller than the scan has an error; allowed to grow, it has none."""
    scan = moved(prediction(), scale=1.05)
    assert np.nanmean(scan_distance(scan, prediction()).distance) > 5e-4
    grown = scan_distance(scan, prediction(), ScanProtocol(scale=True))
    assert grown.scale == pytest.approx(1.05, abs=1e-4)
    assert np.nanmax(grown.distance) < 1e-5


def test_the_distance_is_measured_from_the_scan_in_its_own_size() -> None:
    """Points 1 mm above the skin everywhere are a median of 1 mm from it, though the prediction may grow."""
    base = prediction()
    middle = np.flatnonzero(face_middle(base))
    rng = np.random.default_rng(0)
    signs = rng.choice([-1e-3, 1e-3], len(middle))
    vertices = base.vertices.copy()
    vertices[middle, 2] += signs
    scan = replace(base, vertices=vertices, triangles=np.zeros((0, 3), np.int64))
    found = scan_distance(scan, base, ScanProtocol(scale=True))
    assert 0.5e-3 < np.nanmedian(found.distance) <= 1e-3
    assert found.vertex is None


def test_only_the_middle_of_the_face_is_scored() -> None:
    """Displaced ears do not count, unless the whole head is asked for."""
    scan = prediction()
    vertices = scan.vertices.copy()
    vertices[vertices[:, 2] < -0.07] += [0.02, 0.0, 0.0]
    dented = replace(scan, vertices=vertices)
    assert np.nanmax(scan_distance(dented, scan).distance) < 1e-5
    whole = scan_distance(dented, scan, ScanProtocol(whole=True))
    assert np.isfinite(whole.distance).all()
    assert whole.distance.max() > 0.01


def test_trimming_keeps_a_growth_of_the_scan_out_of_the_alignment() -> None:
    """With a fifth of the face swollen, the rest is met much more closely when a third is left out."""
    scan = prediction()
    swollen = (scan.vertices[:, 0] > 0.03) & face_middle(scan)
    vertices = scan.vertices + 0.01 * swollen[:, None] * [1.0, 0.0, 0.0]
    grown = replace(scan, vertices=vertices)
    healthy = face_middle(scan) & ~swollen
    plain = scan_distance(grown, scan).distance[healthy]
    trimmed = scan_distance(grown, scan, ScanProtocol(trim=0.35)).distance[healthy]
    assert np.nanmedian(trimmed) < 0.2 * np.nanmedian(plain)


def test_a_scan_in_the_wrong_unit_is_named() -> None:
    """Millimetres taken for metres are not measured, but told."""
    with pytest.raises(InputError, match="units"):
        moved(prediction(), scale=1000.0)


def test_what_cannot_be_measured_is_refused() -> None:
    """No surface, no scan about the landmarks, and a share that is none."""
    bare = replace(prediction(), triangles=np.zeros((0, 3), np.int64))
    with pytest.raises(InputError, match="triangles"):
        scan_distance(prediction(), bare)
    far = replace(prediction(), vertices=prediction().vertices + 1.0)
    with pytest.raises(InputError, match="landmarks"):
        scan_distance(far, prediction())
    with pytest.raises(UsageError, match="share"):
        ScanProtocol(trim=1.5)

"""Ground truth of a rendered shoot: the true surface of each frame, from a NumPy archive.

The archive holds ``vertices`` (F, N, 3) in the world of the cameras and ``frames`` (F,); and, as far as there
are any, ``idx_<region>`` (vertices that should be scored), ``eye_centers_world`` (F, 2, 3), ``landmarks68``
(the vertices that are the landmarks of 300-W) and ``units`` (m, cm, mm).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.datasets import IBUG68
from pipeline.export.options import UNITS

REGIONS = ("narrow_face", "face")
"""Regions that are scored where nothing is said, the first that there is; else all vertices."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The true surface.

    Attributes:
        frames: (F,) frame numbers.
        points: (F, N, 3) metres, the vertices of the scored region.
        region: its name.
        interocular: (F,) metres between the eyeballs' centres; NaN where the archive does not say.
        landmarks: (F, 68, 3) metres, the landmarks of 300-W on the surface; None where it does not say.
    """

    frames: NDArray[np.int64]
    points: NDArray[np.float64]
    region: str
    interocular: NDArray[np.float64]
    landmarks: NDArray[np.float64] | None = None


def read_truth(path: Path, *, region: str | None = None, units: str | None = None) -> Truth:
    """Read ground truth.

    Args:
        path: the archive.
        region: name of the vertices to score; by default the first of REGIONS that there is.
        units: of its lengths; by default what the archive says, or millimetres.

    Raises:
        InputError: the archive is missing, damaged, or lacks what it should have.
        UsageError: there is no such region or unit.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            data = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError("The file is not a readable NumPy archive", where=str(path)) from error
    missing = [name for name in ("vertices", "frames") if name not in data]
    if missing:
        raise InputError(f"The ground truth has no {' and no '.join(missing)}", where=str(path))
    scale = _metres(units or str(data.get("units", "mm")))
    name, index = _region(data, region)
    eyes = data.get("eye_centers_world")
    distance = np.full(len(data["frames"]), np.nan)
    if eyes is not None:
        distance = np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=-1) * scale
    points = np.asarray(data["vertices"][:, index], dtype=np.float64) * scale
    return Truth(data["frames"].astype(np.int64), points, name, distance, _landmarks(data, scale))


def _landmarks(data: dict[str, NDArray[np.generic]], scale: float) -> NDArray[np.float64] | None:
    index = data.get("landmarks68")
    if index is None or index.shape != (IBUG68.count,):
        return None
    return np.asarray(data["vertices"][:, index.astype(np.int64)], dtype=np.float64) * scale


def _metres(units: str) -> float:
    if units not in UNITS:
        raise UsageError(f"There is no unit '{units}'", fix=f"Known are: {', '.join(UNITS)}")
    return 1.0 / UNITS[units]


def _region(data: dict[str, NDArray[np.generic]], wanted: str | None) -> tuple[str, NDArray[np.int64]]:
    known = [key.removeprefix("idx_") for key in data if key.startswith("idx_")]
    if wanted is not None and wanted not in known:
        raise UsageError(
            f"The ground truth has no region '{wanted}'", fix=f"Known are: {', '.join(known) or 'none'}"
        )
    name = wanted or next((region for region in REGIONS if region in known), None)
    if name is None:
        return "all", np.arange(data["vertices"].shape[1])
    return name, data[f"idx_{name}"].astype(np.int64)

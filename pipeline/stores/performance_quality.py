"""How certain and how reliable a performance is, as groups of its HDF5 file."""

from __future__ import annotations

import h5py
import numpy as np

from fitting.reliability import FrameFlag, Reliability, ResidualStatistics
from fitting.uncertainty import Uncertainty

_UNCERTAINTY, _RELIABILITY = "uncertainty", "reliability"
_UNITS = {
    "identity": "standard deviations of the prior",
    "expression": "1",
    "motion": "12 rad, then 3 m: head in the world, head against neck, left eye, right eye, head's origin",
    "surface": "m",
    "camera_rotation": "rad",
    "camera_position": "m right, down, forward",
    "focal": "relative",
    "distortion": "k1 k2 p1 p2 k3",
    "view": "px",
}
_COLUMNS = "median px, 95th percentile px, median sigmas, 95th percentile sigmas"


def write_uncertainty(file: h5py.File, uncertainty: Uncertainty) -> None:
    """Write the group ``uncertainty``: one standard deviation of each unknown, float32."""
    group = file.create_group(_UNCERTAINTY)
    for name, units in _UNITS.items():
        group[name] = np.asarray(getattr(uncertainty, name), dtype=np.float32)
        group[name].attrs["units"] = units
    if uncertainty.identity_covariance is not None:
        group["identity_covariance"] = uncertainty.identity_covariance.astype(np.float32)


def read_uncertainty(file: h5py.File) -> Uncertainty | None:
    """The group that :func:`write_uncertainty` wrote; None where there is none."""
    if _UNCERTAINTY not in file:
        return None
    group = file[_UNCERTAINTY]
    known = {name: group[name][:].astype(np.float64) for name in _UNITS if name in group}
    # files from before it was known
    known.setdefault("view", np.full(len(known["focal"]), np.nan))
    if "identity_covariance" in group:
        known["identity_covariance"] = group["identity_covariance"][:].astype(np.float64)
    return Uncertainty(**known)


def write_reliability(file: h5py.File, reliability: Reliability) -> None:
    """Write the group ``reliability``: tables of residuals by frame and camera, and flags."""
    group = file.create_group(_RELIABILITY)
    for name in ("by_frame", "by_camera"):
        group[name] = getattr(reliability, name).table.astype(np.float32)
        group[name].attrs["columns"] = _COLUMNS
    group["flags"] = reliability.flags
    group["flags"].attrs["bits"] = ", ".join(f"{each.value} {each.words()}" for each in FrameFlag)


def read_reliability(file: h5py.File) -> Reliability | None:
    """The group that :func:`write_reliability` wrote; None where there is none."""
    if _RELIABILITY not in file:
        return None
    group = file[_RELIABILITY]
    by_frame, by_camera = (
        ResidualStatistics.from_table(group[name][:]) for name in ("by_frame", "by_camera")
    )
    return Reliability(by_frame, by_camera, group["flags"][:])

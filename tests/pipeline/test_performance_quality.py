"""What a fit says of itself survives in its file, and older files are still read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from fitting.reliability import FrameFlag, Reliability
from fitting.uncertainty import Uncertainty
from pipeline.stores.performance import read_performance, write_performance
from tests.pipeline.test_performance_store import INFO, performance


def uncertainty() -> Uncertainty:
    random = np.random.default_rng(4)
    shapes = ((150,), (3, 52), (3, 15), (3,), (2, 3), (2, 3), (2,), (2, 5), (2,), (150, 150))
    return Uncertainty(*(random.random(shape).astype(np.float32).astype(np.float64) for shape in shapes))


def reliability() -> Reliability:
    residual = performance().residual_px
    places = np.zeros((3, 4, 3))
    return Reliability.judge(residual, residual, np.ones(3) * 1e-3, places, np.array([1, 2, 3]))


def test_uncertainty_and_reliability_come_back(tmp_path: Path) -> None:
    """Deviations, residual tables, flags, warnings and a personal shape are read as they were written."""
    offset = np.random.default_rng(1).normal(size=(20, 3))
    written = replace(
        performance(),
        uncertainty=uncertainty(),
        reliability=reliability(),
        warnings=("Camera left: saw no face",),
        personal_shape=offset,
    )
    read, _ = read_performance(write_performance(tmp_path / "p.h5", written, INFO, fingerprint="abc"))
    assert read.uncertainty is not None
    assert read.reliability is not None
    for name, values in vars(uncertainty()).items():
        np.testing.assert_allclose(getattr(read.uncertainty, name), values)
    np.testing.assert_allclose(read.reliability.by_frame.table, reliability().by_frame.table, rtol=1e-6)
    np.testing.assert_allclose(read.reliability.by_camera.table, reliability().by_camera.table, rtol=1e-6)
    assert read.reliability.flags.tolist() == [0, int(FrameFlag.FEW_VIEWS), 0]
    assert read.warnings == written.warnings
    np.testing.assert_array_equal(read.personal_shape, offset)


def test_a_performance_of_the_first_schema_is_still_read(tmp_path: Path) -> None:
    """A file of before says nothing of uncertainty, and everything else as ever."""
    path = write_performance(tmp_path / "p.h5", performance(), INFO, fingerprint="abc")
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 1
        del file.attrs["warnings"]
    read, _ = read_performance(path)
    assert (read.uncertainty, read.reliability, read.personal_shape, read.warnings) == (None, None, None, ())
    np.testing.assert_array_equal(read.identity, performance().identity)

"""A performance file holds all that exports need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from fitting.performance import Performance
from pipeline.stores.hdf5 import CorruptStoreError
from pipeline.stores.performance import (
    ModelInfo,
    performance_fingerprint,
    read_performance,
    write_performance,
)


def performance() -> Performance:
    random = np.random.default_rng(1)
    K = np.array([[900.0, 0, 320], [0, 905.0, 240], [0, 0, 1]])
    cameras = tuple(
        Camera(name, 640, 480, K, random.normal(size=5) / 100, np.eye(3), random.normal(size=3))
        for name in ("left", "right")
    )
    residual = random.random((3, 2, 68))
    residual[1, 0] = np.nan
    return Performance(
        frames=np.array([1001, 1002, 1007]),
        identity=random.normal(size=150),
        expression=random.random((3, 52)),
        pose=random.normal(size=(3, 15)),
        rig=Rig(cameras, "a board", {"left": 0.2, "right": 0.3}, ("a note",)),
        energies={"landmarks": 12.5, "total": 13.0},
        residual_px=residual,
        converged=True,
        fps=25.0,
        status=np.array([0, 1, 0], np.int8),
        iterations={"rigid": 12},
    )


INFO = ModelInfo("makehuman", ("eyeBlinkLeft", "jawOpen"), ("neck", "head"), "ibug68")


def test_a_performance_comes_back_as_it_was(tmp_path: Path) -> None:
    """Numbers to the last bit (residuals to float32), cameras, names and statuses."""
    written = performance()
    path = write_performance(tmp_path / "out" / "performance.h5", written, INFO, fingerprint="abc")
    read, info = read_performance(path)
    for name in ("frames", "identity", "expression", "pose", "status"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    np.testing.assert_allclose(read.residual_px, written.residual_px, rtol=1e-6)
    assert (read.energies, read.fps, read.converged, read.iterations) == (
        written.energies,
        25.0,
        True,
        {"rigid": 12},
    )
    assert (read.rig.names, read.rig.source, dict(read.rig.residual_px), read.rig.notes) == (
        ("left", "right"),
        "a board",
        {"left": 0.2, "right": 0.3},
        ("a note",),
    )
    np.testing.assert_array_equal(read.rig["right"].t, written.rig["right"].t)
    assert info == INFO
    assert performance_fingerprint(path) == "abc"
    assert [file.name for file in path.parent.iterdir()] == ["performance.h5"]


def test_a_missing_or_damaged_performance_is_named(tmp_path: Path) -> None:
    """The message says which file."""
    path = tmp_path / "performance.h5"
    with pytest.raises(InputError, match=r"performance\.h5: The file does not exist"):
        read_performance(path)
    write_performance(path, performance(), INFO, fingerprint="abc")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CorruptStoreError, match=r"performance\.h5"):
        read_performance(path)

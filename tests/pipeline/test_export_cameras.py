"""The cameras of a performance, in the formats of other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.camera import Rig
from calibration.errors import UsageError
from calibration.formats import FORMATS, read_rig
from pipeline.export.cameras import check_camera_formats, export_cameras
from tests.calibration.rigs import arc_rig

PLAIN = np.array([[1500.0, 0, 511.5], [0, 1500.0, 383.5], [0, 0, 1]])


def test_every_format_has_a_place_of_its_own(tmp_path: Path) -> None:
    """All formats together go into one folder, none over another, and are found again by their names."""
    cameras = [replace(camera, K=PLAIN, distortion=np.zeros(4)) for camera in arc_rig()]
    written = [name for name, format in FORMATS.items() if format.write is not None and name != "stmap"]
    files = export_cameras(written, Rig(tuple(cameras)), tmp_path)
    assert len(files) == len(set(files))
    assert all(file.is_file() for file in files)
    assert read_rig(tmp_path / "cameras.json").names == ("cam0", "cam1", "cam2")
    assert read_rig(tmp_path / "cameras_usd.usda").names == ("cam0", "cam1", "cam2")
    assert read_rig(tmp_path / "cameras_opencv").names == ("cam0", "cam1", "cam2")


def test_unknown_formats_are_refused_before_any_work() -> None:
    """The message lists what can be written."""
    check_camera_formats(["vultus", "stmap"])
    with pytest.raises(UsageError, match=r"'maya'.*Known are: .*stmap"):
        check_camera_formats(["usd", "maya"])

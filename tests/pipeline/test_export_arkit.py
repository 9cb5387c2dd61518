"""The CSV is what the Live Link Face app writes, at the right times."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.errors import UsageError
from fitting.performance import Performance
from pipeline.export import ExportOptions, export
from pipeline.export.arkit import COLUMNS, look_weights, timecode
from tests.pipeline.performances import head_model, performance


def rows(performed: Performance, folder: Path, **options: object) -> list[list[str]]:
    (path,) = export("arkit", performed, head_model(), folder, options=ExportOptions(**options))  # type: ignore[arg-type]
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_there_are_61_columns_in_the_order_of_the_app(tmp_path: Path) -> None:
    """The header begins, turns and ends as the app's does, and holds every ARKit name of the model."""
    header = rows(performance(), tmp_path)[0]
    assert header[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert len(header) == 63
    assert header[53:55] == ["TongueOut", "HeadYaw"]
    assert header[-1] == "RightEyeRoll"
    names = {name[0].upper() + name[1:] for name in head_model().expression_names}
    assert names <= set(header)


def test_weights_stand_under_their_names(tmp_path: Path) -> None:
    """A weight is read back under the ARKit name that the model gives it, clipped to [0, 1]."""
    performed, model = performance(), head_model()
    performed.expression[0, model.expression_names.index("jawOpen")] = 1.2
    header, first, *_ = rows(performed, tmp_path)
    values = dict(zip(header, first, strict=True))
    assert float(values["JawOpen"]) == 1.0
    for name in ("browInnerUp", "mouthSmileLeft", "tongueOut"):
        expected = performed.expression[0, model.expression_names.index(name)]
        assert float(values[name[0].upper() + name[1:]]) == pytest.approx(expected, abs=1e-9)


def test_gaps_and_frames_that_nobody_saw_are_rows_without_values(tmp_path: Path) -> None:
    """From 1001 to 1007 there are seven rows; 1003 was not seen, 1004 and 1005 do not exist."""
    body = rows(performance(), tmp_path)[1:]
    assert [row[0] for row in body] == [f"00:00:41:{frame:02d}.000" for frame in range(17, 24)]
    assert [int(row[1]) for row in body] == [61, 61, 0, 0, 0, 61, 61]
    assert [len(row) for row in body] == [63, 63, 2, 2, 2, 63, 63]


@pytest.mark.parametrize(
    ("frame", "fps", "expected"),
    [
        (0, 24.0, "00:00:00:00.000"),
        (1001, 24.0, "00:00:41:17.000"),
        (1001, 23.976, "00:00:41:17.000"),
        (60 * 60 * 30 + 61, 30.0, "01:00:02:01.000"),
        (59, 59.94, "00:00:00:59.000"),
    ],
)
def test_a_timecode_counts_frames_at_the_nominal_rate(frame: int, fps: float, expected: str) -> None:
    """Frames are never dropped; fractional rates count as the whole rate above them."""
    assert timecode(frame, fps) == expected


def test_looks_are_derived_from_the_rotation_of_each_eye() -> None:
    """Both eyes turned to the actor's left: the left looks out, the right looks in."""
    left = np.array([[0.0, 0.25, 0.0]])
    assert look_weights(left, "Left", 0.5)["EyeLookOutLeft"] == pytest.approx([0.5])
    assert look_weights(left, "Left", 0.5)["EyeLookInLeft"] == pytest.approx([0.0])
    assert look_weights(left, "Right", 0.5)["EyeLookInRight"] == pytest.approx([0.5])
    down = look_weights(np.array([[0.25, 0.0, 0.0], [-2.0, 0.0, 0.0]]), "Right", 0.5)
    assert down["EyeLookDownRight"] == pytest.approx([0.5, 0.0])
    assert down["EyeLookUpRight"] == pytest.approx([0.0, 1.0])


def test_head_angles_are_those_of_neck_and_head_together(tmp_path: Path) -> None:
    """In world axes, a neck turned by yaw and a head nodded and rolled give these three angles in radians."""
    performed = performance()
    pose = np.zeros_like(performed.pose)
    pose[:, 0:3] = [0.0, 0.3, 0.0]
    pose[:, 3:6] = (Rotation.from_rotvec([0.2, 0, 0]) * Rotation.from_rotvec([0, 0, -0.1])).as_rotvec()
    pose[:, 6:9] = [0.0, 0.15, 0.0]
    header, first, *_ = rows(replace(performed, pose=pose), tmp_path, head_reference="world")
    values = dict(zip(header[2:], map(float, first[2:]), strict=True))
    assert [values[name] for name in COLUMNS[52:58]] == pytest.approx([0.3, 0.2, -0.1, 0.15, 0, 0], abs=1e-9)
    header, first, *_ = rows(replace(performed, pose=pose), tmp_path)
    values = dict(zip(header[2:], map(float, first[2:]), strict=True))
    assert [values[name] for name in COLUMNS[52:55]] == pytest.approx([0, 0, 0], abs=1e-9)


def test_weights_can_be_measured_from_a_neutral_face(tmp_path: Path) -> None:
    """In the frames that are said to be neutral the weights are zero on average; full strength stays full."""
    performed, model = performance(), head_model()
    jaw = model.expression_names.index("jawOpen")
    performed.expression[:, jaw] = [0.2, 0.3, 0.2, 0.65, 1.0]
    table = rows(performed, tmp_path, neutral_frames=(1001, 1002))
    column = table[0].index("JawOpen")
    values = [float(row[column]) for row in table[1:] if row[1] != "0"]
    assert values == pytest.approx([0.0, 0.05 / 0.75, 0.4 / 0.75, 1.0])
    with pytest.raises(UsageError, match="1001 to 1007"):
        rows(performed, tmp_path, neutral_frames=(5,))

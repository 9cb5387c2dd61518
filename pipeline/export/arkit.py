"""Live Link Face CSV: the 52 ARKit weights, head and eye angles, by timecode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import UsageError
from calibration.whole_file import whole_file
from fitting.arkit import ARKIT_SHAPES
from fitting.performance import FrameStatus
from pipeline.export.arkit_names import arkit_shapes
from pipeline.export.options import ExportOptions

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

Float = NDArray[np.float64]

_MOST_AT_REST = 0.9

# in the order of the app, as the weights are
_ANGLES = """
HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll RightEyeYaw RightEyePitch RightEyeRoll
"""
WEIGHT_COLUMNS: tuple[str, ...] = tuple(name[0].upper() + name[1:] for name in ARKIT_SHAPES)
ANGLE_COLUMNS: tuple[str, ...] = tuple(_ANGLES.split())
COLUMNS = WEIGHT_COLUMNS + ANGLE_COLUMNS


def export_arkit(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name_arkit.csv`` as the Live Link Face app does: one row for every frame number, gaps included.

    A frame that the performance lacks, or that no camera saw, is a row with count 0 and no values.
    Weights are clipped to [0, 1]. Angles are radians about the canonical axes, turned first by yaw, then by
    pitch, then by roll: yaw is positive to the actor's left, pitch is positive downwards, roll is positive
    towards the actor's right shoulder.

    Args:
        performance: to write.
        model: that it was fitted with; its expression names say which weight is which.
        folder: for the file.
        options: name, frames, frame_offset, neutral_frames, head_reference, full_look and progress.

    Returns:
        the one file.

    Raises:
        InputError: the folder cannot be written to.
        UsageError: the head model has no ARKit shapes, or the performance has none of the frames.
    """
    options = options or ExportOptions()
    values = np.concatenate([_weights(performance, model, options), _angles(performance, options)], axis=1)
    lost = np.asarray(performance.status) == FrameStatus.INTERPOLATED
    frames = [int(frame) + options.frame_offset for frame in performance.frames]
    rows = {frame: row for frame, row, gone in zip(frames, values, lost, strict=True) if not gone}
    if options.frames is not None:
        # what is measured from the mean of the take, or from its neutral frames, stays as it is
        frames = [int(frame) + options.frame_offset for frame in performance.of_frames(options.frames).frames]
    lines = [",".join(("Timecode", "BlendShapeCount", *COLUMNS))]
    for frame in range(min(frames), max(frames) + 1):
        lines.append(_line(timecode(frame, performance.fps), rows.get(frame)))
    path = folder / f"{options.name}_arkit.csv"
    with whole_file(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="ascii")
    options.progress(1, 1, path.name)
    return [path]


def timecode(frame: int, fps: float) -> str:
    """A frame number as HH:MM:SS:FF.mmm, counted without dropping at the nominal rate (24 for 23.976).

    >>> timecode(1001, 24.0)
    '00:00:41:17.000'
    """
    rate = max(1, round(fps))
    seconds, rest = divmod(frame, rate)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour % 24:02d}:{minute:02d}:{second:02d}:{rest:02d}.000"


def look_weights(eye: Float, side: str, full_look: float) -> dict[str, Float]:
    """The four EyeLook weights (F,) of an eye's rotation.

    Args:
        eye: (F, 3) rotation vectors in the head's axes, radians.
        side: "Left" or "Right".
        full_look: radians at which a weight is 1.

    Returns:
        the weights by column name.
    """
    ahead = Rotation.from_rotvec(eye).apply(np.array([0.0, 0.0, 1.0]))
    left = np.arctan2(ahead[:, 0], ahead[:, 2]) / full_look
    up = np.arcsin(np.clip(ahead[:, 1], -1.0, 1.0)) / full_look
    inward = -left if side == "Left" else left  # the left eye looks in when it looks to the actor's right
    looks = {"In": inward, "Out": -inward, "Up": up, "Down": -up}
    return {f"EyeLook{way}{side}": np.clip(value, 0.0, 1.0) for way, value in looks.items()}


def yaw_pitch_roll(rotation: Rotation) -> Float:
    """Angles (F, 3) in radians, with R = Ry(yaw) Rx(pitch) Rz(roll)."""
    return np.asarray(rotation.as_euler("YXZ"), np.float64)


def _weights(performance: Performance, model: HeadModel, options: ExportOptions) -> Float:
    expression = np.clip(_from_neutral(performance, options.neutral_frames), 0.0, 1.0)
    shapes = arkit_shapes(model, WEIGHT_COLUMNS)
    columns = {name: expression[:, index].mean(axis=1) for name, index in shapes.items()}
    pose = np.asarray(performance.pose, np.float64)
    columns |= look_weights(pose[:, 6:9], "Left", options.full_look)
    columns |= look_weights(pose[:, 9:12], "Right", options.full_look)
    absent = np.zeros(len(expression))
    return np.stack([columns.get(name, absent) for name in WEIGHT_COLUMNS], axis=1)


def _from_neutral(performance: Performance, frames: tuple[int, ...]) -> Float:
    """Expressions (F, E) measured from a neutral face: zero there, and one where they were one.

    Raises:
        UsageError: the performance has none of the frames.
    """
    expression = np.asarray(performance.expression, np.float64)
    if not frames:
        return expression
    chosen = np.isin(performance.frames, frames)
    if not chosen.any():
        raise UsageError(
            "the performance has none of the frames in which the face is said to be neutral",
            fix=f"Its frames are {performance.frames.min()} to {performance.frames.max()}",
        )
    # a shape that is full on at rest could not be measured from there
    rest = np.clip(expression[chosen].mean(axis=0), 0.0, _MOST_AT_REST)
    return np.asarray((expression - rest) / (1.0 - rest))


def _angles(performance: Performance, options: ExportOptions) -> Float:
    pose = np.asarray(performance.pose, np.float64)
    head = Rotation.from_rotvec(pose[:, 0:3]) * Rotation.from_rotvec(pose[:, 3:6])
    if options.head_reference == "mean":
        head = head.mean().inv() * head
    eyes = (Rotation.from_rotvec(pose[:, 6:9]), Rotation.from_rotvec(pose[:, 9:12]))
    return np.concatenate([yaw_pitch_roll(rotation) for rotation in (head, *eyes)], axis=1)


def _line(time: str, values: Float | None) -> str:
    if values is None:
        return f"{time},0"
    return ",".join((time, str(len(COLUMNS)), *(f"{value:.10f}" for value in values)))

"""The report of a check of cameras: words, numbers and pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.camera import MIN_DEPTH
from calibration.text_table import text_table
from calibration.whole_file import write_text
from fitting.camera_checks.agreement import Agreement
from fitting.camera_checks.diagnosis import Mistake
from fitting.camera_checks.fine import Detectability
from fitting.camera_checks.units import head_height
from pipeline.camera_check.check import CameraCheck
from pipeline.frames.ranges import format_frames

Array = NDArray[np.float64]

_MOST_COLUMNS = 16


def write_check(check: CameraCheck) -> Path:
    """Write report.txt and report.json into the folder of the check; returns the former."""
    path = check.folder / "report.txt"
    write_text(path, "\n".join(check_lines(check)) + "\n")
    write_text(path.with_suffix(".json"), json.dumps(_document(check), indent=1) + "\n")
    return path


def check_lines(check: CameraCheck) -> list[str]:
    """The whole report as lines."""
    return [
        f"Cameras of {check.name}: {check.checked}",
        f"{len(check.rig)} cameras, frames {format_frames(check.sightings.frames.tolist())}, "
        f"{len(check.diagnosis.given.head)} landmarks ({check.sightings.stored[0].header.layout}"
        f"{', found now' if check.sightings.found_now else ', as detected before'})",
        "",
        *verdict(check),
        "",
        *_camera_table(check),
        "",
        *_epipolar_lines(check),
        *_head_lines(check.diagnosis.after),
        *(_detectable_words(each) for each in check.diagnosis.detectable),
        *_fix_lines(check),
    ]


def verdict(check: CameraCheck) -> Iterator[str]:
    """The judgement: a line that sums up, then one for each mistake, its correction and each remark."""
    found = check.diagnosis
    if found.mistakes:
        count = len(found.mistakes)
        yield f"NOT GOOD: {count} likely mistake{'s' if count > 1 else ''}."
    elif found.contradicting:
        yield "NOT GOOD: cameras contradict each other, and no known mistake explains it."
    elif check.remarks:
        yield "GOOD as far as it could be checked: the cameras agree about the head."
    else:
        yield "GOOD: the cameras agree about the head, and its size is a head's."
    for number, mistake in enumerate(found.mistakes, 1):
        yield f"{number}. {mistake}."
        yield f"   What to do: {mistake.fix}."
        yield f"   Without it: {_gain(check, mistake)}."
    if found.contradicting:
        off = [found.after.residual_px[check.rig.names.index(name)] for name in found.contradicting]
        yield (
            f"Camera{'s' if len(off) > 1 else ''} {', '.join(found.contradicting)}: off by "
            f"{', '.join(_px(each) for each in off)} px from where the others see the head. Calibrate again, "
            "and look whether its images are of these moments."
        )
    yield from (f"{remark}." for remark in check.remarks)


def _gain(check: CameraCheck, mistake: Mistake) -> str:
    indices = [check.rig.names.index(name) for name in mistake.cameras]
    if mistake.kind == "unit" and mistake.whole:
        return f"the head is {head_height(check.diagnosis.after.scale)} tall"
    before, after = (_px(_median(each[indices])) for each in (mistake.before_px, mistake.after_px))
    return f"landmarks that are {before} px off come to {after} px"


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _px(value: float) -> str:
    return "?" if not np.isfinite(value) else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _camera_table(check: CameraCheck) -> list[str]:
    """Per camera: sizes, frames with a face, residuals as given and without the mistakes."""
    found = check.diagnosis
    distances, faces = _distances(check), found.given.seen.any(1).sum(0)
    rows = [("camera", "calibrated", "images", "faces", "distance", "residual px", "without mistakes")]
    for index, camera in enumerate(check.rig):
        calibrated, images = (f"{w} x {h}" for w, h in (camera.size, found.given.sizes[index]))
        rows.append(
            (
                camera.name,
                calibrated,
                images,
                str(faces[index]),
                f"{distances[index]:.2f} m" if np.isfinite(distances[index]) else "?",
                _px(found.before.residual_px[index]),
                _px(found.after.residual_px[index]),
            )
        )
    return text_table(rows if found.mistakes else [row[:-1] for row in rows])


def _distances(check: CameraCheck) -> Array:
    """(C,) from the head, in the corrected rig; NaN where the head is behind."""
    head = head_places(check.diagnosis.after)
    if not len(head):
        return np.full(len(check.rig), np.nan)
    middle = np.median(head, axis=0)
    depth = np.array([float(camera.to_camera(middle)[2]) for camera in check.diagnosis.rig])
    return np.where(depth > MIN_DEPTH, depth, np.nan)


def head_places(found: Agreement) -> Array:
    """(N, 3) where the head is in the frames that show it, in the world of the rig."""
    return np.zeros((0, 3)) if found.motion is None else found.motion.translation


def _epipolar_lines(check: CameraCheck) -> Iterator[str]:
    yield "Median distance of landmarks from the epipolar lines of each two cameras, px:"
    yield from _square(check.epipolar, check.rig.names)
    if check.diagnosis.mistakes:
        yield "Without the mistakes:"
        yield from _square(check.epipolar_after, check.rig.names)
    yield ""


def _square(table: Array, names: tuple[str, ...]) -> Iterator[str]:
    if len(names) > _MOST_COLUMNS:
        known = table[np.isfinite(table)]
        yield f"  {np.median(known):.1f} in the middle, {known.max():.1f} at most (all are in report.json)"
        return
    rows = [("", *names)]
    for name, row in zip(names, table, strict=True):
        rows.append((name, *("." if np.isnan(value) else _px(float(value)) for value in row)))
    yield from (f"  {line}" for line in text_table(rows))


def _head_lines(found: Agreement) -> Iterator[str]:
    if np.isfinite(found.scale):
        yield (
            f"The head is {head_height(found.scale)} tall in the world of "
            f"these cameras, {found.scale:.2f} times the mean head; its shape is off by "
            f"{found.misfit:.2f} of its radius."
        )
    up = world_up(found)
    if up is not None and up[1] < 0.5:
        axis = int(np.argmax(np.abs(up)))
        sign = "-" if up[axis] < 0 else "+"
        name = f"{sign}{'XYZ'[axis]}"
        yield f"The head stands along {name} of this world; where it counts, vultus takes Y for up."


def world_up(found: Agreement) -> Array | None:
    """(3,) the direction in which the head stands in the world of the rig; None where it is not known."""
    if found.motion is None:
        return None
    up = found.motion.rotation[:, :, 1].mean(0)
    return np.asarray(up / max(float(np.linalg.norm(up)), 1e-9))


def _detectable_words(each: Detectability) -> str:
    shown = each.shown
    if each.kind == "half-pixel":
        words = (
            f"Half a pixel in all principal points: the landmarks show {0.5 * shown.value:+.2f} px "
            f"+- {0.5 * shown.error:.2f}; "
        )
        return words + (
            "half a pixel would be seen." if each.detectable else "it could not be told from none by these."
        )
    if not each.detectable:
        return (
            f"Distortion: where the head is, it moves the landmarks apart by {shown.size_px:.1f} px only; "
            "they cannot tell whether it is right."
        )
    share, error = 100 * (1 - shown.value), 100 * shown.error
    return f"Distortion: the landmarks show {share:.0f} % +- {error:.0f} of it."


def _fix_lines(check: CameraCheck) -> Iterator[str]:
    footage = [mistake for mistake in check.diagnosis.mistakes if not mistake.in_rig]
    if check.fixed is not None:
        yield ""
        yield f"Corrected cameras: {check.fixed}"
        yield "To use them, in shoot.toml:"
        yield "  [calibration]"
        yield '  source = "file"'
        yield f'  file = "{check.fixed.resolve()}"'
        yield '  format = "vultus"'
    elif check.diagnosis.mends:
        yield ""
        yield "With --fix the corrected cameras are written to a new file."
    if footage:
        yield "Not to be mended in the cameras, but in the footage: " + "; ".join(
            str(each) for each in footage
        )


def _document(check: CameraCheck) -> dict[str, Any]:
    found, names = check.diagnosis, check.rig.names
    return {
        "format": "vultus-cameras-check",
        "version": 1,
        "shoot": check.name,
        "cameras_file": str(check.checked),
        "source": check.source,
        "good": check.exit_status == 0,
        "exit_status": check.exit_status,
        "frames": check.sightings.frames.tolist(),
        "mistakes": [_mistake(mistake, names) for mistake in found.mistakes],
        "contradicting": list(found.contradicting),
        "remarks": list(check.remarks),
        "cameras": {
            name: {
                "residual_px": _number(found.before.residual_px[index]),
                "residual_px_without_mistakes": _number(found.after.residual_px[index]),
                "size": list(check.rig.cameras[index].size),
                "image_size": found.given.sizes[index].tolist(),
            }
            for index, name in enumerate(names)
        },
        "head": {
            "scale": _number(found.after.scale),
            "misfit": _number(found.after.misfit),
            "places_m": head_places(found.after).tolist(),
        },
        "epipolar_px": _table(check.epipolar),
        "epipolar_px_without_mistakes": _table(check.epipolar_after),
        "detectability": [
            {
                "kind": each.kind,
                "shown": _number(each.shown.value),
                "error": _number(each.shown.error),
                "detectable": each.detectable,
            }
            for each in found.detectable
        ],
        "fixed": None if check.fixed is None else os.fspath(check.fixed),
    }


def _mistake(mistake: Mistake, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "kind": mistake.kind,
        "cameras": list(mistake.cameras),
        "what": mistake.what,
        "fix": mistake.fix,
        "mended_by_cameras": mistake.in_rig,
        "before_px": {name: _number(value) for name, value in zip(names, mistake.before_px, strict=True)},
        "after_px": {name: _number(value) for name, value in zip(names, mistake.after_px, strict=True)},
    }


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _table(table: Array) -> list[list[float | None]]:
    return [[_number(value) for value in row] for row in table]

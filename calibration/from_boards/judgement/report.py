"""A board calibration for people and for programs: a table, a verdict, what to do next, all numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from calibration.from_boards.clocks.offsets import Offset, Undetermined
from calibration.from_boards.clocks.timing import Timing
from calibration.from_boards.judgement.clock_reasons import offset_words
from calibration.from_boards.judgement.facts import CameraFacts, Facts
from calibration.from_boards.judgement.reasons import Grade
from calibration.from_boards.judgement.verdict import CameraVerdict, RigVerdict
from calibration.text_table import text_table

SCHEMA = 1
"""Version of the layout of :func:`report_data`."""

_WIDTH = 100
_MOST_LISTED = 12
_COLUMNS = (
    "camera",
    "verdict",
    "images",
    "poses",
    "covered",
    "tilt deg",
    "RMS px",
    "held out px",
    "focal px",
    "centre px",
    "lens px",
    "place mm",
    "clock",
)
_LEGEND = (
    "images: in which the board was found, of all. poses: of these, that tie the camera to others. "
    "covered: share of the image with corners. tilt: of the boards against the image plane. "
    "RMS: of the corners. held out: on boards that the calibration did not see. "
    "focal, centre: with standard deviations. lens: what the lens may be wrong by where boards were. "
    "place: standard deviation of the position. clock: how late it is, in frames."
)


def table_lines(facts: Facts, verdict: RigVerdict) -> list[str]:
    """A table of the cameras, and the verdict in one sentence."""
    rows = [_COLUMNS, *(_row(camera, verdict[camera.name]) for camera in facts.cameras)]
    rows += [(name, "missing", *["-"] * (len(_COLUMNS) - 2)) for name in facts.calibration.left_out]
    return [*text_table(rows), "", verdict.sentence]


def advice_lines(verdict: RigVerdict) -> list[str]:
    """For each camera that is not good, what is wrong and what to do next."""
    lines = []
    for camera in verdict.cameras:
        if camera.grade is Grade.GOOD:
            continue
        lines.append(f"{camera.name}: {camera.grade.word}")
        for reason in camera.reasons:
            text = f"{_capital(reason.what)}. {reason.fix}." if reason.fix else f"{_capital(reason.what)}."
            lines += textwrap.wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return lines


def report_lines(facts: Facts, verdict: RigVerdict) -> list[str]:
    """The whole report as lines of plain text."""
    calibration = facts.calibration
    lines = [
        f"Board: {calibration.board}. The world is that of {calibration.reference}, with Y up.",
        "",
        *table_lines(facts, verdict),
        "",
        *advice_lines(verdict),
        "",
        *textwrap.wrap(_LEGEND, _WIDTH),
        "",
        *_distances(facts),
    ]
    for name, count in calibration.counts.items():
        missing = (*count.missing, *count.lens_missing)
        if missing:
            lines.append(f"{name}: the board was not found in {_numbers(missing)}")
    if calibration.rig.notes:
        lines += ["", *calibration.rig.notes]
    if calibration.rejected:
        lines += ["", f"Rejected images: {len(calibration.rejected)}"]
        lines += [f"  {one.camera} {one.frame}: {one.reason}" for one in calibration.rejected]
    return lines


def _row(facts: CameraFacts, verdict: CameraVerdict) -> tuple[str, ...]:
    deviations, (least, most) = facts.deviations, facts.tilts
    held_out = "-" if facts.held_out is None else f"{facts.held_out.held_out_px:.2f}"
    x, y = facts.camera.principal
    place = "-" if facts.reference else f"± {deviations.position.max() * 1000:.1f}"
    return (
        facts.name,
        verdict.grade.word,
        f"{facts.counts.found}/{facts.counts.images}",
        str(facts.counts.poses),
        f"{facts.coverage.share:.0%}",
        f"{least:.0f}-{most:.0f}",
        f"{facts.residual_px:.2f}",
        held_out,
        f"{facts.camera.focal.mean():.1f} ± {deviations.focal.max():.1f}",
        f"{x:.1f}, {y:.1f} ± {deviations.principal.max():.1f}",
        f"{facts.lens_px:.2f}",
        place,
        _clock(facts),
    )


def _clock(facts: CameraFacts) -> str:
    rest = facts.timing.rest
    if facts.timing.stretches:
        return "out of sync"
    if isinstance(rest, Undetermined):
        return f"{facts.late:+g}?" if facts.late else "unknown"
    return f"{facts.late + rest.frames:+.2f}".replace("-0.00", "+0.00") if not rest.drift else "drifts"


def _distances(facts: Facts) -> list[str]:
    """Distances between neighbours in the rig's order, which a person can check with a tape."""
    neighbours = [
        f"{a.name} to {b.name} {1000 * float(sum((a.centre - b.centre) ** 2)) ** 0.5:.1f} mm"
        for a, b in pairwise(facts.calibration.rig)
    ]
    return (
        textwrap.wrap(f"Distances, to check with a tape: {', '.join(neighbours)}.", _WIDTH)
        if neighbours
        else []
    )


def _numbers(frames: Iterable[int]) -> str:
    numbers = [str(frame) for frame in frames]
    more = len(numbers) - _MOST_LISTED
    return ", ".join(numbers[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def report_data(facts: Facts, verdict: RigVerdict) -> dict[str, Any]:
    """The whole report as numbers and texts that JSON can hold; pixels, millimetres, degrees and frames."""
    calibration = facts.calibration
    return {
        "schema": SCHEMA,
        "board": str(calibration.board),
        "reference": calibration.reference,
        "verdict": {"grade": verdict.grade.word, "sentence": verdict.sentence},
        "cameras": {camera.name: _camera_data(camera) for camera in facts.cameras},
        "verdicts": {
            camera.name: {
                "grade": camera.grade.word,
                "reasons": [
                    {**asdict(r), "grade": r.grade.word, "excess": _finite(r.excess)} for r in camera.reasons
                ],
            }
            for camera in verdict.cameras
        },
        "left_out": {name: str(error) for name, error in calibration.left_out.items()},
        "rejected": [asdict(one) for one in calibration.rejected],
    }


def _camera_data(facts: CameraFacts) -> dict[str, Any]:
    camera, deviations = facts.camera, facts.deviations
    return {
        "lens_model": camera.lens_model,
        "focal_px": camera.focal.tolist(),
        "focal_deviation_px": deviations.focal.tolist(),
        "principal_point_px": camera.principal.tolist(),
        "principal_point_deviation_px": deviations.principal.tolist(),
        "distortion": camera.coefficients.tolist(),
        "distortion_deviation": deviations.distortion[: len(camera.coefficients)].tolist(),
        "position_deviation_mm": (deviations.position * 1000).tolist(),
        "rotation_deviation_deg": [float(x) * 57.29577951308232 for x in deviations.rotation],
        "images": asdict(facts.counts) | {"found": facts.counts.found, "out_of_sync": facts.out_of_sync},
        "residual_px": facts.residual_px,
        "held_out_px": None if facts.held_out is None else facts.held_out.held_out_px,
        "lens_error_px": facts.lens_px,
        "lens_error_worst_px": float(facts.lens_error_px.max()),
        "coverage": {"share": facts.coverage.share, "regions": facts.coverage.regions},
        "tilt_deg": list(facts.tilts),
        "distance_mm": [1000 * distance for distance in facts.distances],
        "link": asdict(facts.link),
        "clock": _clock_data(facts.timing, facts.late),
    }


def _clock_data(timing: Timing, late: float) -> dict[str, Any]:
    return {
        "calibrated_as_late_by": late,
        "rest": _offset_data(timing.rest),
        "stretches": [
            asdict(stretch) | {"offset": _offset_data(stretch.offset)} for stretch in timing.stretches
        ],
    }


def _offset_data(offset: Offset | Undetermined) -> dict[str, Any]:
    return asdict(offset) | ({"words": offset_words(offset)} if isinstance(offset, Offset) else {})


def _finite(value: float) -> float | None:
    return value if abs(value) < 1e9 else None

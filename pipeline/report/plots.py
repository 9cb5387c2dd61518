"""The plots of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from fitting.head_motion import head_motion
from pipeline.drawing.shading import Colour
from pipeline.export.arkit import yaw_pitch_roll
from pipeline.report.facts import Facts
from pipeline.report.svg import Cells, Lines, Series, cells, lines
from pipeline.stores.landmarks import FrameStatus

Float = NDArray[np.float64]

_MILLIMETRES = 1e3
_STRONGEST = 18
_FELT = 0.02
"""A weight below that is not seen."""

STATUS_COLOURS: dict[FrameStatus, Colour] = {
    FrameStatus.OK: (64, 150, 104),
    FrameStatus.PENDING: (148, 150, 156),
    FrameStatus.MISSING: (148, 150, 156),
    FrameStatus.NO_FACE: (222, 158, 54),
    FrameStatus.UNREADABLE: (206, 62, 54),
}
STATUS_WORDS: dict[FrameStatus, str] = {
    FrameStatus.OK: "face found",
    FrameStatus.NO_FACE: "no face found",
    FrameStatus.MISSING: "no image",
    FrameStatus.UNREADABLE: "image cannot be read",
}
_FROM_GOOD_TO_BAD = tuple(STATUS_COLOURS)


@dataclass(frozen=True)
class Plot:
    """A plot with what is to be read with it.

    Attributes:
        title: above it, with the unit.
        drawing: the SVG.
        legend: names of the lines, in the order of their colours.
        scale: for cells, what the lowest and the highest colour mean.
    """

    title: str
    drawing: Markup
    legend: tuple[str, ...] = ()
    scale: tuple[str, str] | None = None


def residual_plots(facts: Facts) -> list[Plot]:
    """How far seen and fitted landmarks are apart: by frame, and by frame and camera."""
    performance = facts.performance
    plots = []
    if performance.reliability is not None:
        by_frame = performance.reliability.by_frame
        values = {"median": by_frame.median_px, "95 percent below": by_frame.p95_px}
        plots.append(_line_plot(facts, "Reprojection error", "px", values))
    by_camera = _medians(performance.residual_px).T
    title = "Reprojection error by camera, median"
    return [*plots, _cell_plot(facts, title, performance.rig.names, by_camera, performance.frames)]


def uncertainty_plots(facts: Facts) -> list[Plot]:
    """How far the surface may be off; nothing where the fit does not say."""
    uncertainty = facts.performance.uncertainty
    if uncertainty is None:
        return []
    values = {"surface, one standard deviation": uncertainty.surface * _MILLIMETRES}
    return [_line_plot(facts, "Uncertainty", "mm", values)]


def motion_plots(facts: Facts) -> list[Plot]:
    """Where the head is and looks."""
    pose = torch.as_tensor(facts.performance.pose, dtype=torch.float64)
    with torch.no_grad():
        identity = torch.as_tensor(facts.performance.identity, dtype=facts.model.mean.dtype)
        joints = facts.model.joints(identity.to(facts.model.mean.device)).double().cpu()
        motion = head_motion(pose, joints).numpy()
    angles = np.unwrap(yaw_pitch_roll(Rotation.from_rotvec(motion[:, :3])), axis=0)
    place = (motion[:, 12:] - np.median(motion[:, 12:], axis=0)) * _MILLIMETRES
    turn = dict(zip(("yaw, to the actor's left", "pitch, down", "roll"), np.degrees(angles).T, strict=True))
    move = dict(zip(("x", "y", "z"), place.T, strict=True))
    return [
        _line_plot(facts, "Head: turn", "degrees", turn, from_zero=False),
        _line_plot(facts, "Head: place, from the median", "mm", move, from_zero=False),
    ]


def expression_plots(facts: Facts) -> list[Plot]:
    """The expressions that are strongest in the take; nothing for a face at rest."""
    weights, names = np.abs(facts.performance.expression).T, facts.info.expression_names
    strength = np.quantile(weights, 0.98, axis=1)
    order = [
        int(each) for each in np.argsort(-strength, kind="stable")[:_STRONGEST] if strength[each] > _FELT
    ]
    if not order:
        return []
    chosen = tuple(names[each] for each in order)
    title = f"Expressions, the strongest {len(chosen)} of {len(names)}"
    return [_cell_plot(facts, title, chosen, weights[order], facts.performance.frames, unit="", most=1.0)]


def seen_plot(facts: Facts) -> Plot:
    """What became of each frame of each camera; in a column of several, the worst."""
    timeline = facts.timeline
    colours = np.zeros((len(facts.marks), timeline.columns, 4), np.uint8)
    for row, marks in enumerate(facts.marks):
        badness = np.array([_FROM_GOOD_TO_BAD.index(FrameStatus(each)) for each in marks.status], np.float64)
        worst = timeline.spread(marks.frames, badness)
        for place, status in enumerate(_FROM_GOOD_TO_BAD):
            colours[row, worst == place] = (*STATUS_COLOURS[status], 255)
    names = [marks.camera for marks in facts.marks]
    return Plot("What each camera saw", cells(timeline, Cells(names, colours)))


def _line_plot(
    facts: Facts, title: str, unit: str, values: dict[str, Float], *, from_zero: bool = True
) -> Plot:
    timeline, frames = facts.timeline, facts.performance.frames
    together = np.nanmax if from_zero else np.nanmean
    series = [Series(name, timeline.spread(frames, each, together)) for name, each in values.items()]
    marked = [int(frame) for frame in facts.flagged]
    drawing = lines(timeline, Lines(series, marked, from_zero))
    return Plot(f"{title}, {unit}", drawing, tuple(values))


def _cell_plot(
    facts: Facts,
    title: str,
    names: Sequence[str],
    values: Float,
    frames: NDArray[np.int64],
    *,
    unit: str = "px",
    most: float = 0.0,
) -> Plot:
    """Values (rows, F) as colours from 0 to `most`, or to what hardly any exceeds."""
    known = values[np.isfinite(values)]
    most = most or (float(np.quantile(known, 0.99)) if known.size else 1.0)
    spread = facts.timeline.spread(frames, values)
    drawing = cells(facts.timeline, Cells(names, heat(spread, most)))
    return Plot(title, drawing, scale=("0", f"{most:.2g} {unit}".strip()))


def heat(values: Float, most: float) -> NDArray[np.uint8]:
    """RGBA (..., 4) of values (...) from dark blue at 0 to yellow at `most`; transparent for NaN."""
    levels = (255 * np.clip(np.nan_to_num(values) / max(most, 1e-9), 0, 1)).round().astype(np.uint8)
    colours = cv2.applyColorMap(levels.reshape(-1, 1), cv2.COLORMAP_CIVIDIS)[:, 0, ::-1]
    alpha = np.where(np.isfinite(values), 255, 0).astype(np.uint8)
    return np.concatenate([colours.reshape(*values.shape, 3), alpha[..., None]], axis=-1)


def _medians(values: NDArray[np.floating]) -> Float:
    """The medians (...) of the finite ones of values (..., L); NaN for none."""
    ascending = np.sort(values, axis=-1)  # NaN comes last
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    places = (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[-1] - 1))
    middle = [np.take_along_axis(ascending, place, -1)[..., 0] for place in places]
    return np.asarray((middle[0] + middle[1]) / 2, np.float64)

"""The history of a run as a picture: loss, learning rate, error and spread over the steps."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError

LOG_FILE = "log.jsonl"
PLOT_FILE = "log.png"

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 90, 20, 34, 30
INK, GRID, CURVE, SMOOTH = (60, 60, 60), (225, 225, 225), (235, 200, 160), (180, 90, 20)
FONT = cv2.FONT_HERSHEY_SIMPLEX
SMOOTHING = 0.9
TICKS = 5
DOTS_BELOW = 40
"""With fewer points than these each is marked."""


@dataclass(frozen=True)
class Panel:
    """One quantity of the log; a noisy one is drawn with its running mean."""

    key: str
    title: str
    noisy: bool = False


PANELS = (
    Panel("loss", "loss", noisy=True),
    Panel("learning_rate", "learning rate"),
    Panel("nme68", "error of 68 landmarks, held out, percent of the eyes' distance"),
    Panel("spread", "spread of normalised residuals, held out"),
)


def draw_history(folder: Path) -> Path:
    """Draw the log of a run into a picture beside it.

    Args:
        folder: of the run.

    Returns:
        The picture's path; there is none yet if nothing has been logged.

    Raises:
        InputError: the log cannot be read, or the picture not be written.
    """
    records = read_log(folder)
    series = [(panel, series_of(records, panel.key)) for panel in PANELS]
    drawn = [_draw(panel, steps, values) for panel, (steps, values) in series if len(steps)]
    path = folder / PLOT_FILE
    if drawn and not cv2.imwrite(str(path), np.concatenate(drawn)):
        raise InputError("the picture of the log cannot be written", where=str(path))
    return path


def read_log(folder: Path) -> list[dict[str, float]]:
    """The records of a run's log; a last line that was cut off is left out.

    Raises:
        InputError: another line is malformed.
    """
    path = folder / LOG_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise InputError(f"not a record ({error})", where=f"{path}, line {number}") from error
    return records


def series_of(
    records: Sequence[dict[str, float]], key: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps (n,) and finite values (n,) of one quantity."""
    pairs = [(record["step"], record[key]) for record in records if record.get(key) is not None]
    steps, values = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    finite = np.isfinite(values)
    return steps[finite], values[finite]


def _draw(panel: Panel, steps: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A chart (HEIGHT, WIDTH, 3)."""
    image = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    ticks_x, ticks_y = _ticks(0.0, steps.max()), _ticks(values.min(), values.max())
    limits = (0.0, max(steps.max(), 1.0)), (min(ticks_y[0], values.min()), max(ticks_y[-1], values.max()))
    for tick in ticks_y:
        _, y = _place(0.0, tick, limits)
        cv2.line(image, (LEFT, y), (WIDTH - RIGHT, y), GRID, 1)
        _text(image, f"{tick:.4g}", (8, y + 4))
    for tick in ticks_x:
        x, y = _place(tick, limits[1][0], limits)
        cv2.line(image, (x, TOP), (x, y), GRID, 1)
        _text(image, f"{tick:.0f}", (x - 4 * len(f"{tick:.0f}"), HEIGHT - 10))
    if panel.noisy:
        _curve(image, steps, values, limits, CURVE)
        values = _smooth(values)
    _curve(image, steps, values, limits, SMOOTH)
    _text(image, f"{panel.title}: {values[-1]:.4g}", (LEFT, 20))
    return image


Limits = tuple[tuple[float, float], tuple[float, float]]


def _curve(
    image: NDArray[np.uint8],
    steps: NDArray[np.float64],
    values: NDArray[np.float64],
    limits: Limits,
    colour: tuple[int, int, int],
) -> None:
    points = np.array([_place(x, y, limits) for x, y in zip(steps, values, strict=True)], dtype=np.int32)
    cv2.polylines(image, [points], False, colour, 1, cv2.LINE_AA)
    if len(points) < DOTS_BELOW:
        for x, y in points:
            cv2.circle(image, (int(x), int(y)), 2, colour, -1, cv2.LINE_AA)


def _place(x: float, y: float, limits: Limits) -> tuple[int, int]:
    """The pixel of a point of the chart."""
    (left, right), (low, high) = limits
    across = (x - left) / max(right - left, 1e-12)
    up = (y - low) / max(high - low, 1e-12)
    return round(LEFT + across * (WIDTH - LEFT - RIGHT)), round(
        HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers about an interval, some five of them."""
    span = max(high - low, 1e-9 * max(abs(high), 1.0))
    rough = span / TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
    return [step * k for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A running mean that is not drawn to zero at the start."""
    total = weight = 0.0
    smooth = np.empty_like(values)
    for index, value in enumerate(values):
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1.0
        smooth[index] = total / weight
    return smooth


def _text(image: NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    cv2.putText(image, text, place, FONT, 0.42, INK, 1, cv2.LINE_AA)

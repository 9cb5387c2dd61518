"""Plots over the frames of a take as SVG, whose colours are those of the page's style, light or dark."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from pipeline.report.timeline import Timeline

Float = NDArray[np.float64]

WIDTH = 1000
_LEFT, _RIGHT, _BOTTOM, _TOP = 150, 12, 24, 8
_ROW = 20
_LONGEST = 22  # letters that there is room for at the left


@dataclass(frozen=True, eq=False)
class Series:
    """A line: a name, and values (columns,) of a timeline, NaN where there is none."""

    name: str
    values: Float


@dataclass(frozen=True)
class Lines:
    """What a plot of lines shows.

    Attributes:
        series: at most six.
        marked: frames to point out.
        from_zero: whether the axis begins at 0.
        height: in units of the drawing, which is :data:`WIDTH` wide.
    """

    series: Sequence[Series]
    marked: Sequence[int] = ()
    from_zero: bool = True
    height: int = 200


def lines(timeline: Timeline, plot: Lines) -> Markup:
    """Lines over the frames; a gap in the frames is a gap in the line."""
    low, high, step = _axis(plot)
    drawing = _Drawing(timeline, plot.height)
    for share in sorted({timeline.share(frame) for frame in plot.marked}):
        drawing.mark(share)
    for value in np.arange(low, high + step / 2, step):
        drawing.level(drawing.down((value - low) / (high - low)), f"{value:.10g}")
    drawing.frames()
    for number, series in enumerate(plot.series):
        shares = (series.values - low) / (high - low)
        drawing.line(shares, f"line s{number}")
    return drawing.markup()


@dataclass(frozen=True, eq=False)
class Cells:
    """What a plot of cells shows.

    Attributes:
        names: of the rows.
        colours: (rows, columns, 4) uint8 RGBA; transparent where there is nothing.
    """

    names: Sequence[str]
    colours: NDArray[np.uint8]


def cells(timeline: Timeline, plot: Cells) -> Markup:
    """A row of coloured cells for each name, over the frames."""
    height = _ROW * len(plot.names) + _TOP + _BOTTOM
    drawing = _Drawing(timeline, height)
    for row, name in enumerate(plot.names):
        drawing.name(_TOP + _ROW * (row + 0.5), _shortened(name))
    drawing.picture(plot.colours)
    for row in range(1, len(plot.names)):
        drawing.parting(_TOP + _ROW * row)
    drawing.frames()
    return drawing.markup()


def data_uri(picture: NDArray[np.uint8], suffix: str) -> str:
    """A picture (H, W, 3) RGB or (H, W, 4) RGBA as an address that is the picture, .png or .jpg."""
    order = cv2.COLOR_RGBA2BGRA if picture.shape[-1] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(suffix, cv2.cvtColor(picture, order))
    kind = {".png": "png", ".jpg": "jpeg"}[suffix]
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"


class _Drawing:
    """An SVG with room for labels at the left of a plot and under it."""

    def __init__(self, timeline: Timeline, height: int) -> None:
        self._timeline, self._height = timeline, height
        self._root = ElementTree.Element("svg", {"viewBox": f"0 0 {WIDTH} {height}", "role": "img"})

    def markup(self) -> Markup:
        return Markup(ElementTree.tostring(self._root, encoding="unicode"))  # escaped by XML

    def down(self, share: float) -> float:
        """Where a share of the height is."""
        return self._height - _BOTTOM - share * (self._height - _BOTTOM - _TOP)

    def across(self, share: float) -> float:
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def level(self, y: float, text: str) -> None:
        self._add("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, kind="grid")
        self._text(_LEFT - 8, y + 4, text, "end")

    def name(self, y: float, text: str) -> None:
        self._text(_LEFT - 8, y + 4, text, "end")

    def parting(self, y: float) -> None:
        """A gap between two rows."""
        self._add("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, kind="parting")

    def frames(self) -> None:
        """The numbers under the plot."""
        for frame in self._timeline.ticks:
            x = self.across(self._timeline.share(frame))
            base = self._height - _BOTTOM
            self._add("line", x1=x, x2=x, y1=base, y2=base + 4, kind="tick")
            self._text(x, self._height - 6, str(frame), "middle")

    def mark(self, share: float) -> None:
        """A column, by where its middle is."""
        x, width = self.across(share), (WIDTH - _LEFT - _RIGHT) / self._timeline.columns
        self._add("rect", x=x - width / 2, y=_TOP, width=width, height=self.down(0) - _TOP, kind="marked")

    def line(self, shares: Float, kind: str) -> None:
        for run in _runs(np.isfinite(shares)):
            places = [
                (self.across((column + 0.5) / self._timeline.columns), self.down(shares[column]))
                for column in run
            ]
            if len(places) == 1:
                self._add("circle", cx=places[0][0], cy=places[0][1], r=2, kind=f"{kind} dot")
            else:
                points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
                ElementTree.SubElement(self._root, "polyline", {"points": points, "class": kind})

    def picture(self, colours: NDArray[np.uint8]) -> None:
        size = {"x": _LEFT, "y": _TOP, "width": WIDTH - _LEFT - _RIGHT}
        given = {key: str(value) for key, value in size.items()}
        given |= {"height": str(_ROW * len(colours)), "preserveAspectRatio": "none", "class": "cells"}
        ElementTree.SubElement(self._root, "image", given | {"href": data_uri(colours, ".png")})

    def _add(self, tag: str, *, kind: str, **places: float) -> None:
        given = {key: f"{value:.1f}" for key, value in places.items()}
        ElementTree.SubElement(self._root, tag, given | {"class": kind})

    def _text(self, x: float, y: float, text: str, anchor: str) -> None:
        given = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
        ElementTree.SubElement(self._root, "text", given).text = text


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _runs(known: NDArray[np.bool_]) -> Iterator[range]:
    """The stretches of columns that are known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        yield range(int(start), int(end))


def _axis(plot: Lines) -> tuple[float, float, float]:
    """Where the axis begins and ends, and how far apart its levels are: round numbers."""
    values = np.concatenate([series.values for series in plot.series])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low = min(low, 0.0) if plot.from_zero else low
    span = max(high - low, 1e-6)
    scale = 10.0 ** np.floor(np.log10(span / 4))
    step = float(next(scale * each for each in (1, 2, 2.5, 5, 10) if span / (scale * each) <= 5))
    return float(np.floor(low / step) * step), float(np.ceil(high / step - 1e-9) * step), step

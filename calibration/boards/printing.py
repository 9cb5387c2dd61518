"""A board as a file to print, in its true size: PDF, or PNG with its resolution in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from fpdf import FPDF
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from calibration.boards.drawing import rasterised
from calibration.boards.sheet import Sheet
from calibration.errors import UsageError
from calibration.whole_file import whole_file

INCH = 0.0254
MAX_DPI = 4800
MAX_PIXELS = 400_000_000

_TICK = 0.002
_STROKE = 0.0002


def print_board(sheet: Sheet, file: Path, dpi: float = 300) -> Path:
    """Write a page with a board on it.

    Args:
        sheet: the page.
        file: ends in .pdf or .png.
        dpi: pixels per inch of a PNG.

    Returns:
        the file.

    Raises:
        UsageError: the file ends otherwise, or the PNG would be too large.
        InputError: the file cannot be written.
    """
    if file.suffix.lower() not in WRITERS:
        raise UsageError(
            f"boards are printed to {' or '.join(WRITERS)}, not to '{file.suffix}'", where=str(file)
        )
    with whole_file(file) as partial:
        WRITERS[file.suffix.lower()](sheet, partial, dpi)
    return file


def _write_pdf(sheet: Sheet, file: Path, dpi: float) -> None:
    """Vectors, so that the resolution does not matter."""
    pdf = FPDF(unit="mm", format=(sheet.page[0] * 1000, sheet.page[1] * 1000))
    pdf.set_auto_page_break(False)
    pdf.add_page()
    pdf.set_title(sheet.lines[0][2])
    left, top = sheet.corner
    # All black is one path, so that no viewer leaves a light seam between boxes that touch.
    with pdf.new_path() as path:
        path.style.fill_color = "#000000"
        path.style.stroke_color = None
        path.style.auto_close = True
        for x, y, width, height in sheet.drawing.boxes * 1000:
            path.rectangle(left * 1000 + x, top * 1000 + y, width, height)
        for x, y, radius in sheet.drawing.discs * 1000:
            path.circle(left * 1000 + x, top * 1000 + y, radius)
    pdf.set_font("helvetica", size=sheet.text / INCH * 72)
    for x, y, text in sheet.lines:
        pdf.text(x * 1000, y * 1000, text)
    pdf.set_line_width(_STROKE * 1000)
    for x0, y0, x1, y1 in _ruler_lines(sheet):
        pdf.line(x0 * 1000, y0 * 1000, x1 * 1000, y1 * 1000)
    pdf.output(str(file))


def _write_png(sheet: Sheet, file: Path, dpi: float) -> None:
    if not 1 <= dpi <= MAX_DPI:
        raise UsageError(f"a PNG of {dpi:g} dpi cannot be made", fix=f"Use 1 to {MAX_DPI} dots per inch")
    scale = round(dpi / INCH)  # a PNG tells whole pixels per metre
    height, width = (max(1, round(side * scale)) for side in sheet.page[::-1])
    if height * width > MAX_PIXELS:
        raise UsageError(
            f"at {dpi:g} dpi the page has {width} x {height} pixels",
            where=str(file),
            fix="Use fewer dots per inch, or a PDF",
        )
    corner = (sheet.corner[0] * scale, sheet.corner[1] * scale)
    page = Pictures.fromarray(rasterised(sheet.drawing, (height, width), scale, corner))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=max(1.0, sheet.text * scale))
    for x, y, text in sheet.lines:
        draw.text((x * scale, y * scale), text, fill=0, font=font, anchor="ls")
    stroke = max(1, round(_STROKE * scale))
    for line in _ruler_lines(sheet):
        draw.line(tuple(float(value) for value in np.multiply(line, scale)), fill=0, width=stroke)
    page.save(file, format="PNG", dpi=(scale * INCH, scale * INCH))


def _ruler_lines(sheet: Sheet) -> list[tuple[float, float, float, float]]:
    """The ruler with a tick at each end: x0, y0, x1, y1 in metres."""
    x, y, length = sheet.ruler.x, sheet.ruler.y, sheet.ruler.length
    ends = [(end, y - _TICK, end, y + _TICK) for end in (x, x + length)]
    return [(x, y, x + length, y), *ends]


WRITERS: dict[str, Callable[[Sheet, Path, float], None]] = {".pdf": _write_pdf, ".png": _write_png}
"""By the ending of the file."""

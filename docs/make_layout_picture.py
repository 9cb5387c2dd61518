"""Draws some layouts on the mean head, as the README shows them: `python docs/make_layout_picture.py`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from detector.layouts import layout
from fitting.head_model import load_head_model
from pipeline.drawing.layouts import draw_layout

NAMES = ("dense703", "teeth", "skull", "jaw")
WIDTH = 480


def main() -> None:
    """Write the picture beside this file."""
    model = load_head_model()
    rows = []
    for name in NAMES:
        picture = draw_layout(layout(name, model), model)
        # the upper row of views: front, half and side
        views = picture[: picture.shape[0] // 2]
        height = round(views.shape[0] * WIDTH / views.shape[1])
        rows.append(cv2.resize(views, (WIDTH, height), interpolation=cv2.INTER_AREA))
    picture = np.concatenate([np.concatenate(rows[:2], 1), np.concatenate(rows[2:], 1)])
    path = Path(__file__).parent / "layouts.jpg"
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()

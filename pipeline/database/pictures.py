"""Pictures of what a library of expressions covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fitting.arkit import ARKIT_SHAPES
from pipeline.database.columns import LEVELS
from pipeline.database.statistics import Statistics
from pipeline.drawing.charts import bars, matrix
from pipeline.drawing.curves import Axes, plot
from pipeline.overlays.sheet_and_movies import write_picture

_COMPONENTS = 50


def write_pictures(found: Statistics, folder: Path) -> list[Path]:
    """Write coverage.png, correlation.png and components.png into a folder.

    Raises:
        InputError: the folder cannot be written.
    """
    count = f"{found.frames} frames of {len(found.subjects)} subjects"
    shares = {name: row.tolist() for name, row in zip(ARKIT_SHAPES, found.shares, strict=True)}
    legend = [f"frames above {level:g}" for level in LEVELS]
    curve = (np.arange(_COMPONENTS + 1.0), np.cumsum([0.0, *found.explained[:_COMPONENTS]]))
    axes = Axes("Variance explained by principal components", "components", "share", _COMPONENTS, 1.0)
    pictures = {
        "coverage": bars(f"Coverage: {count}; lacking in red", shares, legend, found.lacking),
        "correlation": matrix(f"Correlation: {count}", ARKIT_SHAPES, found.correlation),
        "components": plot({count: curve}, axes),
    }
    paths = [folder / f"{name}.png" for name in pictures]
    for path, picture in zip(paths, pictures.values(), strict=True):
        write_picture(path, picture)
    return paths

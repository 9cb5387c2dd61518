"""Layouts: named lists of queries on the canonical head."""

from __future__ import annotations

from pathlib import Path

from calibration.errors import UsageError
from detector.layouts.carried import carried, own_vertices
from detector.layouts.density import sampling_density
from detector.layouts.file import read_layout, write_layout
from detector.layouts.known import LAYOUTS, known_layout
from detector.layouts.layout import PARTS, Layout, queries_of
from fitting.head_model import HeadModel, load_head_model
from fitting.head_traits import MAKEHUMAN

__all__ = [
    "LAYOUTS",
    "PARTS",
    "Layout",
    "check_layout",
    "layout",
    "queries_of",
    "sampling_density",
    "write_layout",
]


def layout(name: str | Path, model: HeadModel) -> Layout:
    """The layout of a name or of a file.

    Args:
        name: one of :data:`LAYOUTS`: "ibug68" (the 68 landmarks of 300-W), "dense320" and "dense703"
            (farthest point samples: the face densely, then ears and eyes, then teeth and skull), "vertices"
            (all of the model's), "dense50k" (even over all that can be seen, and the teeth), "teeth" (500
            upper, then 500 lower), "eyes" (pupil and four points of the iris's edge, left then right),
            "skull" and "jaw" (1000 and 500 points of bone); or the path of a file that
            ``vultus layouts make`` wrote.
        model: the head model to lie on: ours, on whose canonical shape queries lie, or a registered one of
            others, which gets the same queries (but "vertices" are its own).

    Raises:
        UsageError: there is no such layout, the message names those that there are; or the model is not
            registered.
        InputError: the file is no layout.
    """
    check_layout(name)
    if model.traits.name != MAKEHUMAN:
        ours = load_head_model()
        return own_vertices(model) if str(name) == "vertices" else carried(layout(name, ours), ours, model)
    return known_layout(str(name), model) if str(name) in LAYOUTS else read_layout(Path(name), model)


def check_layout(name: str | Path) -> None:
    """Refuse, without building anything, what is neither the name of a layout nor a file.

    Raises:
        UsageError: the message names the layouts that there are.
    """
    if str(name) not in LAYOUTS and not Path(name).is_file():
        raise UsageError(
            f"there is no layout named {str(name)!r}, nor a file",
            fix=f"Choose one of {', '.join(LAYOUTS)}, or make one with: vultus layouts make",
        )

"""What a layout is: a named list of queries on, or inside, the canonical head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.errors import UsageError
from detector.region import QUERY_SCALE
from fitting.anatomy import SKULL_POINTS, anatomy
from fitting.head_model import HeadModel
from fitting.surface import SurfacePoints

PARTS = ("skin", "eyes", "teeth", "tongue", "lashes", "skull", "jaw", "inside")
"""What landmarks can belong to; ``inside`` is any place that nothing but the query names."""

_PART_OF = {"left_eye": "eyes", "right_eye": "eyes", "upper_teeth": "teeth", "lower_teeth": "teeth"}


@dataclass(frozen=True)
class Layout:
    """Landmarks to ask the network for.

    Attributes:
        name: what it is called.
        queries: (L, 3) canonical positions in units of QUERY_SCALE, float32.
        surface: the same L points on the head model's surface; None if they lie inside the head.
        bones: (L,) which points of :func:`fitting.anatomy.anatomy` they are; None if they are not.
    """

    name: str
    queries: Tensor
    surface: SurfacePoints | None = None
    bones: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def points(self) -> SurfacePoints:
        """The points on the head model's surface.

        Raises:
            UsageError: they do not lie on it, so that the head model cannot be fitted to them.
        """
        if self.surface is None:
            raise UsageError(
                f"the landmarks of the layout {self.name} lie inside the head, and the head model cannot be "
                "fitted to them",
                fix="Fit with a layout of the surface, such as ibug68, dense320, dense703, teeth or eyes",
            )
        return self.surface

    def parts(self, model: HeadModel) -> NDArray[np.str_]:
        """(L,) the part, one of :data:`PARTS`, that each landmark belongs to."""
        if self.surface is not None:
            names = np.array([_PART_OF.get(name, name) for name in model.traits.part_names])
            return np.asarray(names[model.assets.part[self.surface.vertices[:, 0]]])
        if self.bones is not None:
            return np.where(self.bones < SKULL_POINTS, "skull", "jaw")
        return np.full(len(self), "inside")


def on_surface(name: str, points: SurfacePoints, model: HeadModel) -> Layout:
    """A layout of points of the surface."""
    return Layout(name, queries_of(points, model), points)


def on_bones(name: str, index: NDArray[np.int64], model: HeadModel) -> Layout:
    """A layout of points (L,) of the skull and the mandible."""
    canonical = anatomy(model).canonical[torch.from_numpy(index).to(model.mean.device)]
    return Layout(name, _as_queries(canonical.detach().cpu().numpy()), bones=index)


def at_positions(name: str, canonical: NDArray[np.floating]) -> Layout:
    """A layout of any places (L, 3) of the canonical head, metres."""
    return Layout(name, _as_queries(canonical))


def queries_of(points: SurfacePoints, model: HeadModel) -> Tensor:
    """Queries (L, 3) of points on a head model's surface: where they lie on the canonical head.

    Raises:
        UsageError: the model is not registered to it.
    """
    return _as_queries(points.evaluate(model.canonical))


def _as_queries(canonical: NDArray[np.floating]) -> Tensor:
    return torch.as_tensor(np.asarray(canonical) / QUERY_SCALE, dtype=torch.float32)

"""A head model's numbers as arrays in double precision, for what needs no gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from fitting.head_model import HeadModel

Array = NDArray[np.float64]


def as_array(tensor: Tensor) -> Array:
    """A copy of a tensor's numbers, cut from its graph, on the CPU."""
    return tensor.detach().cpu().numpy().astype(np.float64)


def mean_head(model: HeadModel) -> Array:
    """(V, 3) metres, the vertices of the mean head; an actor's personal shape included."""
    return as_array(model.mean)


def outer_triangles(model: HeadModel) -> NDArray[np.int64]:
    """(T, 3) vertices of the triangles of the skin that is seen from outside."""
    outer = np.zeros(len(model.mean), dtype=np.bool_)
    outer[model.region("outer_skin")] = True
    triangles = np.asarray(model.triangles, np.int64)
    return triangles[outer[triangles].all(axis=1)]

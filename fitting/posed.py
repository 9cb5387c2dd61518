"""The geometry of a performance: what the head model gives for its coefficients."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fitting.model_arrays import as_array

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

Float = NDArray[np.float64]


def posed_vertices(model: HeadModel, performance: Performance, position: int) -> Float:
    """The head of one frame, (V, 3) metres in the world.

    Args:
        model: that the performance was fitted with.
        performance: of F frames.
        position: of the frame in the performance, 0 to F - 1 (not its number).
    """
    return _evaluate(
        personalised(model, performance.personal_shape),
        performance.identity,
        performance.expression[position],
        performance.pose[position],
    )


def neutral_vertices(model: HeadModel, identity: ArrayLike, personal_shape: ArrayLike | None = None) -> Float:
    """The neutral head (V, 3) of an identity (B,), in canonical axes, metres.

    Args:
        model: the head model.
        identity: (B,).
        personal_shape: (V, 3) metres, what the actor's neutral has beyond the identity, if anything.
    """
    return _evaluate(
        personalised(model, personal_shape),
        identity,
        np.zeros(len(model.expression_names)),
        np.zeros(model.pose_size),
    )


def personalised(model: HeadModel, personal_shape: ArrayLike | None) -> HeadModel:
    """The head model with an actor's personal shape (V, 3), metres, in its mean head.

    It shares everything else with the model, which stays as it is. Layouts are made on the model itself:
    their queries are points of the canonical head.
    """
    if personal_shape is None:
        return model
    own = copy.copy(model)
    own._buffers = {**model._buffers, "mean": model.mean + _tensor(model, personal_shape)}
    return own


def joint_positions(model: HeadModel, identity: ArrayLike) -> Float:
    """The joints (K, 3) of an identity (B,) in canonical axes, metres."""
    with torch.no_grad():
        return as_array(model.joints(_tensor(model, identity)))


def _evaluate(model: HeadModel, identity: ArrayLike, expression: ArrayLike, pose: ArrayLike) -> Float:
    with torch.no_grad():
        return as_array(model(_tensor(model, identity), _tensor(model, expression), _tensor(model, pose)))


def _tensor(model: HeadModel, values: ArrayLike) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=model.mean.dtype, device=model.mean.device)

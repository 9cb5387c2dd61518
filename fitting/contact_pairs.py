"""Which skin of a head model is watched, so that it does not enter the eyeballs and the teeth."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from torch import Tensor

from fitting.head_model import HeadModel
from fitting.head_topology import JOINT_NAMES
from fitting.intersection import Contacts, Obstacle
from fitting.model_arrays import mean_head
from fitting.spread import thinned

Indices = NDArray[np.int64]

REACH = 0.006
"""Metres. Skin that is nearer than this to an eyeball or a row of teeth, on the mean head, is watched."""

OWN_FAULT = 0.0003
"""Metres. Skin that one expression alone takes deeper into an obstacle of the mean head is left out: it is
how the model's own shapes are made, as the floor of the mouth when the jaw opens."""

PAIRS = 60
"""Vertices of skin that are watched around each obstacle, evenly spread."""

EYES, TEETH = ("left_eye", "right_eye"), ("upper_teeth", "lower_teeth")
_RIGID = 0.999


@lru_cache(maxsize=2)
def contacts_of(model: HeadModel) -> Contacts | None:
    """The pairs of a head model, on its device and in float64; None where it has neither eyes nor teeth.

    Eyes are kept from the skin that is seen, as the sockets behind them touch them; teeth from all of it.
    """
    obstacles = [part for part in (*EYES, *TEETH) if len(model.parts.get(part, ()))]
    if not obstacles:
        return None
    rigid = model.skin_weights[:, JOINT_NAMES.index("head")].cpu().numpy() > _RIGID
    skin = {part: model.region("outer_skin" if part in EYES else "skin") for part in obstacles}
    watched = {part: indices[rigid[indices]] for part, indices in skin.items()}
    size = model.expression_size
    watched = _kept(model, watched, np.zeros((1, size)), (-REACH, 0.0))
    watched = _kept(model, watched, np.eye(size), (-np.inf, OWN_FAULT))
    mean = mean_head(model)
    for part, indices in watched.items():
        if len(indices) > PAIRS:
            watched[part] = indices[thinned(mean[indices], PAIRS)]
    return _contacts(model, watched)


def _kept(
    model: HeadModel, skin: Mapping[str, Indices], expressions: NDArray[np.float64], span: tuple[float, float]
) -> dict[str, Indices]:
    """The skin whose greatest depth over expressions (F, E) of the mean head is within a span of metres."""
    contacts = _contacts(model, skin)
    neutral = contacts.mean.new_zeros(model.identity_size)
    points = contacts.points(neutral, torch.as_tensor(expressions).to(neutral))
    kept = {}
    for number, (part, indices) in enumerate(skin.items()):
        depths, _ = contacts.obstacles[number].depths(points, contacts.radius[number])
        deepest = depths.amax(0).cpu().numpy()
        kept[part] = indices[(deepest > span[0]) & (deepest < span[1])]
    return kept


def _contacts(model: HeadModel, skin: Mapping[str, Indices]) -> Contacts:
    """The contacts of each part with its skin."""
    # The mean and all shapes, (1 + B + E, V, 3): points in them are what they are in every head.
    fields = torch.cat((model.mean[None], model.identity_basis, model.expression_basis)).double()
    sizes = [1, model.identity_size, model.expression_size]
    points, radii, obstacles, first = [], [], [], 0
    for part, indices in skin.items():
        body = fields[:, torch.as_tensor(model.parts[part])]
        form, faces, radius = _sphere(body) if part in EYES else _hull(body)
        points += [fields[:, torch.as_tensor(indices)], form]
        rows = torch.arange(first, first + len(indices), device=fields.device)
        obstacles.append(Obstacle(rows, (faces + first + len(indices)).to(rows), part in EYES))
        radii.append(radius)
        first += len(indices) + form.shape[1]
    mean, identity, expression = torch.split(torch.cat(points, dim=1), sizes)
    radius, by_identity, _ = torch.split(torch.stack(radii, dim=1), sizes)
    return Contacts((mean[0], identity, expression), (radius[0], by_identity), tuple(obstacles))


def _sphere(body: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The centre (n, 1, 3), its one face, and the radius (n,) of an eyeball (n, M, 3), the mean first."""
    centre = body.mean(dim=1, keepdim=True)
    outward = torch.nn.functional.normalize((body - centre)[0], dim=-1)
    # The radius of small changes: how far they move the vertices outwards, on the whole.
    radius = ((body - centre) * outward).sum(-1).mean(-1)
    return centre, torch.zeros(1, 3, dtype=torch.int64), radius


def _hull(body: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The vertices (n, m, 3), faces (K, 3) and radius (n,), zero, of teeth (n, M, 3), the mean first."""
    mean = body[0].cpu().numpy()
    hull = ConvexHull(mean)
    a, b, c = np.moveaxis(mean[hull.simplices], 1, 0)
    inwards = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(-1) < 0
    faces = np.where(inwards[:, None], hull.simplices[:, ::-1], hull.simplices)
    corners = np.searchsorted(np.sort(hull.vertices), faces)
    form = body[:, torch.as_tensor(np.sort(hull.vertices), dtype=torch.int64)]
    return form, torch.as_tensor(corners, dtype=torch.int64), body.new_zeros(len(body))

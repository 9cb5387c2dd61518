"""The regions of the head, by the position of a query.

Each region is a few strokes on the canonical head; a point belongs to the region of the nearest stroke. This
holds for any query, on the surface or inside, so that whatever is measured or calibrated per region is the
same thing for every layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from detector.region import QUERY_SCALE

BLEND_MM = 5.0
"""Standard deviation of the Gaussian by which one region passes into the next."""

Stroke = tuple[tuple[float, float, float], ...]

STROKES: Mapping[str, tuple[Stroke, ...]] = MappingProxyType(
    {
        "brows": (((8, 18, 29), (24, 23, 27), (40, 24, 21), (57, 16, 2)),),
        "eyes": (
            ((18, -4, 13), (30, 0, 17), (45, -2, 5)),
            ((30, 6, 14), (30, 8, 0), (30, 6, -14)),
            ((38, 2, 12), (42, 4, 0), (38, -8, 3)),
        ),
        "nose": (((0, 2, 26), (0, -16, 31), (0, -40, 46), (0, -50, 33), (14, -47, 27), (0, -40, 46)),),
        "mouth": (
            ((0, -61, 36), (18, -65, 30), (25, -72, 21), (17, -79, 26), (0, -83, 31)),
            ((0, -56, 15), (25, -56, 5), (34, -56, -12), (36, -56, -31)),
            ((0, -74, 18), (25, -74, 8), (34, -74, -12), (36, -74, -31)),
            ((0, -75, 10), (0, -75, -60)),
        ),
        "jaw line": (
            ((72, 0, -46), (72, -22, -44), (70, -42, -40), (66, -62, -35), (57, -86, -28), (43, -103, -18),
             (30, -109, -2), (15, -111, 14), (0, -112, 16), (0, -102, 24)),
        ),
        "ears": (
            ((76, 8, -70), (85, 2, -88), (88, -16, -94), (84, -44, -80)),
            ((76, -10, -62), (80, -50, -70)),
        ),
        "back of head": (
            ((0, 92, 0), (0, 113, -60), (0, 90, -148), (0, 30, -174), (0, -40, -156), (0, -80, -141)),
            ((40, 78, -10), (58, 78, -96), (72, 40, -110), (70, 20, -130), (60, -40, -115), (45, -85, -115)),
            ((30, 100, -60), (50, 70, -140), (50, 0, -160), (40, -60, -130)),
        ),
        "forehead": (
            ((0, 42, 26), (0, 76, 10)),
            ((20, 45, 23), (40, 45, 18), (62, 42, -12), (70, 24, -30)),
            ((22, 66, 14), (42, 64, 2)),
        ),
        "cheeks": (
            ((24, -22, 22), (40, -24, 14), (58, -18, 2), (64, -2, -16)),
            ((30, -48, 22), (48, -46, 12), (58, -44, -10)),
            ((40, -66, 16), (48, -78, 2)),
        ),
        "neck": (
            ((0, -116, -20), (0, -165, -46)),
            ((40, -118, -50), (50, -150, -70)),
            ((56, -120, -105), (66, -150, -110)),
            ((0, -115, -143), (0, -140, -150)),
        ),
    }
)  # fmt: skip
"""Polylines in mm of the canonical head, on the actor's left; the other side is their mirror image."""

REGIONS = tuple(STROKES)
"""Names of the regions, in the order of their indices."""


def region_indices(queries: Tensor) -> Tensor:
    """The region of each query.

    Args:
        queries: (L, 3) canonical metres / QUERY_SCALE.

    Returns:
        (L,) int64, indices into :data:`REGIONS`.
    """
    return _squared_distances(queries).argmin(dim=1)


def region_weights(queries: Tensor) -> Tensor:
    """How much each query belongs to each region, with soft borders.

    Args:
        queries: (L, 3) canonical metres / QUERY_SCALE.

    Returns:
        (L, R), positive, with rows that sum to one; the largest is that of :func:`region_indices`.
    """
    return torch.softmax(-_squared_distances(queries) / (2 * BLEND_MM**2), dim=1)


def _squared_distances(queries: Tensor) -> Tensor:
    """Squared distances (L, R) in mm^2 to the nearest stroke of each region."""
    points = queries * (1000 * QUERY_SCALE)
    points = torch.cat([points[:, :1].abs(), points[:, 1:]], dim=1)
    return torch.stack([_to_strokes(points, strokes) for strokes in STROKES.values()], dim=1)


def _to_strokes(points: Tensor, strokes: tuple[Stroke, ...]) -> Tensor:
    """Squared distances (L,) of points (L, 3) to the nearest segment of some polylines."""
    start = points.new_tensor([point for stroke in strokes for point in stroke[:-1]])
    along = points.new_tensor([point for stroke in strokes for point in stroke[1:]]) - start
    away = points[:, None] - start
    # how far along each segment (L, M) its nearest point lies
    share = ((away * along).sum(-1) / along.square().sum(-1)).clamp(0, 1)
    return (away - share[..., None] * along).square().sum(-1).amin(dim=1)

"""The square region of an image that the network looks at.

A region is (cx, cy, size) or (cx, cy, size, roll): the centre of the square and the length of its side in
full-resolution image pixels, and by how many radians the square is turned, clockwise as the image is
looked at; a region of three is upright. The network's normalised coordinates run over it from -1 to 1, so
that everywhere

    pixel = centre + rotation(roll) @ normalised * size / 2

and pixel (0, 0) is the centre of the top-left pixel. In a crop of S x S pixels, normalised -1 and 1 are
the outer edges of the first and last pixel (grid_sample's ``align_corners=False``).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

QUERY_SCALE = 0.15
"""Metres of the canonical head per unit of a query."""

HEAD_CENTRE = (0.0, -0.010, -0.045)
"""The canonical point (metres) that a region is centred on: between the temples, so that the whole head
stays inside when it turns."""

HEAD_SIZE = 0.27
"""Metres of the canonical head that a region's side spans: the head with a margin of about a tenth."""

MAX_STEP = 1.5
"""Image pixels per crop pixel above which cropping first averages the image down."""


def rolls(regions: Tensor) -> Tensor:
    """Roll (N,) of regions (N, 3) or (N, 4), radians."""
    return regions[:, 3] if regions.shape[-1] == 4 else torch.zeros_like(regions[:, 0])


def with_roll(regions: Tensor) -> Tensor:
    """Regions (N, 3) or (N, 4) as (N, 4)."""
    return torch.cat([regions[:, :3], rolls(regions)[:, None]], dim=1)


def to_pixels(normalised: Tensor, regions: Tensor) -> Tensor:
    """Image pixels (N, L, 2) of normalised positions (N, L, 2) in regions (N, 3 or 4)."""
    return regions[:, None, :2] + _turned(normalised, rolls(regions)) * (regions[:, None, 2:3] / 2)


def to_normalised(pixels: Tensor, regions: Tensor) -> Tensor:
    """Normalised positions (N, L, 2) in regions (N, 3 or 4) of image pixels (N, L, 2)."""
    return _turned(pixels - regions[:, None, :2], -rolls(regions)) / (regions[:, None, 2:3] / 2)


def _turned(vectors: Tensor, angles: Tensor) -> Tensor:
    """Vectors (N, L, 2), x right and y down, turned clockwise by angles (N,)."""
    if not angles.any():
        return vectors
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    x, y = vectors.unbind(-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


def region_from_landmarks(points: Tensor, queries: Tensor, weights: Tensor | None = None) -> Tensor:
    """The regions that hold the heads on which these landmarks lie.

    A scaled orthographic camera is fitted in closed form between the canonical head and the landmarks
    (the affine least squares solution, then its nearest scaled rotation). The region's centre is the
    image of :data:`HEAD_CENTRE`, its side the image of :data:`HEAD_SIZE`, so that every layout and every
    expression gives nearly the same region. Training crops and inference both come from here.

    Args:
        points: (N, L, 2) landmarks in pixels.
        queries: (L, 3) their queries (canonical metres / QUERY_SCALE); not all in one plane.
        weights: (N, L) trust in each, for example 1 / sigma^2; all equal when absent.

    Returns:
        (N, 3) cx, cy, size in pixels.
    """
    return aligned_region_from_landmarks(points, queries, weights)[:, :3]


def aligned_region_from_landmarks(points: Tensor, queries: Tensor, weights: Tensor | None = None) -> Tensor:
    """The regions of these heads, turned with them: in their crops the heads are upright.

    C23 section 3.1 normalises position, orientation and scale by the eyes and the mouth; here all landmarks
    tell them, each as far as it is sure. The roll is that of the plane rotation nearest to the head's.

    Args:
        points, queries, weights: as in :func:`region_from_landmarks`.

    Returns:
        (N, 4) cx, cy, size in pixels, roll in radians from -pi to pi.
    """
    canonical = queries * QUERY_SCALE
    w = torch.ones_like(points[..., 0]) if weights is None else weights
    w = (w / w.sum(-1, keepdim=True))[..., None]
    centre2, centre3 = (w * points).sum(-2), (w * canonical).sum(-2)
    image, head = points - centre2[:, None], canonical - centre3[:, None]
    # A (N,2,3) = argmin_A sum_l w_l |A head_l - image_l|^2; the ridge keeps a near-planar layout solvable
    spread = head.mT @ (w * head)
    ridge = 1e-4 * spread.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None] * torch.eye(3).to(spread)
    affine = torch.linalg.solve(spread + ridge, head.mT @ (w * image)).mT
    rotation, scale = _scaled_rotation(affine)
    offset = torch.tensor(HEAD_CENTRE).to(centre3) - centre3
    centre = centre2 + scale[:, None] * (rotation @ offset[..., None])[..., 0]
    # the image's y points down, the head's up: upright is diag(1, -1)
    sine, cosine = rotation[:, 1, 0] + rotation[:, 0, 1], rotation[:, 0, 0] - rotation[:, 1, 1]
    roll = torch.atan2(sine, cosine)
    return torch.cat([centre, HEAD_SIZE * scale[:, None], roll[:, None]], dim=-1)


def _scaled_rotation(affine: Tensor) -> tuple[Tensor, Tensor]:
    """Two orthonormal rows (N, 2, 3) and the scale (N,) nearest to affine (N, 2, 3): its polar factors."""
    product = affine @ affine.mT
    trace = product.diagonal(dim1=-2, dim2=-1).sum(-1)
    # closed form of the square root of a 2 x 2 matrix; the singular values sum to its trace
    det = torch.linalg.det(product).clamp(min=1e-12 * trace.square() + 1e-30).sqrt()
    total = (trace + 2 * det).clamp(min=1e-12).sqrt()
    root = (product + det[:, None, None] * torch.eye(2).to(product)) / total[:, None, None]
    return torch.linalg.solve(root, affine), total / 2


def crop(image: Tensor, regions: Tensor, size: int) -> Tensor:
    """Cut square regions out of one image.

    Strong reductions are averaged, not sampled, so that fine detail does not alias. What lies outside
    the image is black.

    Args:
        image: (H, W, 3) uint8 sRGB.
        regions: (N, 3 or 4) cx, cy, size in pixels, roll in radians.
        size: S, the side of the crops in pixels.

    Returns:
        (N, 3, S, S) float32 in [0, 1], on the image's device.
    """
    crops = image.new_zeros((len(regions), 3, size, size), dtype=torch.float32)
    steps = regions[:, 2] / size
    levels = torch.log2((steps / MAX_STEP).clamp(min=1.0)).ceil().long()
    for level in sorted(set(levels.tolist())):
        chosen = (levels == level).nonzero()[:, 0]
        factor = 2**level
        patch, origin = _patch(image, regions[chosen], factor)
        reduced = (
            functional.avg_pool2d(patch, factor, ceil_mode=True, count_include_pad=False) if level else patch
        )
        local = regions[chosen].clone()
        local[:, :2] -= origin
        # pixel p of the patch is pixel (p + 1/2) / factor - 1/2 of the reduced patch
        local[:, :2] = (local[:, :2] + 0.5) / factor - 0.5
        local[:, 2] /= factor
        crops[chosen] = _sample(reduced, local, size) / 255.0
    return crops


def _patch(image: Tensor, regions: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The part (1, 3, h, w) of the image that the regions need, in bytes, and its origin (2,) in pixels.

    It is made of whole squares of ``factor`` pixels, counted from the image's corner, so that a crop does not
    depend on which others are cut with it.
    """
    height, width = image.shape[:2]
    angles = rolls(regions)
    reach = (regions[:, 2] / 2 * (angles.cos().abs() + angles.sin().abs()))[:, None]
    low = factor * (((regions[:, :2] - reach).amin(0) / factor).floor().long() - 2)
    high = factor * (((regions[:, :2] + reach).amax(0) / factor).ceil().long() + 3)
    x0, y0 = int(low[0].clamp(0, width - 1)), int(low[1].clamp(0, height - 1))
    x1, y1 = int(high[0].clamp(x0 + 1, width)), int(high[1].clamp(y0 + 1, height))
    patch = image[y0:y1, x0:x1].permute(2, 0, 1)[None].float()
    return patch, torch.tensor([x0, y0]).to(regions)


def _sample(image: Tensor, regions: Tensor, size: int) -> Tensor:
    """Bilinear crops (N, 3, S, S) of regions (N, 3 or 4) from one image (1, 3, h, w)."""
    height, width = image.shape[-2:]
    axis = (2 * torch.arange(size).to(regions) + 1) / size - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).reshape(1, -1, 2)
    pixels = to_pixels(grid.expand(len(regions), -1, -1), regions)
    extent = torch.tensor([width, height]).to(regions)
    normal = (2 * pixels + 1) / extent - 1
    rows = normal.reshape(len(regions), size, size, 2)
    return functional.grid_sample(
        image.expand(len(regions), -1, -1, -1),
        rows,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )

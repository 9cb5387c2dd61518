"""The region of interest of C23: a face normalised by its eyes and its mouth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from calibration.errors import UsageError
from detector.datasets import IBUG68
from detector.layouts import Layout, layout
from fitting.head_model import HeadModel

RegionRule = Literal["head", "eyes-and-mouth"]
"""What tells a region: all landmarks of the head (:mod:`detector.region`), or eyes and mouth alone."""

EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
"""The lids' landmarks of the actor's right eye and of the left, in the 68: their middle is the eye's."""

CORNERS = (48, 54)
"""The corners of the mouth, the actor's right and left."""

EYES_APART, EYES_TO_MOUTH = 4.0, 3.6
"""A region's side is the larger of so many distances of the eyes, and so many from the eyes to the mouth."""

CENTRE = 0.1
"""A region's centre lies below the eyes by this share of their distance from the mouth."""


@dataclass(frozen=True, eq=False)
class EyesAndMouth:
    """Tells regions from the landmarks of eyes and mouth alone.

    C23 section 3.1 normalises the face in position, orientation and scale by four points, two of the eyes and
    two of the mouth, as do Karras et al., "Progressive growing of GANs" (2018), appendix C, whose figures
    stand above. In a face from the front the region is about that of :mod:`detector.region`; in a profile it
    moves with the face, away from the back of the head (W22 section 3.3: easier for frontal faces, at the
    expense of profiles).

    Attributes:
        queries: (14, 3) of the lids of the right eye, of the left, and of the corners of the mouth.
    """

    queries: Tensor

    @classmethod
    def of(cls, sparse: Layout) -> EyesAndMouth:
        """Made from the layout "ibug68".

        Raises:
            UsageError: it is another layout.
        """
        if sparse.name != IBUG68.name:
            raise UsageError(f"eyes and mouth are named in the layout {IBUG68.name}, not in {sparse.name}")
        return cls(sparse.queries[[*EYES[0], *EYES[1], *CORNERS]])

    def regions(self, points: Tensor) -> Tensor:
        """Regions (N, 4), cx, cy, size in pixels and roll in radians, of landmarks (N, 14, 2) in pixels."""
        lids = len(EYES[0])
        return four_point_regions(
            points[:, :lids].mean(1), points[:, lids : 2 * lids].mean(1), points[:, -2], points[:, -1]
        )


def four_point_regions(
    right_eye: Tensor, left_eye: Tensor, right_corner: Tensor, left_corner: Tensor
) -> Tensor:
    """Regions (N, 4) from the middles of the eyes and the corners of the mouth, (N, 2) pixels each.

    Karras et al. 2018, appendix C; right and left are the actor's, who looks at us.
    """
    across, eyes = left_eye - right_eye, (right_eye + left_eye) / 2
    down = (right_corner + left_corner) / 2 - eyes
    # down, turned by a right angle, points across: eyes and mouth both tell which way is up
    upright = across + torch.stack([down[:, 1], -down[:, 0]], dim=1)
    size = torch.maximum(EYES_APART * across.norm(dim=1), EYES_TO_MOUTH * down.norm(dim=1))
    roll = torch.atan2(upright[:, 1], upright[:, 0])
    return torch.cat([eyes + CENTRE * down, size[:, None], roll[:, None]], dim=1)


def region_teller(rule: RegionRule, model: HeadModel) -> EyesAndMouth | None:
    """What tells regions by this rule; None for the landmarks of the whole head."""
    return EyesAndMouth.of(layout(IBUG68.name, model)) if rule == "eyes-and-mouth" else None

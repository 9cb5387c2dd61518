"""Draws the pictures of the head model that the README shows: `python docs/make_head_pictures.py`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitting.head_model import HeadModel, load_head_model
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.mesh import draw_head
from pipeline.drawing.tiles import wall

HERE = Path(__file__).parent
STRENGTHS = (0.0, 0.5, 1.0)
Image = NDArray[np.uint8]


class Portraits:
    """Portraits of one head model."""

    def __init__(self, model: HeadModel) -> None:
        self.model = model
        self.drawing = HeadDrawing(model)

    def draw(self, identity: Tensor, expression: Tensor, size: tuple[int, int], yaw: float) -> Image:
        """One head, turned by yaw radians."""
        posed = self.model(identity, expression, torch.zeros(self.model.pose_size))
        vertices = self.drawing.vertices(posed.numpy().astype(np.float64))
        return draw_head(vertices, self.drawing.triangles, size, yaw, colours=self.drawing.colours)

    def random_heads(self, count: int) -> Image:
        """Random identities, each from the front and from the side."""
        identities = self.model.sample_identity(count, np.random.default_rng(2022))
        neutral = torch.zeros(self.model.expression_size)
        tiles = [self.draw(one, neutral, (150, 180), yaw) for one in identities for yaw in (0.0, 0.8)]
        return wall(tiles, columns=12)

    def expressions(self) -> Image:
        """Every expression of the mean head at rest, half and full strength."""
        identity = torch.zeros(self.model.identity_size)
        tiles, labels = [], []
        for index, name in enumerate(self.model.expression_names):
            for strength in STRENGTHS:
                weights = torch.zeros(self.model.expression_size)
                weights[index] = strength
                portrait = self.draw(identity, weights, (230, 276), 0.25)
                tiles.append(portrait[80:236, 55:185])  # the face fills the tile
                labels.append(name if strength == 0 else f"{strength:g}")
        return wall(tiles, columns=12, labels=labels)


def main() -> None:
    """Write the pictures beside this file."""
    portraits = Portraits(load_head_model())
    for name, picture in (("heads", portraits.random_heads(24)), ("expressions", portraits.expressions())):
        cv2.imwrite(str(HERE / f"{name}.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()

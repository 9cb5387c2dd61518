"""Regions of interest, crops and coordinates."""

from __future__ import annotations

import math

import pytest
import torch

from detector.layouts import layout
from detector.region import (
    HEAD_SIZE,
    QUERY_SCALE,
    crop,
    region_from_landmarks,
    to_normalised,
    to_pixels,
)
from fitting.head_model import load_head_model


def test_pixels_go_to_the_crop_and_back_exactly() -> None:
    """to_normalised and to_pixels are inverses."""
    regions = torch.tensor([[100.0, 80.0, 60.0], [2000.5, 1500.25, 900.0]], dtype=torch.float64)
    pixels = 3000 * torch.rand(2, 50, 2, dtype=torch.float64)
    torch.testing.assert_close(to_pixels(to_normalised(pixels, regions), regions), pixels)


def test_a_dot_is_where_the_convention_says_after_cropping() -> None:
    """A bright dot of the image appears at its normalised position in the crop, at any reduction."""
    for size, half in ((16.0, 3), (32.0, 3), (100.0, 3), (333.0, 10)):
        image = torch.zeros(400, 500, 3, dtype=torch.uint8)
        image[150 - half : 151 + half, 220 - half : 221 + half] = 255
        region = torch.tensor([[231.3, 143.7, size]])
        crops = crop(image, region, 32)[0, 0]
        axis = (2 * torch.arange(32) + 1) / 32 - 1
        mass = crops.sum()
        found = torch.stack([(crops.sum(0) * axis).sum(), (crops.sum(1) * axis).sum()]) / mass
        expected = to_normalised(torch.tensor([[[220.0, 150.0]]]), region)[0, 0]
        if expected.abs().max() < 0.75:
            assert (found - expected).abs().max() * 16 < 0.15, size


def test_the_whole_image_is_its_own_crop() -> None:
    """The region centred at (S - 1) / 2 with side S is the image itself."""
    image = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8)
    same = crop(image, torch.tensor([[15.5, 15.5, 32.0]]), 32)[0]
    torch.testing.assert_close(same, image.permute(2, 0, 1) / 255.0, atol=1e-5, rtol=0)


def test_strong_reductions_average_and_do_not_alias() -> None:
    """A fine chequerboard becomes grey, not a moiré."""
    board = ((torch.arange(640)[:, None] + torch.arange(640)[None]) % 2 * 255).byte()
    small = crop(board[..., None].expand(-1, -1, 3), torch.tensor([[319.5, 319.5, 500.0]]), 32)
    assert (small - 0.5).abs().max() < 0.02


def test_a_crop_does_not_depend_on_those_that_are_cut_with_it() -> None:
    """However many regions are cut at a time, each gives the same crop."""
    image = torch.randint(
        0, 256, (300, 401, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    regions = torch.tensor(
        [
            [150.2, 140.7, 250.0, 0.3],
            [90.4, 77.3, 210.0, 0.0],
            [330.1, 200.9, 331.0, -1.0],
            [201, 99, 40, 0.0],
        ]
    )
    together = crop(image, regions, 32)
    for region, found in zip(regions, together, strict=True):
        torch.testing.assert_close(crop(image, region[None], 32)[0], found, atol=2e-5, rtol=0)


def test_outside_the_image_is_black() -> None:
    """A window that leaves the image is padded."""
    image = torch.full((50, 50, 3), 200, dtype=torch.uint8)
    assert crop(image, torch.tensor([[500.0, 500.0, 60.0]]), 32).abs().max() == 0


@pytest.mark.parametrize("name", ["ibug68", "dense320"])
def test_every_layout_gives_the_region_of_the_same_head(name: str) -> None:
    """The mean head, turned and projected, has its region about its centre and of its size."""
    model = load_head_model()
    chosen = layout(name, model)
    for yaw in (0.0, 0.5, 1.2):
        points = chosen.queries * QUERY_SCALE
        x = points[:, 0] * math.cos(yaw) + points[:, 2] * math.sin(yaw)
        pixels = torch.stack([500 + 1000 * x, 400 - 1000 * points[:, 1]], dim=-1)[None]
        region = region_from_landmarks(pixels, chosen.queries)[0]
        assert float(region[2]) == pytest.approx(1000 * HEAD_SIZE, rel=2e-3)
        assert float(region[0]) == pytest.approx(500 - 45 * math.sin(yaw), abs=0.5)
        assert float(region[1]) == pytest.approx(410, abs=0.5)

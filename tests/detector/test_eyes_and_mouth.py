"""C23's region of interest: a face normalised by its eyes and mouth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from calibration.errors import UsageError
from detector.eyes_and_mouth import EyesAndMouth, four_point_regions
from detector.layouts import layout
from detector.region import HEAD_CENTRE, HEAD_SIZE, QUERY_SCALE
from fitting.head_model import load_head_model
from tests.detector.oracle import disc_image, disc_region, oracle_predictor


def test_the_figures_are_those_of_the_literature() -> None:
    """Eyes 10 apart and a mouth 10 below them: the side is 40, and the centre a tenth of the way down."""
    points = torch.tensor([[[20.0, 30.0]], [[30.0, 30.0]], [[21.0, 40.0]], [[29.0, 40.0]]])
    region = four_point_regions(*points)[0]
    torch.testing.assert_close(region, torch.tensor([25.0, 31.0, 40.0, 0.0]))
    long = torch.tensor([[[20.0, 30.0]], [[30.0, 30.0]], [[21.0, 50.0]], [[29.0, 50.0]]])
    assert float(four_point_regions(*long)[0, 2]) == pytest.approx(72.0)


def test_a_face_comes_out_in_the_same_place_however_it_lies_in_the_image() -> None:
    """A similarity of the image moves, scales and turns the region with it, and nothing else."""
    points = torch.tensor([[20.0, 30.0], [31.0, 29.0], [22.0, 43.0], [28.0, 41.0]], dtype=torch.float64)
    one = four_point_regions(*points[:, None])[0]
    for angle in (0.4, -2.0, 3.0):
        turn = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64
        )
        moved = 2.5 * points @ turn.T + torch.tensor([100.0, -7.0], dtype=torch.float64)
        other = four_point_regions(*moved[:, None])[0]
        expected = 2.5 * turn @ one[:2] + torch.tensor([100.0, -7.0], dtype=torch.float64)
        torch.testing.assert_close(other[:2], expected)
        assert float(other[2]) == pytest.approx(2.5 * float(one[2]))
        turned = float(other[3] - one[3]) - angle
        assert math.remainder(turned, 2 * math.pi) == pytest.approx(0.0, abs=1e-9)


def test_from_the_front_it_is_nearly_the_region_of_the_whole_head() -> None:
    """So that networks that were trained on the one can look at the other."""
    sparse = layout("ibug68", load_head_model())
    teller = EyesAndMouth.of(sparse)
    pixels = teller.queries[None, :, :2] * QUERY_SCALE * torch.tensor([1000.0, -1000.0])
    x, y, size, roll = teller.regions(pixels)[0].tolist()
    assert (x, y) == pytest.approx((0.0, -1000 * HEAD_CENTRE[1]), abs=2)
    assert size == pytest.approx(1000 * HEAD_SIZE, rel=0.06)
    assert roll == pytest.approx(0.0, abs=0.01)


def test_a_predictor_tells_the_next_region_by_eyes_and_mouth() -> None:
    """The next region is that of the four points, and landmarks and uncertainty stay what they are."""
    teller = EyesAndMouth.of(layout("ibug68", load_head_model()))
    image, regions = disc_image((300.0, 200.0), 700.0, (600, 400)), disc_region((310, 205), 700)[None]
    plain, found = (p.predict([image], regions) for p in (oracle_predictor(), oracle_predictor(face=teller)))
    np.testing.assert_array_equal(plain.mean, found.mean)
    np.testing.assert_array_equal(plain.uncertainty, found.uncertainty)
    lids = found.mean[0, 36:48].reshape(2, 6, 2).mean(axis=1)
    four = torch.from_numpy(np.concatenate([lids, found.mean[0, [48, 54]]]))
    np.testing.assert_allclose(found.next_region[0], four_point_regions(*four[:, None])[0], atol=1e-3)
    windows = oracle_predictor(face=teller).predict_windows(image, regions)
    np.testing.assert_allclose(windows.next_region, found.next_region, atol=1e-3)


def test_only_the_68_name_eyes_and_mouth() -> None:
    """Another layout is refused by name."""
    with pytest.raises(UsageError, match="dense320"):
        EyesAndMouth.of(layout("dense320", load_head_model()))

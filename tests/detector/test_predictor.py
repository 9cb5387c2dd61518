"""Prediction, with a network that is always right about white discs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector.region import HEAD_CENTRE, QUERY_SCALE
from detector.views import combine, jittered
from tests.detector.oracle import disc_image, disc_region, oracle_predictor


def test_landmarks_come_in_pixels_of_the_full_image() -> None:
    """Whatever the region, a landmark is where it is in the image."""
    predictor = oracle_predictor()
    image = disc_image((701.0, 402.0), 800.0, (1200, 900))
    regions = [[690.0, 410.0, 240.0], [720.0, 380.0, 300.0]]
    found = predictor.predict([image, image], np.array(regions))
    offset = predictor.layout.queries.numpy() * QUERY_SCALE - HEAD_CENTRE
    expected = [701.0, 402.0] + 800.0 * offset[:, :2] * [1, -1]
    assert np.abs(found.mean - expected).max() < 1.0
    np.testing.assert_allclose(
        found.next_region[:, :3], np.tile(disc_region((701, 402), 800), (2, 1)), atol=2.5
    )
    np.testing.assert_allclose(found.sigma[0], 0.02 * 120, rtol=1e-5)


def test_jitter_keeps_the_landmarks_and_the_first_view() -> None:
    """Averaging over crops changes nothing when they agree, and the first crop is the region itself."""
    region = torch.tensor([[100.0, 90.0, 50.0]])
    assert torch.equal(jittered(region, 3)[0], region)
    image = disc_image((300.0, 200.0), 700.0, (600, 400))
    regions = disc_region((300, 200), 700)[None]
    one = oracle_predictor().predict([image], regions)
    five = oracle_predictor(jitter=5).predict([image], regions)
    assert np.abs(one.mean - five.mean).max() < 0.5


def test_mirror_images_are_averaged_in_the_right_places() -> None:
    """A head on one side of its crop stays there: positions and queries are mirrored back."""
    image, regions = disc_image((300.0, 200.0), 700.0, (600, 400)), disc_region((310, 205), 700)[None]
    plain = oracle_predictor().predict([image], regions)
    both = oracle_predictor(flip=True).predict([image], regions)
    assert np.abs(plain.mean - both.mean).max() < 0.5
    assert np.ptp(both.mean[0, :, 0]) > 50


def test_a_turned_region_gives_the_same_landmarks() -> None:
    """What is seen upright in a turned crop comes out turned in the image, and is told by the next region."""
    predictor = oracle_predictor()
    image = disc_image((300.0, 200.0), 700.0, (600, 400))
    upright = predictor.predict([image], disc_region((300, 200), 700)[None])
    roll = 0.5
    turned = predictor.predict([image], np.array([[*disc_region((300, 200), 700), roll]]))
    rotation = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    middle = upright.region[0, :2]
    np.testing.assert_allclose(turned.mean[0] - middle, (upright.mean[0] - middle) @ rotation.T, atol=0.7)
    assert turned.next_region[0, 3] == pytest.approx(roll, abs=0.01)
    assert turned.drift()[0] < 0.03
    straight = oracle_predictor(align=False).predict([image], turned.region)
    assert straight.next_region[0, 3] == 0.0


def test_an_image_on_the_device_is_as_good_as_an_array() -> None:
    """Threads may upload images before they are looked at."""
    predictor, regions = oracle_predictor(), disc_region((300, 200), 700)[None]
    image = disc_image((300.0, 200.0), 700.0, (600, 400))
    there = predictor.upload(image)
    assert there.device == predictor.device
    np.testing.assert_array_equal(
        predictor.predict([there], regions).mean, predictor.predict([image], regions).mean
    )


def test_averaging_takes_out_only_the_error_that_is_not_shared() -> None:
    """Sigma after averaging is the spread that the averages really have."""
    generator = torch.Generator().manual_seed(0)
    shared = 0.8 * torch.randn(1, 1, 20000, 2, generator=generator)
    own = 0.6 * torch.randn(1, 8, 20000, 2, generator=generator)
    mean, sigma = combine(shared + own, torch.ones(1, 8, 20000))
    assert float(mean.std()) == pytest.approx(float(sigma.square().mean().sqrt()), rel=0.02)

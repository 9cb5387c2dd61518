"""Following heads through frames and cameras, with a network that is always right about white discs."""

from __future__ import annotations

import numpy as np

from detector.follow import Follower
from tests.detector.oracle import disc_image, oracle_predictor


def test_following_goes_with_the_head_and_searches_when_it_jumps() -> None:
    """Small steps need no search; a cut does, and an empty frame says why."""
    follower = Follower(oracle_predictor())
    path = [(400.0, 300.0), (415.0, 305.0), (430.0, 312.0), (1000.0, 500.0)]
    for centre in path:
        (result,) = follower.step([disc_image(centre, 900.0, (1280, 720))])
        assert result.found
        nose = result.mean[30] - np.array(centre)
        assert np.abs(nose).max() < 60
        np.testing.assert_allclose(result.region[:2], centre, atol=15)
    (empty,) = follower.step([np.zeros((720, 1280, 3), np.uint8)])
    assert not empty.found
    assert np.isnan(empty.mean).all()
    assert "sure enough" in empty.reason


def test_following_can_go_on_from_a_stored_region() -> None:
    """The last region is all that the follower remembers."""
    frames = [disc_image((400.0 + 12 * i, 300.0), 900.0, (1280, 720)) for i in range(4)]
    whole = Follower(oracle_predictor())
    results = [whole.step([frame])[0] for frame in frames]
    resumed = Follower(oracle_predictor(), regions=[results[1].region])
    np.testing.assert_array_equal(resumed.step([frames[2]])[0].mean, results[2].mean)


def test_cameras_are_followed_side_by_side() -> None:
    """A camera without an image does not disturb the others."""
    follower = Follower(oracle_predictor(), cameras=2)
    one, two = follower.step([disc_image((300.0, 200.0), 600.0, (640, 480)), None])
    assert one.found
    assert two.reason == "there is no image"


def test_a_head_that_was_lost_is_found_again() -> None:
    """After frames without a head the next one is searched for, wherever it is."""
    follower, empty = Follower(oracle_predictor()), np.zeros((720, 1280, 3), np.uint8)
    frames = [disc_image((400.0, 300.0), 900.0, (1280, 720)), empty, empty]
    frames += [disc_image((900.0, 420.0), 700.0, (1280, 720))]
    results = [follower.step([frame])[0] for frame in frames]
    assert [result.found for result in results] == [True, False, False, True]
    np.testing.assert_allclose(results[3].region[:2], [900, 420], atol=10)


def test_a_second_face_is_remarked_when_it_is_searched_and_not_when_it_is_followed() -> None:
    """The choice was made once, and one remark tells of it."""
    follower = Follower(oracle_predictor())
    image = disc_image((420.0, 300.0), 1000.0, (1280, 720), (1000.0, 400.0, 800.0))
    first, second = (follower.step([image])[0] for _ in range(2))
    assert "2 faces" in first.remark
    assert second.found
    assert second.remark == ""


def test_a_head_that_jumps_is_not_swapped_for_another() -> None:
    """When the head is lost and there are two, the nearer to the last place is followed."""
    follower = Follower(oracle_predictor())
    follower.step([disc_image((1000.0, 400.0), 800.0, (1280, 720))])
    moved = disc_image((250.0, 300.0), 1000.0, (1280, 720), (820.0, 160.0, 800.0))
    (result,) = follower.step([moved])
    np.testing.assert_allclose(result.region[:2], [820, 160], atol=10)

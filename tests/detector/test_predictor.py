"""Prediction, search and following, with a network that is always right about white discs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from calibration.camera import Camera, Rig
from calibration.errors import UsageError
from detector.benchmark import evaluate_landmarks
from detector.carry import carried_regions
from detector.follow import Follower
from detector.layouts import layout
from detector.network import LandmarkNetwork, NetworkConfig
from detector.predictor import Predictor, combine, jittered
from detector.region import HEAD_CENTRE, HEAD_SIZE, QUERY_SCALE
from detector.search import SearchOptions, search
from fitting.head_model import load_head_model
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
    np.testing.assert_allclose(found.next_region, np.tile(disc_region((701, 402), 800), (2, 1)), atol=2.5)
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


def test_averaging_takes_out_only_the_error_that_is_not_shared() -> None:
    """Sigma after averaging is the spread that the averages really have."""
    generator = torch.Generator().manual_seed(0)
    shared = 0.8 * torch.randn(1, 1, 20000, 2, generator=generator)
    own = 0.6 * torch.randn(1, 8, 20000, 2, generator=generator)
    mean, sigma = combine(shared + own, torch.ones(1, 8, 20000))
    assert float(mean.std()) == pytest.approx(float(sigma.square().mean().sqrt()), rel=0.02)


def test_chunks_of_queries_give_the_same_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of queries are decoded in parts, with the same result."""
    torch.manual_seed(0)
    config = NetworkConfig(backbone="resnet10t", input_size=64, descriptor=32, hidden=16, grid_channels=4)
    network = LandmarkNetwork(config).eval().requires_grad_(False)
    model = load_head_model()
    predictor = Predictor(network, layout("dense703", model), layout("dense320", model))
    image = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    region = np.array([[40.0, 40.0, 70.0]])
    whole = predictor.predict([image], region)
    monkeypatch.setattr("detector.predictor.QUERY_CHUNK", 100)
    np.testing.assert_allclose(predictor.predict([image], region).mean, whole.mean, atol=1e-3)


@pytest.mark.parametrize(("centre", "scale"), [((300.0, 500.0), 2400.0), ((1500.0, 300.0), 900.0)])
def test_search_finds_a_head_of_any_size(centre: tuple[float, float], scale: float) -> None:
    """Small or large, near a border or not."""
    found = search(oracle_predictor(), disc_image(centre, scale, (1920, 1080)))
    assert found.region is not None
    np.testing.assert_allclose(found.region, disc_region(centre, scale), atol=0.02 * scale * HEAD_SIZE)


def test_an_empty_image_has_no_face_and_a_reason() -> None:
    """No face is an answer, not an error."""
    found = search(oracle_predictor(), np.zeros((300, 400, 3), np.uint8))
    assert found.region is None
    assert "sure enough" in found.reason


def test_confident_nonsense_is_not_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sure window whose landmarks frame something else is refused."""
    monkeypatch.setattr("tests.detector.oracle.UNSURE", 0.001)
    monkeypatch.setattr("tests.detector.oracle.SURE", 0.001)
    found = search(oracle_predictor(), np.zeros((300, 400, 3), np.uint8))
    assert found.region is None
    assert "own landmarks" in found.reason


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


def test_a_rig_carries_the_head_to_a_camera_that_lost_it() -> None:
    """The region in the third camera comes from the landmarks in the other two."""
    K = np.array([[1000.0, 0, 500], [0, 1000.0, 400], [0, 0, 1]])
    rig = Rig(
        tuple(
            Camera(
                f"c{i}", 1000, 800, K, R=cv2.Rodrigues(np.array([0, a, 0]))[0], t=np.array([0.02 * i, 0, 1.0])
            )
            for i, a in enumerate((-0.3, 0.0, 0.4))
        )
    )
    chosen = layout("ibug68", load_head_model())
    # the head looks at the cameras: canonical y up and z towards the viewer
    points = chosen.queries.numpy().astype(np.float64) * QUERY_SCALE * [1, -1, -1]
    mean = np.stack([camera.project(points) for camera in rig])
    mean[2] = np.nan
    seen = np.array([True, True, False])
    regions = carried_regions(rig, mean, np.ones((3, 68)), seen, chosen.queries.numpy())
    assert regions is not None
    middle = rig["c2"].project(np.array(HEAD_CENTRE) * [1, -1, -1])
    assert np.abs(regions[2, :2] - middle).max() < 8
    assert regions[2, 2] == pytest.approx(1000 * HEAD_SIZE / 1.045, rel=0.06)
    assert carried_regions(rig, mean, np.ones((3, 68)), ~seen, chosen.queries.numpy()) is None


def test_the_benchmark_counts_errors_and_missed_faces(tmp_path: Path) -> None:
    """Perfect labels give no error; a photograph without a face is a failure."""
    predictor = oracle_predictor()
    offset = predictor.layout.queries.numpy() * QUERY_SCALE - HEAD_CENTRE
    for name, bright in (("a", True), ("b", False)):
        image = disc_image((300.0, 220.0), 900.0, (640, 480))
        cv2.imwrite(str(tmp_path / f"{name}.png"), image if bright else 0 * image)
        points = [300.0, 220.0] + 900.0 * offset[:, :2] * [1, -1] + 1
        rows = "\n".join(f"{x} {y}" for x, y in points)
        (tmp_path / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
    found = evaluate_landmarks(predictor, tmp_path, own_search=True)
    assert (found.photographs, found.missed) == (2, 1)
    assert found.mean < 1.5
    assert found.failures == 50.0
    assert set(found.groups) == {"jaw", "brows", "nose", "eyes", "mouth"}
    with pytest.raises(UsageError, match="ibug68"):
        evaluate_landmarks(oracle_predictor("dense320"), tmp_path, own_search=True)


def test_windows_cover_the_image() -> None:
    """Every place is within half a stride of a window's centre."""
    from detector.search import windows

    options = SearchOptions()
    grid = windows((480, 640), 160.0, options)
    assert grid[:, 0].min() <= 40
    assert grid[:, 0].max() >= 600
    assert np.diff(np.unique(grid[:, 0])).max() <= options.stride * 160 + 1e-3

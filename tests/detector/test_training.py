"""Training: samples, queries, augmentation, and a whole small run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from calibration.errors import InputError, MissingDependencyError, UsageError
from detector.network import NetworkConfig
from detector.training.augment import augment
from detector.training.config import TrainConfig
from detector.training.queries import QuerySampler
from detector.training.run import train
from detector.training.samples import SampleBuffer, SampleChunk, pack_positions, read_shard, write_shard
from detector.training.stream import SampleStream, StreamConfig, render_chunk
from detector.training.trainer import learning_rate
from detector.training.warp import WarpConfig, random_crops
from detector.weights import load_network
from fitting.head_model import load_head_model
from tests.detector.fakes import BrokenFactory, DotFactory

NETWORK = NetworkConfig(backbone="resnet10t", input_size=64, descriptor=64, hidden=64, grid_channels=8)
CPU = torch.device("cpu")


def settings(folder: Path, **changes: object) -> TrainConfig:
    """A run of seconds on a folder of samples."""
    config = TrainConfig(
        folder / "run",
        DotFactory(80),
        network=NETWORK,
        init="random",
        steps=6,
        workers=0,
        samples=folder / "samples",
        held_out=16,
        min_samples=16,
        batch_size=4,
        queries=400,
        buffer_gib=0.01,
        log_seconds=0.0,
        evaluate_seconds=0.0,
        device="cpu",
    )
    return replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two training chunks and one held out."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "samples").mkdir()
    stream = StreamConfig(DotFactory(80), chunk=16)
    sampler = DotFactory(80)()
    for index, held_out in ((0, True), (0, False), (1, False)):
        write_shard(folder / "samples", render_chunk(sampler, stream, index, held_out))
    return folder


def test_a_run_writes_weights_metrics_card_and_log(samples: Path) -> None:
    """What train leaves behind can be loaded and read."""
    path = train(settings(samples))
    network = load_network(path)
    metrics = json.loads(path.with_suffix(".json").read_text())
    assert metrics["steps"] == 6
    assert metrics["finished"]
    assert metrics["held_out"]["samples"] == 8
    assert metrics["log_sigma_offset"] == pytest.approx(float(network.log_sigma_offset), abs=1e-3)
    assert "Synthetic only" in path.with_suffix(".md").read_text()
    assert len((path.parent / "log.jsonl").read_text().splitlines()) == 12


def test_a_run_from_a_folder_can_be_repeated(samples: Path) -> None:
    """The seed decides everything when samples come from disk and the length is given in steps."""
    one, two = (
        load_network(train(settings(samples, output=samples / name, log_seconds=99.0))) for name in ("a", "b")
    )
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_stopped_run_goes_on_from_its_checkpoint(samples: Path) -> None:
    """The steps of all sessions add up."""
    config = settings(samples, output=samples / "resumed", steps=4)
    train(config)
    path = train(replace(config, steps=7, resume=True))
    assert json.loads(path.with_suffix(".json").read_text())["steps"] == 7
    with pytest.raises(UsageError, match="other settings"):
        train(replace(config, resume=True, network=replace(NETWORK, hidden=32)))


def test_workers_render_while_others_wait(tmp_path: Path) -> None:
    """A worker process fills the stream and the folder; what it renders depends on the seed alone."""
    config = StreamConfig(DotFactory(48), workers=1, chunk=4, held_out=4, folder=tmp_path)
    with SampleStream(config) as stream:
        chunks = [stream.get(timeout=60) for _ in range(3)]
    kinds = [(chunk.index, chunk.held_out) for chunk in chunks if chunk is not None]
    assert kinds == [(0, True), (0, False), (1, False)]
    expected = render_chunk(DotFactory(48)(), config, 1, False)
    stored = read_shard(tmp_path / "train_0000001.npz")
    np.testing.assert_array_equal(stored.images, expected.images)
    np.testing.assert_array_equal(stored.positions, expected.positions)


def test_an_engine_that_cannot_start_says_why() -> None:
    """The error of a worker is raised in the main process."""
    with (
        SampleStream(StreamConfig(BrokenFactory())) as stream,
        pytest.raises(MissingDependencyError, match="no EGL"),
    ):
        stream.get(timeout=60)


def test_a_folder_of_other_samples_is_refused() -> None:
    """Samples of another size do not slip into the buffer."""
    buffer = SampleBuffer(4, 8, 3, CPU)
    chunk = SampleChunk(0, False, np.zeros((2, 9, 9, 3), np.uint8), np.zeros((2, 3, 2), np.int16))
    with pytest.raises(InputError, match="9 pixels"):
        buffer.add(chunk)


def test_the_ring_forgets_the_oldest_samples() -> None:
    """A full buffer takes new samples in the place of the first."""
    buffer = SampleBuffer(4, 2, 1, CPU)
    for value in range(3):
        images = np.full((2, 2, 2, 3), value, np.uint8)
        buffer.add(SampleChunk(value, False, images, np.zeros((2, 1, 2), np.int16)))
    assert len(buffer) == 4
    assert sorted(buffer.images[:, 0, 0, 0].tolist()) == [1, 1, 2, 2]


def test_positions_survive_fixed_point() -> None:
    """Packing is good to a 64th of a pixel."""
    pixels = np.random.default_rng(0).uniform(-500, 800, (100, 2))
    assert np.abs(pack_positions(pixels) / 32.0 - pixels).max() <= 1 / 64


def test_labels_follow_the_warp() -> None:
    """A bright dot of the sample is found at its label in the crop, whatever the view."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(12, 128, 128, 3, dtype=torch.uint8)
    images[:, 58:63, 68:73] = 255
    labels = torch.tensor([[[70.0, 60.0]]]).expand(12, 1, 2)
    regions = torch.tensor([[64.0, 64.0, 80.0]]).expand(12, 3)
    config = WarpConfig(wide_share=0.3, background_share=0.0)
    crops, targets = random_crops(images, labels, regions, 64, config, generator)
    axis = (2 * torch.arange(64) + 1) / 64 - 1
    for image, target in zip(crops[:, 0], targets[:, 0], strict=True):
        if target.abs().max() < 0.8:
            found = torch.stack([(image.sum(0) * axis).sum(), (image.sum(1) * axis).sum()]) / image.sum()
            assert (found - target).abs().max() * 32 < 0.3


def test_augmented_images_stay_images() -> None:
    """Every appearance is finite, within [0, 1], of the same shape, and repeatable."""
    images = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    one, two = (augment(images.clone(), torch.Generator().manual_seed(2)) for _ in range(2))
    assert one.shape == images.shape
    assert bool(torch.isfinite(one).all())
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, two)
    assert (one - images).abs().mean() > 0.02


def test_queries_label_themselves_on_the_mean_head() -> None:
    """The labels of drawn queries on the mean head are the queries: barycentric weights and all."""
    model = load_head_model()
    sampler = QuerySampler(model, CPU)
    batch = sampler.draw(640, torch.Generator().manual_seed(0))
    assert len(batch.queries) == 640
    positions = batch.positions(sampler.canonical[None, :, :2])
    torch.testing.assert_close(positions[0], batch.queries[:, :2], atol=1e-5, rtol=0)
    skin = torch.isin(batch.vertices[311:-86, 0], torch.as_tensor(model.parts["skin"]))
    assert 0.6 < skin.float().mean() < 0.98


def test_the_learning_rate_rises_and_falls() -> None:
    """Warm-up by steps, cosine by the share of the training that is over."""
    config = TrainConfig(Path("x"), DotFactory(), steps=10, warmup_steps=10, learning_rate=1.0)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 50, 0.5) == pytest.approx(0.505)
    assert learning_rate(config, 50, 1.0) == pytest.approx(0.01)


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    """One length, and something to train on."""
    with pytest.raises(UsageError, match="either minutes or steps"):
        TrainConfig(tmp_path, DotFactory(), minutes=1.0, steps=5)
    with pytest.raises(UsageError, match="nothing to train on"):
        TrainConfig(tmp_path, DotFactory(), steps=5, workers=0)

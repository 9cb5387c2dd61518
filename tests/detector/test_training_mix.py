"""Training on a mix of rendered heads and labelled photographs, and what of it can be switched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from calibration.errors import InputError, UsageError
from detector.layouts import layout
from detector.network import LandmarkNetwork, NetworkConfig
from detector.training.config import TrainConfig
from detector.training.origin import origin_facts
from detector.training.photograph_samples import MixedDataset, load_photographs
from detector.training.queries import QuerySampler
from detector.training.run import train
from detector.training.samples import SampleBuffer, SampleChunk, pack_positions
from detector.training.stream import StreamConfig, render_chunk
from detector.training.trainer import Trainer
from detector.weights import load_network, save_network
from fitting.head_model import HeadModel, load_head_model
from pipeline.commands.train import parse_dataset
from tests.detector.fakes import DotFactory

NETWORK = NetworkConfig(backbone="resnet10t", input_size=64, descriptor=64, hidden=64, grid_channels=8)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> HeadModel:
    """The standard head."""
    return load_head_model()


@pytest.fixture(scope="module")
def sampler(model: HeadModel) -> QuerySampler:
    """Queries of it, with a layout for plain networks."""
    return QuerySampler(model, CPU, ("ibug68",))


@pytest.fixture(scope="module")
def samples(sampler: QuerySampler) -> SampleBuffer:
    """Sixteen rendered heads."""
    chunk = render_chunk(DotFactory(80)(), StreamConfig(DotFactory(80), chunk=16), 0, False)
    buffer = SampleBuffer(16, 80, sampler.label_count, CPU, sampler.bone_count)
    buffer.add(chunk)
    return buffer


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, model: HeadModel) -> Path:
    """A COCO file of three faces: two with half of their labels, one with three."""
    folder = tmp_path_factory.mktemp("faces")
    head = np.asarray(layout("ibug68", model).queries) * [60, -60, 60]
    images, annotations = [], []
    for index, step in enumerate((2, 2, 30)):
        image = np.random.default_rng(index).integers(0, 255, (160, 200, 3), dtype=np.uint8)
        Image.fromarray(image).save(folder / f"{index}.png")
        images.append({"id": index, "file_name": f"{index}.png", "width": 200, "height": 160})
        labels = [(x + 100, y + 80, 2 * (i % step == 0)) for i, (x, y, _) in enumerate(head)]
        annotations.append({"image_id": index, "keypoints": np.array(labels).ravel().tolist()})
    (folder / "faces.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder


def settings(folder: Path, **changes: object) -> TrainConfig:
    """A run on the CPU that nothing is rendered for."""
    config = TrainConfig(
        folder,
        DotFactory(80),
        network=NETWORK,
        init="random",
        steps=3,
        batch_size=4,
        queries=90,
        device="cpu",
    )
    return replace(config, **changes)  # type: ignore[arg-type]


def test_photographs_keep_their_labels_through_the_crop(faces: Path, model: HeadModel) -> None:
    """Labels that are missing stay missing, the others stay in place; faces with few labels are left out."""
    queries = layout("ibug68", model).queries
    found = load_photographs(MixedDataset(faces), queries, 90, CPU)
    images, labels, weights = found.draw(8, torch.Generator().manual_seed(0))
    assert len(found.buffer) == 2
    assert images.shape == (8, 90, 90, 3)
    assert weights[:, ::2].all()
    assert not weights[:, 1::2].any()
    # a region shows 0.27 m of the head, the stored crop 1.6 times as much
    scale = 0.15 / (1.6 * 0.27) * 90
    expected = 44.5 + scale * (queries[::2, :2] * torch.tensor([1.0, -1.0]) - torch.tensor([0.0, 0.0667]))
    assert (labels[:, ::2] - expected).abs().max() < 1.0
    assert ((labels > 0) & (labels < 90)).all()


def test_a_dataset_without_labels_enough_is_an_error(faces: Path, tmp_path: Path, model: HeadModel) -> None:
    """Three labels do not say where a head is."""
    content = json.loads((faces / "faces.json").read_text())
    content["annotations"] = content["annotations"][2:]
    Image.new("RGB", (200, 160)).save(tmp_path / "2.png")
    (tmp_path / "faces.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="8 labels or more"):
        load_photographs(MixedDataset(tmp_path), layout("ibug68", model).queries, 90, CPU)


def test_a_mix_trains_and_says_that_it_is_not_for_release(
    faces: Path, tmp_path: Path, samples: SampleBuffer
) -> None:
    """Rendered heads and photographs share the batches; card and metrics name the photographs."""
    (tmp_path / "samples").mkdir()
    for name in ("held_0000000", "train_0000000"):
        positions = samples.positions[:, : samples.required].numpy()
        np.savez(tmp_path / "samples" / f"{name}.npz", images=samples.images.numpy(), positions=positions)
    mix = (MixedDataset(faces, 0.25), MixedDataset(faces / "faces.json", 0.25))
    config = settings(
        tmp_path / "run", workers=0, samples=tmp_path / "samples", held_out=16, datasets=mix, buffer_gib=0.01
    )
    path = train(config)
    metrics = json.loads(path.with_suffix(".json").read_text())
    assert [dataset["share"] for dataset in metrics["settings"]["datasets"]] == [0.25, 0.25]
    assert "not for release" in path.with_suffix(".md").read_text()
    assert metrics["settings"]["seen"] == [mix[0].path.name, "faces.json"]
    assert not metrics["settings"]["for_release"]
    assert set(metrics["spread_by_region"]) >= {"brows", "eyes", "nose", "mouth", "jaw line", "ears"}
    assert 0.05 < metrics["hidden"]["share_hidden"] < 0.5
    offsets = load_network(path).sigma_calibration.offsets()
    assert offsets == pytest.approx(metrics["region_offsets"], abs=2e-3)
    assert (tmp_path / "run" / "log.png").is_file()


def test_what_comes_of_weights_that_saw_photographs_is_not_for_release(
    tmp_path: Path, sampler: QuerySampler
) -> None:
    """Whatever it learns from then, and after an interruption too; the same where nothing is known."""
    network = LandmarkNetwork(NETWORK)
    told: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
        "mixed": ({"datasets": [{"path": "faces300"}], "for_release": False}, ("faces300",)),
        "child": ({"seen": ["faces300"], "datasets": []}, ("faces300",)),
        "clean": ({"seen": [], "for_release": True}, ()),
        "older": ({"datasets": [], "for_release": True}, ()),
    }
    for name, (facts, seen) in told.items():
        start = save_network(network, tmp_path / f"{name}.safetensors", facts)
        trainer = Trainer(settings(tmp_path, init=str(start)), sampler)
        assert trainer.origin.seen == seen
        assert origin_facts(trainer.origin.seen, [])["for_release"] == (not seen)
        trainer.save(tmp_path / "checkpoint.pt")
        resumed = Trainer(settings(tmp_path), sampler)
        resumed.load(tmp_path / "checkpoint.pt")
        assert resumed.origin == trainer.origin
    silent = save_network(network, tmp_path / "silent.safetensors")
    (reason,) = Trainer(settings(tmp_path, init=str(silent)), sampler).origin.seen
    assert "silent" in reason
    both = origin_facts(["faces300"], ["more", "faces300"])
    assert both == {"seen": ["faces300", "more"], "for_release": False}


@pytest.mark.parametrize("loss", ["gnll", "l2"])
@pytest.mark.parametrize("augmentation", ["none", "colour", "geometry", "both"])
def test_loss_and_augmentation_can_be_switched(
    loss: str, augmentation: str, tmp_path: Path, sampler: QuerySampler, samples: SampleBuffer
) -> None:
    """Every combination takes a step; without colour the crops have only the colours of the samples."""
    trainer = Trainer(settings(tmp_path, loss=loss, augmentation=augmentation), sampler)
    assert bool(torch.isfinite(trainer.step(0.0, samples)))
    generator = torch.Generator().manual_seed(0)
    images, pixels = samples.draw(4, generator)
    regions = torch.tensor([[40.0, 40.0, 60.0]]).expand(4, 3)
    crops, targets = trainer._crops(images, pixels[:, :100], regions, generator)
    straight = (targets * 30 + 40 - pixels[:, :100]).abs().amax() < 1e-3
    assert bool(straight) == (augmentation in ("none", "colour"))
    changed = (crops - trainer._crops(images, pixels[:, :100], regions, generator)[0]).abs().max() > 0.05
    assert bool(changed) == (augmentation != "none")


def test_a_plain_network_trains_on_its_layout(
    tmp_path: Path, sampler: QuerySampler, samples: SampleBuffer
) -> None:
    """W22's network is asked for its own landmarks only, and learns them."""
    network = replace(NETWORK, predictor="plain", layout="ibug68", layout_size=68)
    trainer = Trainer(settings(tmp_path, network=network), sampler)
    losses = [float(trainer.step(0.1, samples)) for _ in range(12)]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_a_checkpoint_of_before_the_regions_loads(
    tmp_path: Path, sampler: QuerySampler, samples: SampleBuffer
) -> None:
    """Settings and buffers that a checkpoint does not know take their defaults."""
    trainer = Trainer(settings(tmp_path), sampler)
    trainer.step(0.0, samples)
    trainer.save(tmp_path / "old.pt")
    state = torch.load(tmp_path / "old.pt", weights_only=True)
    for name in ("network", "average"):
        del state[name]["sigma_calibration.region_offsets"]
    for name in ("predictor", "layout", "layout_size"):
        del state["config"][name]
    del state["start"]
    torch.save(state, tmp_path / "old.pt")
    again = Trainer(settings(tmp_path), sampler)
    again.load(tmp_path / "old.pt")
    assert again.step_number == 1
    again.step(0.0, samples)


def test_datasets_of_the_command_line() -> None:
    """PATH, PATH:SHARE and PATH:SHARE:LAYOUT; a path may hold colons."""
    assert parse_dataset("a/b") == MixedDataset(Path("a/b"))
    assert parse_dataset("a/b:0.3") == MixedDataset(Path("a/b"), 0.3)
    assert parse_dataset("c:/b:0.3:mine.json") == MixedDataset(Path("c:/b"), 0.3, "mine.json")
    for wrong in ("a:0.0", "a:1.5"):
        with pytest.raises(UsageError, match="between 0 and 1"):
            parse_dataset(wrong)


def test_settings_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    """The errors name what there is."""
    with pytest.raises(UsageError, match="gnll, l2"):
        settings(tmp_path, loss="l1")
    with pytest.raises(UsageError, match="none, colour, geometry, both"):
        settings(tmp_path, augmentation="full")
    with pytest.raises(UsageError, match="whole of each batch"):
        settings(tmp_path, datasets=(MixedDataset(tmp_path, 0.5), MixedDataset(tmp_path, 0.5)))


def test_positions_that_are_missing_are_told_apart() -> None:
    """What is written as missing is no label; the farthest position that can be written is one."""
    packed = pack_positions(np.array([[[-9e9, 9e9]]]))
    buffer = SampleBuffer(1, 2, 1, CPU)
    buffer.add(SampleChunk(0, False, np.zeros((1, 2, 2, 3), np.uint8), packed))
    assert buffer.part(0, 1)[1].abs().max() < 1024

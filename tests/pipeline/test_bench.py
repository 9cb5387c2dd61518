"""vultus bench, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from detector.network import LandmarkNetwork, NetworkConfig
from detector.weights import save_network
from pipeline.cli import main


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A tiny untrained network."""
    config = NetworkConfig(backbone="resnet10t", input_size=64, descriptor=32, hidden=16, grid_channels=4)
    return save_network(LandmarkNetwork(config), tmp_path / "tiny.safetensors")


def bench(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["bench", "detect", *map(str, arguments)])
    return done.exit_code, done.output


def test_speeds_are_printed_and_written(weights: Path, tmp_path: Path) -> None:
    """A table for the eye, and the same numbers as JSON with the machine that they hold for."""
    file = tmp_path / "speed.json"
    options = ("--device", "cpu", "--batches", "1,2", "--queries", "68", "--repeats", 1, "--output", file)
    code, text = bench("--weights", weights, *options)
    assert code == 0, text
    assert "images/s" in text
    assert "backbone" in text
    content = json.loads(file.read_text())
    assert [row["batch"] for row in content["rows"]] == [1, 2]
    assert content["rows"][0]["variant"] == "tiny"
    assert content["machine"]["threads"] >= 1


def test_what_cannot_be_measured_is_said(weights: Path, tmp_path: Path) -> None:
    """Absent weights, an absent image and numbers that are none are named."""
    code, text = bench("--weights", "no-such")
    assert code == 3
    assert "no-such" in text
    code, text = bench("--weights", weights, "--image", tmp_path / "none.jpg", "--device", "cpu")
    assert code == 3
    assert "does not exist" in text
    code, text = bench("--batches", "1,two")
    assert code == 2
    assert "1,two" in text

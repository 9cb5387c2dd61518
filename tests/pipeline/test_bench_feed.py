"""Whether the network is fed is measured on the user's own images."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.frames.sources import ImageSequence
from pipeline.stages import detect
from tests.pipeline.test_detect import BlobPredictor, write_shoot


@pytest.fixture(autouse=True)
def blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "load_predictor", lambda *args, **kwargs: BlobPredictor())
    monkeypatch.setattr(detect, "load_head_model", lambda: None)


def test_a_slow_disk_shows_as_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row for each number of threads, all images in each, and nothing is left in the shoot's folder."""
    shoot = write_shoot(tmp_path / "shoot")
    plain = ImageSequence.read

    def slow(self: ImageSequence, frame: int) -> object:
        time.sleep(0.02)
        return plain(self, frame)

    monkeypatch.setattr(ImageSequence, "read", slow)
    file = tmp_path / "feed.json"
    done = CliRunner().invoke(
        main,
        ["bench", "feed", str(shoot.file), "--threads", "1,4", "--output", str(file)],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    one, four = json.loads(file.read_text())
    assert (one["threads"], four["threads"]) == (1, 4)
    assert one["measure"]["images"] == four["measure"]["images"] == 39
    assert 0 < one["waiting_share"] <= 1
    assert not shoot.output.exists()


@pytest.mark.parametrize("threads", ["many", "0"])
def test_threads_that_make_no_sense_are_refused(tmp_path: Path, threads: str) -> None:
    """As a mistake of the command line."""
    shoot = write_shoot(tmp_path / "shoot")
    assert CliRunner().invoke(main, ["bench", "feed", str(shoot.file), "--threads", threads]).exit_code == 2

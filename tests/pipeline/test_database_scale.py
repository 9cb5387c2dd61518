"""The database stays quick and small as it grows; `vultus bench database --takes 2000` is the million."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.database.bench import bench_database, made_up


def test_a_bench_of_twenty_takes_writes_its_figures(tmp_path: Path) -> None:
    """Frames are found, a query of a cache that is up to date is quick, and a frame takes few bytes."""
    arguments = ["--takes", "20", "--frames", "200", "--output", str(tmp_path / "speed.json")]
    result = CliRunner().invoke(main, ["bench", "database", *arguments])
    assert result.exit_code == 0, result.output
    speed = json.loads((tmp_path / "speed.json").read_text())
    assert (speed["takes"], speed["frames"]) == (20, 4000)
    assert speed["query"] < 0.5
    assert speed["shard_bytes"] < 320
    assert speed["cache_bytes"] < 400


def test_made_up_takes_are_smooth_and_each_another() -> None:
    """Weights in [0, 1] that move a little from frame to frame."""
    one, two = made_up(1, 100), made_up(2, 100)
    assert one.rows["expression"].min() == 0.0
    assert one.rows["expression"].max() <= 1.0
    assert np.abs(np.diff(one.rows["expression"], axis=0)).max() < 0.3
    assert one.header.origin.source != two.header.origin.source


@pytest.mark.slow
def test_a_hundred_thousand_frames_are_searched_at_once(tmp_path: Path) -> None:
    """A query takes a fraction of a second, also when a take is new."""
    speed = bench_database(tmp_path / "expressions", takes=200, frames=500)
    assert speed.frames == 100_000
    assert speed.query < 1.0
    assert speed.one_more < 1.0
    assert speed.shard_bytes + speed.cache_bytes < 700

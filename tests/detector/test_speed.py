"""Measuring speed, on a network that costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from detector.speed import PARTS, ImageFile, SpeedPlan, measure_speed
from tests.detector.oracle import disc_image, oracle_predictor


def test_every_batch_and_number_of_queries_is_measured_once() -> None:
    """A row each, with the time of all parts per image, and images per second from those of the network."""
    image = disc_image((300.0, 200.0), 700.0, (600, 400))
    told: list[tuple[int, int]] = []
    file = ImageFile(image.tobytes, lambda data: np.frombuffer(data, np.uint8).reshape(400, 600, 3).copy())
    plan = SpeedPlan(batches=(1, 3), queries=(5, 68), repeats=2)
    rows = measure_speed(
        oracle_predictor(), "oracle", file, plan, lambda done, total, what: told.append((done, total))
    )
    assert [(row.batch, row.queries) for row in rows] == [(1, 5), (1, 68), (3, 5), (3, 68)]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for row in rows:
        assert tuple(row.milliseconds) == PARTS
        assert all(value >= 0 for value in row.milliseconds.values())
        waits = sum(row.milliseconds[part] for part in ("crop", "backbone", "queries", "download"))
        assert row.images_per_second == pytest.approx(1000 / waits)
        assert row.facts()["queries"] == row.queries

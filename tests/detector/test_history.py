"""The picture of a run's log."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.errors import InputError
from detector.training.history import LOG_FILE, draw_history, read_log, series_of


def write_log(folder: Path, count: int, tail: str = "") -> None:
    """A log of so many steps, with an evaluation at every fifth, and something at its end."""
    lines = []
    for step in range(1, count + 1):
        lines.append({"step": step, "loss": 3.0 / step - 2, "learning_rate": 1e-3 / step})
        if step % 5 == 0:
            lines.append(
                {"step": step, "nme68": 4 + 9 / step, "spread": math.nan if step == 5 else 1 + 1 / step}
            )
    (folder / LOG_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)


def test_a_log_becomes_a_picture_of_four_panels(tmp_path: Path) -> None:
    """Loss, learning rate, error and spread stand one below the other, each with a curve in it."""
    write_log(tmp_path, 60)
    picture = cv2.imread(str(draw_history(tmp_path)))
    assert picture is not None
    assert picture.shape == (4 * 240, 960, 3)
    for panel in np.split(picture, 4):
        coloured = np.ptp(panel[40:210, 95:940].astype(int), axis=-1) > 60
        assert coloured.any(axis=0).mean() > 0.8


def test_a_log_of_one_record_is_drawn(tmp_path: Path) -> None:
    """At the first checkpoint there is little to see, and nothing to fail on."""
    write_log(tmp_path, 1)
    assert draw_history(tmp_path).is_file()


def test_a_run_without_a_log_has_no_picture(tmp_path: Path) -> None:
    """Nothing is written when nothing was logged."""
    assert not draw_history(tmp_path).exists()


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """A killed run leaves half a record at the end; half a record elsewhere is an error."""
    write_log(tmp_path, 10, '{"step": 11, "lo')
    steps, _ = series_of(read_log(tmp_path), "loss")
    assert steps.tolist() == list(range(1, 11))
    write_log(tmp_path, 10, '{"step"\n{"step": 12}\n')
    with pytest.raises(InputError, match="line 13"):
        read_log(tmp_path)

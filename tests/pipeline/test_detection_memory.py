"""What a detection takes does not grow with the length of the take."""

from __future__ import annotations

import subprocess
import sys

from detector.predictor import CPU_BATCH
from pipeline.detection_memory import BATCH, detect_memory

MIB = 2**20


def test_long_takes_take_no_more_than_a_segment() -> None:
    """Images in flight are bounded, and of the results there is a block at a time."""
    assert detect_memory(5000, 8, 320, 2_000_000) == detect_memory(480, 8, 320, 2_000_000)
    assert detect_memory(500, 8, 320, 8_000_000) > detect_memory(500, 8, 320, 2_000_000)


def test_it_is_enough_for_what_was_measured() -> None:
    """Peaks of face-base on a processor, beside a process that had loaded it: MiB."""
    measured = {(640 * 856, 320): 422, (2560 * 3424, 320): 1265, (640 * 856, 5051): 403}
    for (pixels, landmarks), peak in measured.items():
        told = detect_memory(6, 8, landmarks, pixels) / MIB
        assert peak < told < 1.6 * peak


def test_planning_needs_no_torch() -> None:
    """The module is light, and its batch is that of the predictor all the same."""
    assert BATCH == CPU_BATCH
    code = "import sys, pipeline.detection_memory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

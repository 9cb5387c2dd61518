"""The simulation of a large job, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from pipeline.cli import main


def test_a_simulated_job_comes_to_its_end_and_is_measured(tmp_path: Path) -> None:
    """A scheduler and a worker as processes of their own, and figures that say what they are of."""
    output = tmp_path / "scale.json"
    arguments = ["bench", "jobs", "--sequences", "6", "--workers", "1", "--output", str(output)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "a simulation: tasks do nothing" in result.stdout
    found = json.loads(output.read_text())
    assert found["tasks"] == 6 * 10  # survey, calibrate, 3 chunks, detect, fit, export, overlay, report
    assert set(found["client_mib"]) == {"0.1", "0.5", "1.0"}
    assert found["scheduler_ms"] > 0

"""vultus bench fit: both solvers, side by side, on landmarks whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main


def test_the_solvers_are_measured_side_by_side(tmp_path: Path) -> None:
    """A row each with the same energy, the paper's own figure below them, and the figures in a file."""
    output = tmp_path / "speed.json"
    sizes = ["--frames", "2", "--cameras", "3", "--landmarks", "ibug68"]
    result = CliRunner().invoke(main, ["bench", "fit", *sizes, "--output", str(output)])
    assert result.exit_code == 0, result.output
    table = [line.split() for line in result.stdout.splitlines()[-5:-1]]
    assert [row[0] for row in table] == ["solver", "lm", "lbfgs", "W22"]
    lm, lbfgs = json.loads(output.read_text(encoding="utf-8"))["rows"]
    assert lm["energy"] == pytest.approx(lbfgs["energy"], abs=1.0)
    assert lm["iterations"] < lbfgs["iterations"]
    assert lm["error_mm"] == pytest.approx(lbfgs["error_mm"], abs=0.2)
    assert lm["peak_mb"] >= 0

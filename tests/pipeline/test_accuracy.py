"""The claims of the fit on landmarks whose truth is known, each with its bound (vultus bench accuracy)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from fitting.head_model import HeadModel, load_head_model
from pipeline.accuracy import Line, cases, measure, tables, write_lines
from pipeline.cli import main


@lru_cache
def model() -> HeadModel:
    return load_head_model()


@lru_cache
def lines(table: str, frames: int = 2) -> tuple[Line, ...]:
    return tuple(measure(model(), [case for case in cases() if case.table == table], frames))


def median(line: Line) -> float:
    return line.world_mm.median


def test_exact_landmarks_give_the_vertices_back() -> None:
    """Within 0.001 mm where the priors say next to nothing, within 0.1 mm with the default ones."""
    free, default = lines("exact landmarks")
    assert free.world_mm.p90 < 0.001
    assert median(default) < 0.1
    assert free.converged


def test_more_cameras_are_better() -> None:
    """With a pixel of noise (0.6 mm): 17 cameras give 0.12 mm, 3 give 0.3; one knows no depth."""
    seventeen, eight, three, one = lines("cameras")
    assert median(seventeen) < median(eight) < median(three) < 0.3
    assert median(seventeen) < 0.12
    assert one.aligned_mm.median < 1.5


@pytest.mark.slow
def test_denser_is_better() -> None:
    """68, 320, 703 and 5,000 landmarks, as W22 (figure 11) and C23 (table 3) found on scans."""
    medians = [median(line) for line in lines("density")]
    assert medians == sorted(medians, reverse=True)
    assert medians[0] > 3 * medians[-1]


def test_knowing_sigma_is_better() -> None:
    """Landmarks that say how sure they are give two thirds of the error of others (W22 figure 11)."""
    known, unknown = lines("sigma")
    assert median(known) < 0.67 * median(unknown)


def test_gross_outliers_cost_nothing_under_the_robust_kernel() -> None:
    """A tenth of the landmarks up to 100 px away: without the kernel that ruins the fit."""
    none, robust, plain = lines("outliers")
    assert median(robust) < 1.25 * median(none)
    assert median(plain) > 4 * median(none)


def test_unknown_cameras_cost_half_a_millimetre_of_shape() -> None:
    """Found from the head alone, they give the same face, at the size of an average one."""
    known, lenses, nothing = lines("unknown cameras", 4)
    assert known.aligned_mm.median < 0.3
    assert lenses.aligned_mm.median < 1.0
    assert nothing.aligned_mm.median < 1.2


def test_the_tables_are_written_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each case, in words and as JSON; a table that does not exist is refused."""
    few = [case for case in cases() if case.table == "outliers"][:1]
    monkeypatch.setattr("pipeline.accuracy.cases", lambda: few)
    path = tmp_path / "accuracy.json"
    shown = CliRunner().invoke(
        main, ["bench", "accuracy", "--frames", "2", "--people", "1", "--output", str(path)]
    )
    assert shown.exit_code == 0, shown.output
    assert "outliers" in shown.output
    (row,) = json.loads(path.read_text())
    assert row["world_mm"]["median"] < 1.0
    refused = CliRunner().invoke(main, ["bench", "accuracy", "--table", "colours"])
    assert refused.exit_code == 2
    assert "'colours' is not one of: outliers" in refused.output


def test_figures_come_back_from_their_file(tmp_path: Path) -> None:
    """The file says all that a line says."""
    line = lines("exact landmarks")[0]
    (row,) = json.loads(write_lines(tmp_path / "a.json", [line]).read_text())
    assert row["aligned_mm"]["count"] == line.aligned_mm.count
    assert tables()[0] == line.table

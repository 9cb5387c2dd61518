"""The frames of a database open in other programs."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import InputError, MissingDependencyError, UsageError
from fitting.arkit import ARKIT_SHAPES
from fitting.reliability import FrameFlag
from pipeline.database.cache import look
from pipeline.database.exports import columns, export_frames
from pipeline.database.view import View
from tests.pipeline.expression_shards import made_database, made_shard, ramp


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    anna = made_shard("anna, the first", jawOpen=ramp(10))
    anna.rows["flags"][3] = FrameFlag.JUMP
    anna.rows["residual_px"][4] = np.nan
    return look(made_database(tmp_path_factory.mktemp("exports"), anna, made_shard("bob", jawOpen=0.5)))


def test_a_csv_has_a_line_for_each_frame(view: View, tmp_path: Path) -> None:
    """All shapes by name, who and when; empty where something is not known."""
    path = export_frames(tmp_path / "out" / "frames.csv", view, np.arange(10))
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert set(ARKIT_SHAPES) | {"subject", "take", "frame", "jump", "vultus", "left_eye_yaw"} <= set(rows[0])
    assert [row["subject"] for row in rows] == ["anna, the first"] * 10
    np.testing.assert_allclose([float(row["jawOpen"]) for row in rows], ramp(10), atol=1e-6)
    assert [row["jump"] for row in rows] == ["0", "0", "0", "1"] + ["0"] * 6
    assert [row["residual_px"] for row in rows[3:6]] == ["3", "", "3"]


def test_an_archive_has_an_array_for_each_column(view: View, tmp_path: Path) -> None:
    """NumPy reads it without pickles."""
    with np.load(export_frames(tmp_path / "frames.npz", view, np.arange(20)), allow_pickle=False) as data:
        np.testing.assert_array_equal(data["jawOpen"], view.floats("jawOpen"))
        assert data["frame"].dtype == np.int64
        assert data["subject"][-1] == "bob"


def test_parquet_needs_pyarrow_and_says_so(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the message names it, and no file is left."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="Parquet needs the library pyarrow"):
        export_frames(tmp_path / "frames.parquet", view, np.arange(20))
    assert not list(tmp_path.iterdir())


def test_parquet_has_the_same_columns(view: View, tmp_path: Path) -> None:
    """Read back by pyarrow, where it is installed."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = parquet.read_table(export_frames(tmp_path / "frames.parquet", view, np.arange(20)))
    assert table.column_names == list(columns(view, np.arange(20)))
    np.testing.assert_array_equal(table["jawOpen"].to_numpy(), view.floats("jawOpen"))
    assert table["subject"].to_pylist()[-1] == "bob"


def test_a_wrong_format_or_place_is_told(view: View, tmp_path: Path) -> None:
    """The formats are named; a file where a folder should be is no crash."""
    with pytest.raises(UsageError, match=r"Use \.csv, \.parquet, \.npz"):
        export_frames(tmp_path / "frames.xlsx", view, np.arange(20))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_frames(tmp_path / "file" / "frames.csv", view, np.arange(20))

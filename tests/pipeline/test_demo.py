"""The demo shoot as `vultus demo` unpacks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.errors import InputError
from pipeline import demo
from pipeline.shoot.shoot import read_shoot


def test_the_demo_is_copied_once_and_an_edited_copy_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second `vultus demo` goes on in the same folder, and files keep their times, so nothing is redone."""
    bundled = tmp_path / "bundled"
    (bundled / "images").mkdir(parents=True)
    (bundled / "shoot.toml").write_text("first")
    (bundled / "images" / "a.1001.jpg").write_bytes(b"x")
    monkeypatch.setattr(demo, "BUNDLED", bundled)
    file = demo.copy_demo(tmp_path / "here")
    image = tmp_path / "here" / "images" / "a.1001.jpg"
    assert image.stat().st_mtime_ns == (bundled / "images" / "a.1001.jpg").stat().st_mtime_ns
    file.write_text("edited")
    assert demo.copy_demo(tmp_path / "here").read_text() == "edited"


def test_an_installation_without_the_demo_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete installation is named."""
    monkeypatch.setattr(demo, "BUNDLED", tmp_path / "nowhere")
    with pytest.raises(InputError, match="not part of this installation"):
        demo.copy_demo(tmp_path / "here")


def test_the_bundled_shoot_is_complete() -> None:
    """Every camera has images and a board, and the truth lies where the demo looks for it."""
    if not demo.BUNDLED.is_dir():
        pytest.skip("pipeline/demo/shoot is not in this checkout")
    shoot = read_shoot(demo.BUNDLED / "shoot.toml")
    assert (demo.BUNDLED / demo.TRUTH).is_file()
    assert len(shoot.frames) > 1
    assert all(source.frames == shoot.frames for source in shoot.sources.values())
    board = shoot.settings.calibration.board
    assert board is not None
    assert set(board.images) == set(shoot.camera_names)

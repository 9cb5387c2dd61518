"""The command line as a TD or a farm manager meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import COMMANDS, main


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Two cameras of two black frames, with known cameras."""
    folder = tmp_path / "take1"
    for name in ("left", "right"):
        (folder / "images" / name).mkdir(parents=True)
        for frame in (1001, 1002):
            path = folder / "images" / name / f"{name}.{frame}.png"
            cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    cameras = [
        {
            "name": name,
            "width": 64,
            "height": 48,
            "K": [[80, 0, 31.5], [0, 80, 23.5], [0, 0, 1]],
            "dist": [0, 0, 0, 0, 0],
            "R": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            "t": [x, 0, 1000],
        }
        for name, x in (("left", -50), ("right", 50), ("spare", 0))
    ]
    (folder / "cameras.json").write_text(json.dumps({"units": "mm", "cameras": cameras}))
    return folder


def run(*arguments: object, **env: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(a) for a in arguments], env=env)
    return result.exit_code, result.stdout, result.stderr


def test_help_is_instant_and_imports_no_torch() -> None:
    """A shell completes and a farm probes without waiting for torch."""
    code = (
        "import sys; from pipeline.cli import main; main(['--help'], standalone_mode=False); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert time.perf_counter() - started < 2.0  # 0.1 s on an idle machine
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    """Each --help has a description and its options."""
    status, out, _ = run(name, "--help")
    assert status == 0
    assert "Usage:" in out
    assert len(out.splitlines()) > 4


def test_init_then_calibrate_from_a_file_then_nothing_to_do(footage: Path) -> None:
    """The usual first two commands; the third finds its work done."""
    status, out, _ = run("init", footage)
    assert status == 0
    assert "Found camera left: images/left, frames 1001-1002, 64 x 48" in out
    assert f"vultus run {footage}" in out

    status, out, _ = run("calibrate", footage)
    path = footage / "results" / "cameras.json"
    assert status == 0
    assert out.strip().splitlines()[-1] == str(path)
    written = json.loads(path.read_text())
    assert written["units"] == "m"
    assert [camera["name"] for camera in written["cameras"]] == ["left", "right"]
    assert written["cameras"][0]["t"] == pytest.approx([-0.05, 0, 1.0])

    before = path.stat().st_mtime_ns
    status, _, err = run("calibrate", footage)
    assert status == 0
    assert "up to date" in err
    assert path.stat().st_mtime_ns == before


def test_changed_cameras_are_read_again_and_a_cut_result_is_made_again(footage: Path) -> None:
    """Up to date means that inputs, settings and results are as they were."""
    run("init", footage)
    run("calibrate", footage)
    path = footage / "results" / "cameras.json"
    path.write_text(path.read_text()[:100])
    assert "up to date" not in run("calibrate", footage)[2]
    cameras = json.loads((footage / "cameras.json").read_text())
    cameras["cameras"][0]["t"] = [-60, 0, 1000]
    (footage / "cameras.json").write_text(json.dumps(cameras))
    assert "up to date" not in run("calibrate", footage)[2]
    assert json.loads(path.read_text())["cameras"][0]["t"][0] == pytest.approx(-0.06)


def test_errors_are_one_line_on_stderr_with_the_exit_status_of_their_kind(
    footage: Path, tmp_path: Path
) -> None:
    """2 for wrong usage, 3 for missing input; a traceback only with --debug."""
    assert run("init", tmp_path / "nowhere")[0] == 3
    run("init", footage)
    status, _, err = run("init", footage)
    assert status == 2
    assert err.startswith("Error: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert run("calibrate", footage, "--frames", "1001-")[0] == 0  # calibration looks at no frames
    assert run("calibrate", footage, "--no-such-option")[0] == 2
    result = CliRunner().invoke(main, ["--debug", "init", str(footage)])
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit)


def test_a_calibration_of_another_image_size_is_refused(footage: Path) -> None:
    """The size is part of a camera and is never guessed."""
    cameras = json.loads((footage / "cameras.json").read_text())
    cameras["cameras"][1]["width"] = 128
    (footage / "cameras.json").write_text(json.dumps(cameras))
    run("init", footage)
    status, _, err = run("calibrate", footage)
    assert status == 3
    assert "Camera right: The images are 64 x 48 but the calibration is for 128 x 48" in err


def test_options_can_be_set_in_the_environment(footage: Path, tmp_path: Path) -> None:
    """VULTUS_<COMMAND>_<OPTION> mirrors every option."""
    run("init", footage)
    place = tmp_path / "elsewhere"
    status, out, _ = run("calibrate", footage, VULTUS_CALIBRATE_OUTPUT=str(place))
    assert status == 0
    assert out.strip().splitlines()[-1] == str(place / "cameras.json")


def test_the_installed_command_works_as_a_process(footage: Path) -> None:
    """The program itself, with its status and its two streams."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pipeline.cli"]
    done = subprocess.run([*command, "init", str(footage)], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        [*command, "run", str(footage / "nothing")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 3
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""

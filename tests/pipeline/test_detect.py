"""Detection over a shoot: what is recorded, what is skipped, and what a kill leaves."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.layouts import Layout
from detector.predictor import Picture, Prediction
from detector.region import with_roll
from fitting.surface import SurfacePoints
from pipeline.segments import BLOCK
from pipeline.shoot.shoot import Shoot, read_shoot
from pipeline.stages import detect
from pipeline.stores.landmarks import FrameStatus, read_landmarks
from pipeline.stores.outcome import read_failures
from tests.detector.oracle import disc_image, oracle_predictor

FRAMES = range(1001, 1021)
OFFSETS = np.random.default_rng(0).uniform(-8, 8, (16, 2)).astype(np.float32)


class BlobPredictor:
    """Finds the bright blob of an image, as a network finds a head: only where it looks."""

    batch = 16

    def __init__(self) -> None:
        queries = torch.as_tensor(np.random.default_rng(1).normal(size=(16, 3)), dtype=torch.float32)
        self.layout = Layout("ibug68", queries, SurfacePoints.from_vertices(np.arange(16)))

    def upload(self, image: Picture) -> torch.Tensor:
        return torch.as_tensor(image)

    def predict(self, images: Sequence[Picture], regions: NDArray[np.floating]) -> Prediction:
        padded = with_roll(torch.as_tensor(regions, dtype=torch.float32)).numpy()
        rows = [self._one(np.asarray(i), r) for i, r in zip(images, padded, strict=True)]
        mean, region, following, uncertainty = (np.array(part) for part in zip(*rows, strict=True))
        sigma = np.full(mean.shape[:2], 0.5, np.float32)
        return Prediction(mean, sigma, region, following, uncertainty)

    def predict_windows(self, image: Picture, regions: NDArray[np.floating]) -> Prediction:
        return self.predict([image] * len(regions), regions)

    def _one(self, image: NDArray[np.uint8], region: NDArray[np.float32]) -> tuple[object, ...]:
        y, x = np.nonzero(image[..., 0] > 128)
        centre = np.array([x.mean(), y.mean()], np.float32) if len(x) else region[:2]
        inside = bool(len(x)) and bool((np.abs(centre - region[:2]) < region[2] / 2).all())
        # the answer depends a little on where it looked, as a network's does
        mean = centre + OFFSETS + 0.01 * (region[:2] - centre)
        following = np.array([*centre, 40.0, 0.0], np.float32)
        return mean.astype(np.float32), region, following, np.float32(0.02 if inside else 0.5)


def write_shoot(folder: Path) -> Shoot:
    """Two cameras with a blob that wanders; right misses 1010, has 1005 cut short, and is black at 1015."""
    for name in ("left", "right"):
        (folder / name).mkdir(parents=True)
        for frame in FRAMES:
            image = np.zeros((96, 128, 3), np.uint8)
            if (name, frame) != ("right", 1015):
                cv2.circle(image, (40 + 2 * (frame - 1001), 48), 9, (255, 255, 255), -1)
            cv2.imwrite(str(folder / name / f"{name}.{frame}.png"), image)
    (folder / "right" / "right.1010.png").unlink()
    cut = folder / "right" / "right.1005.png"
    cut.write_bytes(cut.read_bytes()[:-30])
    (folder / "weights.safetensors").write_bytes(b"any")
    (folder / "shoot.toml").write_text(
        '[cameras.left]\nimages = "left"\n[cameras.right]\nimages = "right"\n'
        '[calibration]\nsource = "file"\nfile = "cameras.json"\n'
        '[detect]\nlayout = "ibug68"\nweights = "weights.safetensors"\n'
    )
    return read_shoot(folder / "shoot.toml")


@pytest.fixture
def shoot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shoot:
    monkeypatch.setattr(detect, "load_predictor", lambda *args, **kwargs: BlobPredictor())
    monkeypatch.setattr(detect, "load_head_model", lambda: None)
    return write_shoot(tmp_path / "shoot")


def datasets(shoot: Shoot) -> dict[str, bytes]:
    content: dict[str, bytes] = {}
    for name in shoot.camera_names:
        with h5py.File(shoot.landmark_file(name)) as file:
            content |= {f"{name}/{key}": file[key][:].tobytes() for key in file}
    return content


def test_every_frame_of_every_camera_has_landmarks_or_a_reason(
    shoot: Shoot, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing, unreadable and empty images are told apart, recorded and said aloud."""
    with caplog.at_level(logging.INFO, logger="pipeline"):
        assert detect.main(shoot) == shoot.landmarks_folder
    left, right = (read_landmarks(shoot.landmark_file(name)) for name in ("left", "right"))
    assert left.seen.all()
    assert left.header.frames.tolist() == list(FRAMES)
    np.testing.assert_allclose(left.rows.mean[3], np.array([46, 48]) + OFFSETS, atol=1.0)
    skipped = {
        int(f): FrameStatus(s) for f, s in zip(right.header.frames, right.rows.status, strict=True) if s != 1
    }
    assert skipped == {
        1005: FrameStatus.UNREADABLE,
        1010: FrameStatus.MISSING,
        1015: FrameStatus.NO_FACE,
    }
    assert "truncated" in right.rows.reason[4]
    assert np.isnan(right.rows.mean[4]).all()
    assert "camera right: image cannot be read: 1005" in caplog.text
    assert [(failure.camera, failure.frame) for failure in read_failures(shoot)] == [("right", 1005)]


def test_a_detection_that_is_up_to_date_does_nothing_and_a_new_image_redoes_it(
    shoot: Shoot, caplog: pytest.LogCaptureFixture
) -> None:
    """Replacing the truncated image is noticed."""
    detect.main(shoot)
    with caplog.at_level(logging.INFO, logger="pipeline"):
        detect.main(shoot)
    assert "Detect: up to date" in caplog.text
    good = shoot.root / "right" / "right.1006.png"
    (shoot.root / "right" / "right.1005.png").write_bytes(good.read_bytes())
    again = read_shoot(shoot.file)
    detect.main(again)
    assert read_failures(again) == ()


@pytest.mark.parametrize("stop_at", [8, 16])
def test_an_interrupted_detection_goes_on_to_the_same_bytes(
    shoot: Shoot, tmp_path: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption after any chunk, even between the files of two cameras, changes nothing."""

    class StopError(Exception):
        pass

    def stop(done: int, total: int, label: str) -> None:
        if done == stop_at:
            raise StopError

    with pytest.raises(StopError):
        detect.main(shoot, progress=stop)
    assert not shoot.landmark_file("left").exists()
    detect.main(shoot)
    resumed = datasets(shoot)
    detect.main(shoot, force=True)
    assert datasets(shoot) == resumed
    shoot.landmark_file("right").unlink()
    detect.main(shoot)
    assert datasets(shoot) == resumed


def test_images_of_another_size_stop_the_detection_with_their_names(shoot: Shoot) -> None:
    """A frame of another size is no skip: something is wrong with the camera."""
    cv2.imwrite(str(shoot.root / "left" / "left.1012.png"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(InputError, match="Frame 1012 is 64 x 48 but frame 1001 is 128 x 96"):
        detect.main(shoot)


def test_unknown_layouts_and_weights_are_refused_before_any_work(shoot: Shoot) -> None:
    """The message names what there is."""
    with pytest.raises(UsageError, match="dense320"):
        detect.check(shoot.with_changes(detect={"layout": "dense321"}))
    with pytest.raises(InputError, match="no-such"):
        detect.check(shoot.with_changes(detect={"weights": "no-such"}))


def write_single(folder: Path, images: Sequence[NDArray[np.generic]]) -> Shoot:
    """One camera with these images."""
    (folder / "only").mkdir(parents=True)
    for number, image in enumerate(images, 1001):
        cv2.imwrite(str(folder / "only" / f"only.{number}.png"), image)
    (folder / "weights.safetensors").write_bytes(b"any")
    (folder / "shoot.toml").write_text(
        '[cameras.only]\nimages = "only"\n[calibration]\nsource = "file"\nfile = "cameras.json"\n'
        '[detect]\nlayout = "ibug68"\nweights = "weights.safetensors"\n'
    )
    return read_shoot(folder / "shoot.toml")


@pytest.fixture
def discs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that calls white discs heads."""
    monkeypatch.setattr(detect, "load_predictor", lambda *args, **kwargs: oracle_predictor())


@pytest.mark.usefixtures("discs")
def test_grey_deep_and_alpha_images_give_the_same_landmarks(tmp_path: Path) -> None:
    """How the camera's software saved an image does not matter."""
    plain = disc_image((300.0, 200.0), 900.0, (640, 480))
    alpha, deep = np.dstack([plain, 255 - plain[..., 0]]), plain.astype(np.uint16) * 257
    shoot = write_single(tmp_path, [plain, plain[..., 0], alpha, deep])
    detect.main(shoot)
    stored = read_landmarks(shoot.landmark_file("only"))
    assert stored.seen.all()
    for mean in stored.rows.mean[1:]:
        np.testing.assert_allclose(mean, stored.rows.mean[0], atol=0.1)


@pytest.mark.usefixtures("discs")
def test_two_faces_are_recorded_and_said_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The choice stands in the file at the frame where it was made, and in the log."""
    both = disc_image((220.0, 240.0), 900.0, (800, 480), (600.0, 240.0, 600.0))
    shoot = write_single(tmp_path, [both, both])
    with caplog.at_level(logging.WARNING, logger="pipeline"):
        detect.main(shoot)
    stored = read_landmarks(shoot.landmark_file("only"))
    assert stored.seen.all()
    np.testing.assert_allclose(stored.rows.region[:, 0], 220, atol=8)
    assert stored.rows.reason == ["2 faces, the largest near the middle is taken", ""]
    assert "camera only, frame 1001: 2 faces" in caplog.text
    central = shoot.with_changes(detect={"face": "surest"})
    detect.main(central)
    assert "the surest" in read_landmarks(central.landmark_file("only")).rows.reason[0]


@pytest.mark.usefixtures("discs")
def test_a_face_at_the_border_and_no_face_are_told_apart(tmp_path: Path) -> None:
    """A head that the image cuts has landmarks; an empty image has a reason with the uncertainty."""
    border = disc_image((70.0, 200.0), 900.0, (640, 480))
    shoot = write_single(tmp_path, [border, 0 * border, border])
    detect.main(shoot)
    stored = read_landmarks(shoot.landmark_file("only"))
    assert stored.rows.status.tolist() == [FrameStatus.OK, FrameStatus.NO_FACE, FrameStatus.OK]
    assert "sure enough" in stored.rows.reason[1]
    assert (stored.rows.uncertainty[[0, 2]] < 0.1).all()
    assert np.isnan(stored.rows.uncertainty[1])


SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from pipeline.interruption import listen
from pipeline.progress import checked
from pipeline.shoot.shoot import read_shoot
from pipeline.stages import detect
from calibration.errors import VultusError
from tests.pipeline.test_detect import BlobPredictor

detect.load_predictor = lambda *args, **kwargs: BlobPredictor()
detect.load_head_model = lambda: None

def tell(done, total, label):
    sys.stdout.write(f"{done}\\n")
    sys.stdout.flush()
    time.sleep(0.3)

with listen() as interruption:
    try:
        detect.main(read_shoot(Path(sys.argv[1])), progress=checked(tell, interruption.check))
    except VultusError as error:
        sys.exit(error.exit_status)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_process_that_is_stopped_by_the_farm_loses_nothing(shoot: Shoot, number: int, status: int) -> None:
    """SIGTERM ends in good order with 143, SIGKILL in none; both go on to the same result."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(shoot.file)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() != f"{BLOCK}\n":
        assert process.poll() is None
    process.send_signal(number)
    process.communicate()
    assert process.returncode == status
    progress: list[int] = []
    detect.main(shoot, progress=lambda done, total, label: progress.append(done))
    assert progress[0] == BLOCK
    resumed = datasets(shoot)
    detect.main(shoot, force=True)
    assert datasets(shoot) == resumed

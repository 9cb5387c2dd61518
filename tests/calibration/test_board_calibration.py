from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.boards.checkerboard import Checkerboard
from calibration.boards.detection import View
from calibration.camera import Rig
from calibration.errors import CalibrationError, InputError, UsageError
from calibration.from_boards.calibrate import BoardCalibration, BoardOptions, calibrate_board
from calibration.triangulation import triangulate
from tests.calibration.boards import BOARD, Array, board_poses, picture, relative_pose, see, sizes
from tests.calibration.rigs import arc_rig

BOARD_IMAGES = Path(__file__).parents[2].parent / "shared" / "shoots" / "ipcv_s1" / "board"
Corners = Mapping[str, Mapping[int, Array]]


def calibrate(rig: Rig, corners: Corners, **options: str) -> BoardCalibration:
    return calibrate_board(corners, sizes(rig), BOARD, reference=options.get("reference"))


def assert_like(found: Rig, truth: Rig, *, focal: float, metres: float, degrees: float) -> None:
    """The lenses and the relative poses of two rigs agree."""
    for camera in truth:
        np.testing.assert_allclose(found[camera.name].focal, camera.focal, rtol=focal)
        R, t = relative_pose(found.cameras[0], found[camera.name])
        true_R, true_t = relative_pose(truth.cameras[0], camera)
        np.testing.assert_allclose(t, true_t, atol=metres)
        turn = np.degrees(np.arccos(np.clip((np.trace(R @ true_R.T) - 1) / 2, -1, 1)))
        assert turn < degrees


def test_a_noisy_rig_is_recovered() -> None:
    """With 0.1 px of noise, focal lengths come to 0.2 percent, poses to 2 mm and 0.2 degrees."""
    truth = arc_rig(3)
    result = calibrate(truth, see(truth, board_poses(20)))
    assert not result.rejected
    assert_like(result.rig, truth, focal=2e-3, metres=2e-3, degrees=0.2)
    assert all(0.1 < rms < 0.16 for rms in result.residual_px.values())
    for camera in truth:
        x, y = np.meshgrid(np.linspace(150, 870, 7), np.linspace(150, 620, 7))
        rays = np.concatenate((camera.normalise(np.stack((x, y), -1)), np.ones((7, 7, 1))), axis=-1)
        found = result.rig[camera.name].normalise(np.stack((x, y), -1))
        turned = found - rays[..., :2]
        assert np.ptp(turned.reshape(-1, 2), axis=0).max() < 2e-3


def test_the_world_is_that_of_the_reference_camera_with_y_up() -> None:
    """The reference camera is at the origin, up in its image is +Y, and it looks along -Z."""
    truth = arc_rig(3)
    corners = see(truth, board_poses(12))
    camera = calibrate(truth, corners, reference="cam1").rig["cam1"]
    np.testing.assert_allclose(camera.centre, 0, atol=1e-12)
    assert camera.project(np.array([0, 0.1, -1.0]))[1] < camera.principal[1] - 100
    with pytest.raises(UsageError, match="Name one of: cam0, cam1, cam2"):
        calibrate(truth, corners, reference="front")


def test_a_stream_that_drifts_out_of_sync_is_found_and_named() -> None:
    """Late frames of one camera that show an earlier moment are rejected, and only those."""
    truth = arc_rig(3)
    R, t = board_poses(20)
    corners = see(truth, (R, t))
    late = see(truth, (R, t + np.array([0.004, -0.002, 0.001])))["cam0"]
    drifted = {frame for frame in corners["cam0"] if frame > 1012}
    corners["cam0"] = {f: late[f] if f in drifted else c for f, c in corners["cam0"].items()}
    result = calibrate(truth, corners)
    assert {(one.camera, one.frame) for one in result.rejected} == {("cam0", frame) for frame in drifted}
    assert "out of sync with cam1, cam2: board off by" in result.rejected[0].reason
    assert result.counts["cam0"].lens == len(corners["cam0"])
    assert result.counts["cam0"].poses == len(corners["cam0"]) - len(drifted)
    assert "cam0 was out of sync" in result.rig.notes[0]
    assert_like(result.rig, truth, focal=2e-3, metres=3e-3, degrees=0.3)


@pytest.mark.slow
def test_it_does_not_matter_which_camera_drifts_or_is_held() -> None:
    """The culprit is found where it is the reference camera and where it is the last one."""
    truth = arc_rig(3)
    R, t = board_poses(20)
    shifted = see(truth, (R, t + np.array([0.0, 0.005, 0.0])))
    for reference, culprit in (("cam0", "cam2"), ("cam2", "cam2"), ("cam1", "cam1")):
        corners = see(truth, (R, t))
        for frame in (1003, 1009, 1011, 1015):
            if frame in corners[culprit]:
                corners[culprit][frame] = shifted[culprit][frame]
        result = calibrate(truth, corners, reference=reference)
        assert {one.camera for one in result.rejected} == {culprit}


def test_a_wrong_detection_is_rejected_from_lens_and_pose() -> None:
    """An image whose corners no lens explains is left out altogether, with its residual."""
    truth = arc_rig(2)
    corners = see(truth, board_poses(15))
    frame = sorted(corners["cam1"])[4]
    corners["cam1"][frame] = corners["cam1"][frame] + np.random.default_rng(0).normal(0, 6, (54, 2))
    (rejected,) = calibrate(truth, corners).rejected
    assert (rejected.camera, rejected.frame, rejected.lens) == ("cam1", frame, False)
    assert "do not fit the lens" in rejected.reason


def test_either_end_of_the_board_may_come_first() -> None:
    """Where a board looks the same when turned, corners listed backwards in some images change nothing."""
    truth = arc_rig(3)
    board = Checkerboard((9, 7), 0.025)
    corners = see(truth, board_poses(16), board=board)
    rng = np.random.default_rng(4)
    mixed = {
        name: {f: c[::-1].copy() if rng.random() < 0.4 else c for f, c in frames.items()}
        for name, frames in corners.items()
    }
    result = calibrate_board(mixed, sizes(truth), board)
    assert not result.rejected
    assert_like(result.rig, truth, focal=2e-3, metres=2e-3, degrees=0.2)


def test_cameras_that_share_no_frame_are_chained() -> None:
    """The first and the last camera need not see the board together if one between them does."""
    truth = arc_rig(3, degrees=80)
    corners = see(truth, board_poses(30))
    corners["cam0"] = {f: c for f, c in corners["cam0"].items() if f <= 1015}
    corners["cam2"] = {f: c for f, c in corners["cam2"].items() if f > 1015}
    result = calibrate(truth, corners)
    assert_like(result.rig, truth, focal=3e-3, metres=4e-3, degrees=0.3)


def test_too_few_images_name_the_camera_and_the_counts() -> None:
    """The message says how often the board was found, of how many images, and how often is needed."""
    truth = arc_rig(2)
    corners = see(truth, board_poses(12))
    blank = np.zeros((768, 1024), np.uint8)
    images: dict[str, dict[int, View]] = {"cam0": dict(corners["cam0"].items()), "cam1": {}}
    images["cam1"].update(dict.fromkeys(corners["cam0"], blank))
    images["cam1"].update(sorted(corners["cam1"].items())[:2])
    with pytest.raises(CalibrationError) as caught:
        calibrate_board(images, sizes(truth), BOARD)
    total = len(images["cam1"])
    expected = f"Camera cam1: the board was found in 2 of {total} images, at least 5 are needed."
    assert str(caught.value).startswith(expected)


def test_a_camera_that_shares_no_board_is_left_out_and_named() -> None:
    """A camera that never sees the board together with another one is left out with the reason; or an error,
    where it was to be the reference or where nothing may be left out."""
    truth = arc_rig(3)
    corners = see(truth, board_poses(24))
    corners["cam2"] = {frame + 1000: c for frame, c in corners["cam2"].items()}
    result = calibrate(truth, corners)
    assert result.rig.names == ("cam0", "cam1")
    reason = "in no frame is the board seen both by cam2 and by cam0, cam1"
    assert result.left_out["cam2"].what == reason
    assert result.rig.notes == (f"cam2 is left out: {reason}",)
    with pytest.raises(CalibrationError, match="Camera cam2: in no frame is the board seen both by cam2 and"):
        calibrate(truth, corners, reference="cam2")
    with pytest.raises(CalibrationError, match="Camera cam2: in no frame"):
        calibrate_board(corners, sizes(truth), BOARD, options=BoardOptions(strict=True))


def test_one_bad_camera_does_not_fail_a_rig() -> None:
    """A camera that never sees the board, and the first at that, is left out with its counts."""
    truth = arc_rig(3)
    corners = see(truth, board_poses(16))
    images: dict[str, dict[int, View]] = {name: dict(frames.items()) for name, frames in corners.items()}
    images["cam0"] = dict.fromkeys(range(1001, 1017), np.zeros((768, 1024), np.uint8))
    result = calibrate_board(images, sizes(truth), BOARD)
    assert (result.rig.names, result.reference) == (("cam1", "cam2"), "cam1")
    assert str(result.left_out["cam0"]).startswith("Camera cam0: the board was found in 0 of 16 images")
    assert result.counts["cam0"].found == result.counts["cam0"].poses == 0
    assert_like(result.rig, truth.select(["cam1", "cam2"]), focal=2e-3, metres=2e-3, degrees=0.2)


def test_frames_that_all_contradict_each_other_are_an_error() -> None:
    """If no frames agree on where a camera stands, no pose is made up."""
    truth = arc_rig(2)
    corners = see(truth, board_poses(12))
    frames = sorted(set(corners["cam0"]) & set(corners["cam1"]))
    order = np.random.default_rng(2).permutation(frames)
    shuffled = {f: corners["cam1"][other] for f, other in zip(frames, order, strict=True)}
    corners["cam1"] = shuffled
    with pytest.raises(CalibrationError, match=r"Camera cam1: \d of \d+ frames shared"):
        calibrate(truth, corners)


def test_a_board_that_is_never_tilted_or_moved_is_an_error() -> None:
    """Images that leave the focal length open are refused, though a wrong one would fit them perfectly."""
    truth = arc_rig(1)
    R, t = board_poses(10)
    with pytest.raises(CalibrationError, match=r"Camera cam0: the images .* the focal length"):
        calibrate(truth, see(truth, (np.repeat(R[:1], 10, axis=0), np.repeat(t[:1], 10, axis=0))))


def test_one_camera_alone_is_calibrated() -> None:
    """A rig of one camera has a lens and a residual, and nothing to disagree with."""
    truth = arc_rig(1)
    result = calibrate(truth, see(truth, board_poses(12)))
    np.testing.assert_allclose(result.rig.cameras[0].focal, truth.cameras[0].focal, rtol=3e-3)
    assert result.counts["cam0"].poses == 0


def test_images_and_loaders_are_searched_and_progress_is_told() -> None:
    """Images may be arrays or functions; each is reported when done; a wrong size is an error."""
    K = np.array([[800.0, 0, 319.5], [0, 800.0, 239.5], [0, 0, 1]])
    R, t = board_poses(6, seed=3)
    views = {}
    for frame, (turn, shift) in enumerate(zip(R, t, strict=True)):
        toward = np.diag([1.0, -1.0, -1.0])
        columns = np.stack(((toward @ turn)[:, 0], (toward @ turn)[:, 1], toward @ shift + [0, 0, 1]), axis=1)
        views[frame] = picture(BOARD, K @ columns, (640, 480))
    told: list[tuple[int, int, str]] = []
    images = {"A": {frame: partial(np.copy, view) for frame, view in views.items()}}
    result = calibrate_board(images, {"A": (640, 480)}, BOARD, progress=lambda *now: told.append(now))
    assert [done for done, _, _ in told][:7] == [1, 2, 3, 4, 5, 6, 7]
    assert told[6][2] == "lens of A"
    assert told[-1][0] == told[-1][1]
    assert result.residual_px["A"] < 0.15
    np.testing.assert_allclose(result.rig["A"].focal, 800, rtol=0.01)
    with pytest.raises(InputError, match="A 0: the image measures 640 x 480, the camera's 480 x 640"):
        calibrate_board({"A": {0: views[0]}}, {"A": (480, 640)}, BOARD, options=BoardOptions(workers=1))


def load(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def real_images(names: tuple[str, ...] = ("left", "middle", "right")) -> dict[str, dict[int, View]]:
    if not BOARD_IMAGES.is_dir():
        pytest.skip("the real shoot is not at hand")
    return {
        name: {
            int(path.name.split(".")[1]): partial(load, path)
            for path in sorted((BOARD_IMAGES / name).glob("*.jpg"))
        }
        for name in names
    }


def test_the_real_rig_is_calibrated_and_its_drifting_stream_is_found() -> None:
    """Three real cameras and a printed board that is not square: a tenth of a pixel, alike lenses, only late
    left images out of sync, and the poses those of a calibration without them.
    """
    images = real_images()
    board = Checkerboard((9, 6), 0.01)
    result = calibrate_board(images, dict.fromkeys(images, (1024, 1024)), board)
    assert max(result.residual_px.values()) < 0.12
    for index in range(3):
        assert np.median(result.joint.sightings.rms[result.joint.sightings.camera == index]) < 0.12
    late = {frame for frame in result.detections["left"] if frame > 1000}
    assert {(one.camera, one.frame) for one in result.rejected} == {("left", frame) for frame in late}
    assert result.counts["left"].found == result.counts["left"].lens == 19
    assert result.counts["middle"].found == 20
    focal = np.array([camera.focal for camera in result.rig])
    assert np.ptp(focal) / focal.mean() < 0.01
    left, middle, right = (camera.centre for camera in result.rig)
    assert np.linalg.norm(middle - left) == pytest.approx(0.1137, abs=2e-3)
    assert np.linalg.norm(right - middle) == pytest.approx(0.1131, abs=2e-3)
    assert physical_squares(result) == pytest.approx(10.0, abs=0.05)
    good = {name: dict(frames) for name, frames in result.detections.items()}
    good["left"] = {frame: pixels for frame, pixels in good["left"].items() if frame not in late}
    alone = calibrate_board(good, dict.fromkeys(images, (1024, 1024)), board)
    for camera in result.rig:
        same = alone.rig[camera.name]
        assert np.degrees(np.arccos(np.clip((np.trace(camera.R @ same.R.T) - 1) / 2, -1, 1))) < 0.2
        assert np.linalg.norm(camera.centre - same.centre) < 5e-4


def physical_squares(result: BoardCalibration) -> float:
    """Side in millimetres of the board's squares as the rig triangulates them in a frame that all share."""
    frame = min(set.intersection(*(set(result.used[name]) for name in result.rig.names)))
    pixels = np.stack([result.detections[name][frame] for name in result.rig.names], axis=1)
    points, _ = triangulate(pixels, result.rig)
    grid = points.reshape(6, 9, 3)
    return float(np.linalg.norm(np.diff(grid, axis=1), axis=-1).mean() * 1000)

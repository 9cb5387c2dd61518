"""STMaps: applied, they do to an image what our lens model says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR  # type: ignore[import-not-found,import-untyped,unused-ignore]
import pytest
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.errors import UsageError
from calibration.formats import WriteOptions, read_rig, write_rig
from calibration.formats.stmap import distortion_map, undistortion_map
from tests.calibration.rigs import arc_rig, mixed_rig


def small(camera: Camera) -> Camera:
    """A quarter of the image, with the same lens."""
    K = camera.K.copy()
    K[:2] /= 4
    return replace(camera, width=256, height=192, K=K)


def small_rig() -> Rig:
    return Rig(tuple(small(camera) for camera in mixed_rig()))


def applied(uv: NDArray[np.float32], image: NDArray[np.float32]) -> NDArray[np.float32]:
    """What an STMap node does: fetch each pixel's colour where the map says, v from the bottom."""
    height, width = image.shape[:2]
    x = uv[..., 0] * width - 0.5
    y = (1 - uv[..., 1]) * height - 0.5
    fetched = cv2.remap(
        image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(np.nan,) * 2
    )
    return np.asarray(fetched, dtype=np.float32)


def ramps(width: int, height: int) -> NDArray[np.float32]:
    """An image whose colour is its own pixel: x in the first channel and y in the second."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


def read_exr(path: Path) -> dict[str, NDArray[np.float32]]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels for name, channel in file.channels().items()}


@pytest.mark.parametrize("overscan", [0.0, 0.1])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_undistortion_map_undoes_the_lens(index: int, overscan: float) -> None:
    """Applied to the plate it shows at each pinhole pixel what our lens says, for each lens model."""
    camera = small_rig().cameras[index]
    uv = undistortion_map(camera, overscan)
    border = np.array([round(256 * overscan), round(192 * overscan)])
    assert uv.shape == (192 + 2 * border[1], 256 + 2 * border[0], 2)
    seen = applied(uv, ramps(256, 192))
    plate = np.argwhere(np.isfinite(seen).all(axis=-1))[:, ::-1]
    assert len(plate) > 40000
    # the ideal ray of the plate pixel that was fetched goes through the pinhole pixel that fetched it
    fetched = seen[plate[:, 1], plate[:, 0]]
    pinhole = camera.normalise(fetched) * camera.focal + camera.principal + border
    np.testing.assert_allclose(pinhole, plate, atol=0.05)


def test_the_undistortion_map_agrees_with_opencv() -> None:
    """It is the map of cv2.initUndistortRectifyMap, in the coordinates of an STMap."""
    camera = small(arc_rig().cameras[1])
    uv = undistortion_map(camera)
    x, y = cv2.initUndistortRectifyMap(
        camera.K, camera.distortion, np.eye(3), camera.K, camera.size, cv2.CV_32FC1
    )
    np.testing.assert_allclose(uv[..., 0] * 256 - 0.5, x, atol=1e-3)
    np.testing.assert_allclose((1 - uv[..., 1]) * 192 - 0.5, y, atol=1e-3)


@pytest.mark.parametrize("overscan", [0.0, 0.2])
def test_the_distortion_map_redoes_it(overscan: float) -> None:
    """A plate that is undistorted and distorted again is the plate, but for what fell off the image."""
    camera = small(arc_rig().cameras[2])
    plate = ramps(256, 192)
    pinhole = applied(undistortion_map(camera, overscan), plate)
    again = applied(distortion_map(camera, overscan), pinhole)
    kept = np.isfinite(again).all(axis=-1)
    assert kept.mean() > 0.95
    np.testing.assert_allclose(again[kept], plate[kept], atol=0.05)


def test_a_lens_that_does_nothing_gives_the_identity_of_nuke() -> None:
    """Without distortion, u is (x + 0.5) / width from the left and v (y + 0.5) / height from the bottom."""
    camera = replace(small(arc_rig().cameras[0]), distortion=np.zeros(0))
    for uv in (undistortion_map(camera), distortion_map(camera)):
        np.testing.assert_allclose(uv[0, 0], [0.5 / 256, 1 - 0.5 / 192], atol=1e-6)
        np.testing.assert_allclose(uv[-1, 3], [3.5 / 256, 0.5 / 192], atol=1e-6)


def test_beyond_the_fold_of_a_lens_there_is_nothing() -> None:
    """Where a polynomial turns back on itself the map holds -1 and does not show the image mirrored."""
    camera = small(arc_rig().cameras[0])
    folding = replace(camera, distortion=np.array([-3.0, 0, 0, 0, 0]))
    uv = undistortion_map(folding, 0.5)
    np.testing.assert_array_equal(uv[0, 0], [-1, -1])
    assert (uv[192, 256] > 0).all()


def test_files_are_32_bit_float(tmp_path: Path) -> None:
    """Each camera has both maps, in red and green, as 32-bit floating point with the top row first."""
    rig = Rig(small_rig().cameras[:1])
    folder = write_rig(rig, tmp_path / "maps", "stmap")
    assert sorted(path.name for path in folder.iterdir()) == ["cam0.distort.exr", "cam0.undistort.exr"]
    channels = read_exr(folder / "cam0.undistort.exr")
    expected = undistortion_map(rig.cameras[0])
    assert channels["R"].dtype == np.float32
    np.testing.assert_array_equal(channels["R"], expected[..., 0])
    np.testing.assert_array_equal(channels["G"], expected[..., 1])


def test_overscan_makes_the_undistorted_image_larger(tmp_path: Path) -> None:
    """The plate keeps its size, the pinhole image grows on each side."""
    rig = Rig(small_rig().cameras[:1])
    write_rig(rig, tmp_path, "stmap", WriteOptions(overscan=0.1))
    assert read_exr(tmp_path / "cam0.undistort.exr")["R"].shape == (192 + 2 * 19, 256 + 2 * 26)
    assert read_exr(tmp_path / "cam0.distort.exr")["R"].shape == (192, 256)
    with pytest.raises(UsageError, match="overscan is -0"):
        write_rig(rig, tmp_path, "stmap", WriteOptions(overscan=-0.1))


def test_stmaps_are_written_only(tmp_path: Path) -> None:
    """They are no cameras to read back, and one file is not enough for them."""
    with pytest.raises(UsageError, match="stmap is only written"):
        read_rig(tmp_path, "stmap")
    with pytest.raises(UsageError, match="vultus is written in one way"):
        write_rig(small_rig(), tmp_path / "cameras.json", options=WriteOptions(overscan=0.1))
    with pytest.raises(UsageError, match="two files per camera"):
        write_rig(small_rig(), tmp_path / "map.exr", "stmap")

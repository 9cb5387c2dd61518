"""COLMAP's sparse models, checked against COLMAP itself (pycolmap) where it is installed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig, assert_same_cameras, mixed_rig

EXAMPLE = Path(__file__).parent / "format_examples" / "colmap_documentation"
KINDS = ["colmap", "colmap-text"]
POINTS = np.random.default_rng(2).uniform(-0.2, 0.2, (20, 3))


def a_rig() -> Rig:
    """One camera for each model that is written: OPENCV, FULL_OPENCV (twice), OPENCV_FISHEYE, PINHOLE."""
    plain, rational, fisheye = mixed_rig()
    short = replace(plain, name="short", distortion=plain.distortion[:4])
    ideal = replace(plain, name="ideal", distortion=np.zeros(5))
    return Rig((plain, rational, fisheye, short, ideal))


@pytest.fixture
def pycolmap() -> ModuleType:
    module: ModuleType = pytest.importorskip("pycolmap", reason="pycolmap is not installed")
    return module


def _reconstruction(pycolmap: ModuleType, camera: str, images: dict[str, Camera], **lens: object) -> object:
    """A model of COLMAP's own with one lens, seen in images at the poses of some cameras."""
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(pycolmap.Camera(model=camera, camera_id=1, **lens))
    for number, (name, pose) in enumerate(images.items(), start=1):
        image = pycolmap.Image(name=name, camera_id=1, image_id=number)
        rigid = pycolmap.Rigid3d(np.column_stack((pose.R, pose.t)))
        model.add_image_with_trivial_frame(image, rigid)
    return model


def test_the_example_of_colmaps_documentation_is_read() -> None:
    """Poses are world to camera, quaternions scalar first, and the first pixel's centre is (0.5, 0.5)."""
    rig = read_rig(EXAMPLE)
    assert rig.names == ("P1180141", "P1180142")
    camera = rig.cameras[0]
    assert camera.size == (3072, 2304)
    np.testing.assert_allclose(camera.principal, [1535.5, 1151.5])
    np.testing.assert_allclose(camera.focal, 2559.81)
    np.testing.assert_allclose(camera.t, [-0.737434, 1.02973, 3.74354])
    w, x, y, z = 0.851773, 0.0165051, 0.503764, -0.142941
    np.testing.assert_allclose(camera.R[0, 0], 1 - 2 * (y * y + z * z), atol=1e-6)
    np.testing.assert_allclose(camera.R[0, 1], 2 * (x * y - w * z), atol=1e-6)
    assert "no unit of length" in rig.notes[0]
    (millimetres, _) = read_rig(EXAMPLE, units="mm")
    np.testing.assert_allclose(millimetres.t, camera.t / 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_every_lens_survives(kind: str, tmp_path: Path) -> None:
    """Text and binary models give back the same cameras, by name."""
    rig = a_rig()
    assert_same_cameras(read_rig(write_rig(rig, tmp_path / "model", kind)), rig)


@pytest.mark.parametrize("kind", KINDS)
def test_colmap_sees_what_we_see(kind: str, pycolmap: ModuleType, tmp_path: Path) -> None:
    """COLMAP reads what we wrote, and projects points to our pixels plus half a pixel."""
    rig = a_rig()
    model = pycolmap.Reconstruction(write_rig(rig, tmp_path / "model", kind))
    assert model.num_images() == len(rig)
    for camera in rig:
        image = model.find_image_with_name(f"{camera.name}/{camera.name}.jpg")
        seen = image.cam_from_world() * POINTS
        pixels = np.array([image.camera.img_from_cam(point) for point in seen])
        np.testing.assert_allclose(pixels, camera.project(POINTS) + 0.5, atol=1e-7)


@pytest.mark.parametrize("kind", ["write_binary", "write_text"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("SIMPLE_PINHOLE", [900, 320, 240]),
        ("PINHOLE", [900, 910, 320, 240]),
        ("SIMPLE_RADIAL", [900, 320, 240, -0.1]),
        ("RADIAL", [900, 320, 240, -0.1, 0.05]),
        ("OPENCV", [900, 910, 320, 240, -0.1, 0.05, 0.001, -0.002]),
        ("FULL_OPENCV", [900, 910, 320, 240, 0.1, 0.05, 0.001, -0.002, 0.02, 0.2, -0.1, 0.03]),
        ("OPENCV_FISHEYE", [500, 510, 320, 240, 0.02, -0.01, 0.005, -0.002]),
        ("SIMPLE_RADIAL_FISHEYE", [500, 320, 240, 0.02]),
        ("RADIAL_FISHEYE", [500, 320, 240, 0.02, -0.01]),
        ("SIMPLE_FISHEYE", [500, 320, 240]),
        ("FISHEYE", [500, 510, 320, 240]),
    ],
)
def test_what_colmap_writes_is_read(
    name: str, parameters: list[float], kind: str, pycolmap: ModuleType, tmp_path: Path
) -> None:
    """Each model that COLMAP shares with us projects as COLMAP does."""
    pose = arc_rig(1).cameras[0]
    model = _reconstruction(pycolmap, name, {"a.jpg": pose}, width=640, height=480, params=parameters)
    getattr(model, kind)(tmp_path)
    (camera,) = read_rig(tmp_path)
    assert camera.name == "a"
    lens = model.camera(1)  # type: ignore[attr-defined]
    pixels = np.array([lens.img_from_cam(point) for point in pose.to_camera(POINTS)])
    np.testing.assert_allclose(camera.project(POINTS) + 0.5, pixels, atol=1e-6)


@pytest.mark.parametrize("name", ["FOV", "THIN_PRISM_FISHEYE", "DIVISION", "EUCM"])
def test_other_lens_models_are_refused_by_name(name: str, pycolmap: ModuleType, tmp_path: Path) -> None:
    """A model that vultus does not have is named, and so are those that COLMAP may use instead."""
    pose = arc_rig(1).cameras[0]
    lens = pycolmap.Camera.create_from_model_name(1, name, 500.0, 640, 480)
    model = _reconstruction(pycolmap, name, {"a.jpg": pose}, width=640, height=480, params=lens.params)
    for write in (model.write_binary, model.write_text):  # type: ignore[attr-defined]
        folder = tmp_path / write.__name__
        folder.mkdir()
        write(folder)
        with pytest.raises(InputError, match=f"model {name} is not one that vultus has.*SIMPLE_RADIAL"):
            read_rig(folder)


def _images(folder: Path, *lines: str) -> Path:
    """The documentation's cameras with other images."""
    folder.mkdir(exist_ok=True)
    (folder / "cameras.txt").write_text((EXAMPLE / "cameras.txt").read_text())
    (folder / "images.txt").write_text("".join(f"{line}\n\n" for line in lines))
    return folder


def test_folders_and_frame_numbers_tell_the_cameras(tmp_path: Path) -> None:
    """Images of one folder are one camera's; without folders a frame number does not make another camera."""
    pose = "1 0 0 0 0 0 1"
    folder = _images(tmp_path, f"1 {pose} 1 L/L.1001.jpg", f"2 {pose} 1 L/L.1002.jpg", f"3 {pose} 2 R/1.jpg")
    assert read_rig(folder).names == ("L", "R")
    folder = _images(tmp_path, f"1 {pose} 1 images/L.1001.jpg", f"2 {pose} 2 images/R 2.1001.jpg")
    assert read_rig(folder).names == ("L", "R 2")
    folder = _images(tmp_path, f"1 {pose} 1 L.01/L.01.jpg")
    assert read_rig(folder).names == ("L.01",)


def test_images_of_one_camera_must_agree_on_its_place(tmp_path: Path) -> None:
    """A camera that moved between two images is refused, with both and how far they are apart."""
    folder = _images(
        tmp_path, "1 1 0 0 0 0 0 1 1 L/a.jpg", "2 1 0 0 0 0.003 0 1 1 L/b.jpg", "3 1 0 0 0 0 0 1 1 R/a.jpg"
    )
    with pytest.raises(
        InputError, match=r"images L/a.jpg and L/b.jpg are both of camera L.* 3 mm and 0 degr"
    ):
        read_rig(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stem", ["cameras", "images"])
def test_a_file_that_is_cut_off_is_refused(kind: str, stem: str, tmp_path: Path) -> None:
    """Wherever a file ends early, an error names it; nothing is made up."""
    folder = write_rig(arc_rig(2), tmp_path / "model", kind)
    file = next(folder.glob(f"{stem}.*"))
    whole = file.read_bytes()
    for length in range(0, len(whole.rstrip()) if kind == "colmap-text" else len(whole), 7):
        file.write_bytes(whole[:length])
        if kind == "colmap-text" and length in _mended(whole):
            # Only the last number lost digits, which nothing can tell.
            assert len(read_rig(folder)) == 2
            continue
        with pytest.raises(InputError, match=re.escape(str(folder))):
            read_rig(folder)


def _mended(whole: bytes) -> range:
    """Lengths that cut a text within its last field."""
    text = whole.rstrip()
    return range(text.rindex(b" ") + 2, len(text) + 1)


def test_what_is_no_model_is_refused_in_words(tmp_path: Path) -> None:
    """Missing files, images without camera, models without images and nonsense rotations are errors."""
    with pytest.raises(InputError, match=r"no model of COLMAP here.*sparse/0"):
        read_rig(tmp_path, "colmap")
    folder = _images(tmp_path)
    with pytest.raises(InputError, match="the model has no images"):
        read_rig(folder)
    for line, message in (
        ("1 1 0 0 0 0 0 1 9 a.jpg", "image a.jpg: its camera 9 is not among"),
        ("1 0 0 0 0 0 0 1 1 a.jpg", "its quaternion is no rotation"),
        ("1 1 0 0 0 0 0 x 1 a.jpg", "line 1: 'x' is not a number"),
        ("1 1 0 0 0 0 0 1", "an image has 10 fields, not 8"),
    ):
        with pytest.raises(InputError, match=message):
            read_rig(_images(tmp_path, line))

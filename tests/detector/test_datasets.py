"""Labelled photographs in the formats of the world."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from calibration.errors import InputError, UsageError
from detector.datasets import LabelLayout, read_dataset
from detector.datasets.wflw import TO_IBUG68

REAL = Path(__file__).parents[2].parent / "shared" / "real"
ORIENTATION = 0x0112
DOT = np.array([40.0, 12.0])
"""Where :func:`picture` has its bright dot."""


def picture() -> NDArray[np.uint8]:
    """A dark image of 64 x 48 with one bright spot."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[11:14, 39:42] = (255, 200, 100)
    return image


def points() -> NDArray[np.float64]:
    """68 points of which the first is on the dot."""
    return np.concatenate([DOT[None], np.random.default_rng(0).uniform(2, 40, (67, 2))])


def write_pts(path: Path, labels: NDArray[np.float64]) -> None:
    """A .pts file, which counts from one."""
    rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in labels + 1)
    path.write_text(f"version: 1\nn_points: {len(labels)}\n{{\n{rows}\n}}\n")


def write_dlib(path: Path, labels: NDArray[np.float64], skip: tuple[int, ...] = ()) -> None:
    """A dlib file of one box; some parts left out."""
    parts = "".join(
        f"<part name='{i:02d}' x='{x}' y='{y}'/>" for i, (x, y) in enumerate(labels) if i not in skip
    )
    box = f"<box top='1' left='1' width='9' height='9'>{parts}</box>"
    path.write_text(f"<dataset><images><image file='a.png'>{box}</image></images></dataset>")


def coco(labels: NDArray[np.float64], file: str = "a.png", size: tuple[int, int] = (64, 48)) -> str:
    """A COCO file of one face whose last keypoint is not labelled."""
    keypoints = [value for x, y in labels for value in (x, y, 2)]
    keypoints[-1] = 0
    image = {"id": 7, "file_name": file, "width": size[0], "height": size[1]}
    return json.dumps({"images": [image], "annotations": [{"image_id": 7, "keypoints": keypoints}]})


def test_a_folder_of_pts_files_is_read_from_zero(tmp_path: Path) -> None:
    """Files of 300-W count pixels from one; images without labels are not faces."""
    (tmp_path / "deep").mkdir()
    Image.fromarray(picture()).save(tmp_path / "deep" / "a.png")
    Image.fromarray(picture()).save(tmp_path / "b.png")
    write_pts(tmp_path / "deep" / "a.pts", points())
    (face,) = read_dataset(tmp_path)
    np.testing.assert_allclose(face.points, points(), atol=1e-5)
    assert face.labelled.all()
    assert face.layout == "ibug68"
    np.testing.assert_array_equal(face.read(), picture())


def test_dlib_parts_may_be_missing(tmp_path: Path) -> None:
    """Parts are matched by their names, in any order, and those that are absent are not labelled."""
    Image.fromarray(picture()).save(tmp_path / "a.png")
    write_dlib(tmp_path / "faces.xml", points(), skip=(3, 20))
    (face,) = read_dataset(tmp_path / "faces.xml")
    assert np.flatnonzero(~face.labelled).tolist() == [3, 20]
    np.testing.assert_allclose(face.points[face.labelled], points()[face.labelled])


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    """A file that declares a document type is not read: it could explode in memory."""
    bomb = "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><dataset>&b;</dataset>"
    (tmp_path / "faces.xml").write_text(bomb)
    with pytest.raises(InputError, match="document type") as caught:
        read_dataset(tmp_path)
    assert "faces.xml" in str(caught.value)


def test_coco_keypoints_without_visibility_are_not_labelled(tmp_path: Path) -> None:
    """Visibility 0 means that there is no label; images may lie in a folder beside the file."""
    (tmp_path / "images").mkdir()
    Image.fromarray(picture()).save(tmp_path / "images" / "a.png")
    (tmp_path / "faces.json").write_text(coco(points()))
    (face,) = read_dataset(tmp_path / "faces.json")
    assert np.flatnonzero(~face.labelled).tolist() == [67]
    np.testing.assert_allclose(face.points[:67], points()[:67])


def test_wflw_gives_the_68_among_its_98(tmp_path: Path) -> None:
    """Jaw, brows, nose, eyes and mouth are taken out of the 98 in the order of 300-W."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "WFLW_images").mkdir()
    Image.fromarray(picture()).save(tmp_path / "WFLW_images" / "a.png")
    labels = np.stack([np.arange(98.0), 2 * np.arange(98.0)], axis=1)
    numbers = " ".join(str(value) for value in labels.ravel())
    (tmp_path / "lists" / "train.txt").write_text(f"{numbers} 1 2 3 4 0 0 0 0 0 0 a.png\n")
    (face,) = read_dataset(tmp_path / "lists" / "train.txt")
    assert len(set(TO_IBUG68)) == 68
    np.testing.assert_allclose(face.points[:, 0], TO_IBUG68)
    with pytest.raises(UsageError, match="ibug68"):
        read_dataset(tmp_path / "lists" / "train.txt", layout=LabelLayout("mine", 98))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_labels_are_in_the_upright_image(tmp_path: Path, orientation: int) -> None:
    """An EXIF orientation turns the image and leaves labels, which were made upright, where they are."""
    stored = turned_back(picture(), orientation)
    save_turned(tmp_path / "a.png", stored, orientation)
    write_pts(tmp_path / "a.pts", points())
    (face,) = read_dataset(tmp_path)
    image = face.read()
    np.testing.assert_array_equal(image, picture())
    x, y = face.points[0].round().astype(int)
    assert image[y, x].tolist() == [255, 200, 100]


@pytest.mark.parametrize("orientation", range(5, 9))
def test_labels_turn_along_when_coco_states_the_stored_size(tmp_path: Path, orientation: int) -> None:
    """Labels of an image of 48 x 64 that is shown as 64 x 48 come out on the same spot of it."""
    stored = turned_back(picture(), orientation)
    save_turned(tmp_path / "a.png", stored, orientation)
    y, x = np.argwhere(stored[..., 0] == 255).mean(axis=0)
    labels = np.tile([x, y], (68, 1))
    (tmp_path / "a.json").write_text(coco(labels, size=(48, 64)))
    (face,) = read_dataset(tmp_path)
    np.testing.assert_allclose(face.points[0], DOT)


def turned_back(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """What a camera stores so that this EXIF orientation shows the image upright."""
    steps = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.transpose(1, 0, 2),
        6: np.rot90(image, 1),  # shown turned by a quarter to the right
        7: np.rot90(image, 2).transpose(1, 0, 2),
        8: np.rot90(image, -1),
    }
    return np.ascontiguousarray(steps[orientation])


def save_turned(path: Path, stored: NDArray[np.uint8], orientation: int) -> None:
    """A file with an EXIF orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(path, exif=exif)


def test_images_of_every_depth_become_rgb(tmp_path: Path) -> None:
    """Grey, 16-bit, palette and alpha: three channels of bytes, and what is transparent is black."""
    grey = picture()[..., 0]
    deep = grey.astype(np.uint16) * 257
    alpha = np.dstack([np.full((48, 64, 3), 200, np.uint8), grey])
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tiff")
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    Image.fromarray(picture()).quantize(4).save(tmp_path / "palette.png")
    for path in tmp_path.iterdir():
        write_pts(path.with_suffix(".pts"), points())
    faces = {face.path.name: face.read() for face in read_dataset(tmp_path)}
    assert {(image.shape, image.dtype.name) for image in faces.values()} == {((48, 64, 3), "uint8")}
    for name in ("grey.png", "deep.png", "deep.tiff"):
        np.testing.assert_array_equal(faces[name], np.repeat(grey[..., None], 3, axis=2))
    assert faces["alpha.png"][12, 40].tolist() == [200, 200, 200]
    assert faces["alpha.png"][40, 10].tolist() == [0, 0, 0]


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    """Half a file is an error with its path, not a grey picture."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "half.jpg")
    content = (tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    write_pts(tmp_path / "half.pts", points())
    (face,) = read_dataset(tmp_path)
    with pytest.raises(InputError, match="truncated") as caught:
        face.read()
    assert "half.jpg" in str(caught.value)


def test_another_number_of_points_names_the_layout_that_was_expected(tmp_path: Path) -> None:
    """194 or 5 points are not taken for 68, in any format."""
    Image.fromarray(picture()).save(tmp_path / "a.png")
    five = points()[:5]
    write_pts(tmp_path / "a.pts", five)
    write_dlib(tmp_path / "a.xml", five)
    (tmp_path / "a.json").write_text(coco(np.tile(DOT, (70, 1))))
    for name, format, count in ((".", "pts", 5), ("a.xml", "dlib", 5), ("a.json", "coco", 70)):
        with pytest.raises(InputError, match=f"{count} points, but the layout ibug68 has 68"):
            read_dataset(tmp_path / name, format)
    (face,) = read_dataset(tmp_path, "pts", LabelLayout("mine", 5))
    assert face.layout == "mine"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xml", "<dataset><images>", "XML cannot be read"),
        ("a.json", '{"images": []}', "no 'annotations'"),
        ("a.json", "{", "not COCO keypoints"),
        ("a.txt", "1 2 3 a.png", "98 points"),
        ("a.pts", "version: 1", "several|no photographs"),
        ("a.csv", "", "no photographs with labels"),
    ],
)
def test_malformed_labels_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    """The error says what is wrong and in which file or folder."""
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_dataset(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    """Labels of an image that is not there are an error with its name."""
    write_dlib(tmp_path / "a.xml", points())
    with pytest.raises(InputError, match=r"the image a\.png is missing"):
        read_dataset(tmp_path / "a.xml")


def test_an_unknown_format_names_those_that_there_are(tmp_path: Path) -> None:
    """A typing error is answered with the choice."""
    with pytest.raises(UsageError, match="pts, dlib, coco, wflw"):
        read_dataset(tmp_path, "xml")


def test_real_photographs_are_read() -> None:
    """The whole of AFW: 337 faces with all 68 labels inside or near their images."""
    if not REAL.is_dir():
        pytest.skip("the photographs of ../shared/real are not here")
    faces = read_dataset(REAL / "afw")
    assert len(faces) == 337
    assert all(face.labelled.all() for face in faces)
    assert faces[0].read().ndim == 3

"""Frames of a camera, as a TD's folders and movies hold them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from pipeline.frames.images import UnreadableImageError, linear_to_display, read_image
from pipeline.frames.ranges import format_frames, parse_frames
from pipeline.frames.share import LostShareError
from pipeline.frames.sources import open_source, read_ahead


def write_images(
    folder: Path, numbers: list[int], *, size: tuple[int, int] = (32, 24), ext: str = "jpg"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        pixels = np.full((size[1], size[0], 3), number % 200, dtype=np.uint8)
        cv2.imwrite(str(folder / f"cam.{number:04d}.{ext}"), pixels)
    return folder


def write_movie(path: Path, count: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(count):
            pixels = np.full((48, 64, 3), 20 * index + 20, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001-1004", (1001, 1002, 1003, 1004)),
        ("1001-1006x2", (1001, 1003, 1005)),
        ("1001,1005-1007", (1001, 1005, 1006, 1007)),
    ],
)
def test_ranges_are_inclusive_at_both_ends_and_may_step_or_list(text: str, expected: tuple[int, ...]) -> None:
    """A range is read as fileseq writes it."""
    assert parse_frames(text) == expected


def test_a_range_that_is_none_is_refused_with_an_example() -> None:
    """A misspelt range names itself and shows how to write one."""
    with pytest.raises(UsageError, match=r"'10oo' is not a frame range.*1001-1520x2"):
        parse_frames("10oo", where="shoot.toml")


def test_frame_numbers_are_written_back_as_a_range() -> None:
    """Messages show ranges, not lists."""
    assert format_frames([1001, 1002, 1003, 1007]) == "1001-1003,1007"


def test_gaps_in_the_numbers_of_a_folder_are_legal(tmp_path: Path) -> None:
    """Frame numbers, not positions, name the frames."""
    source = open_source(write_images(tmp_path / "left", [1001, 1002, 1007]))
    assert source.frames == (1001, 1002, 1007)
    assert source.size == (32, 24)
    assert source.read(1007).shape == (24, 32, 3)
    with pytest.raises(UnreadableImageError, match="no frame 1003"):
        source.read(1003)


@pytest.mark.parametrize("pattern", ["cam.####.jpg", "cam.%04d.jpg", "cam.$F4.jpg"])
def test_a_pattern_selects_one_sequence_of_a_folder(tmp_path: Path, pattern: str) -> None:
    """The three usual notations of padding mean the same."""
    folder = write_images(tmp_path / "left", [1001, 1002])
    cv2.imwrite(str(folder / "thumb.1001.png"), np.zeros((4, 4, 3), np.uint8))
    assert open_source(folder / pattern).frames == (1001, 1002)
    with pytest.raises(InputError, match="2 image sequences"):
        open_source(folder)


def test_images_of_one_camera_that_differ_in_size_name_the_frame_and_both_sizes(tmp_path: Path) -> None:
    """The message says which frame to look at."""
    folder = write_images(tmp_path / "left", [1001])
    write_images(folder, [1002], size=(40, 24))
    with pytest.raises(InputError, match="Frame 1002 is 40 x 24 but frame 1001 is 32 x 24"):
        open_source(folder).read(1002)


@pytest.mark.parametrize("ext", ["jpg", "png", "tif"])
def test_a_truncated_image_is_an_error_of_that_frame_alone(tmp_path: Path, ext: str) -> None:
    """A half-copied image is never read as a grey one, and its neighbours are still read."""
    folder = write_images(tmp_path / "left", [1001, 1002, 1003], size=(320, 240), ext=ext)
    file = folder / f"cam.1002.{ext}"
    file.write_bytes(file.read_bytes()[:-40])
    source = open_source(folder)
    first, second, third = read_ahead(((source, frame) for frame in source.frames), np.asarray)
    assert isinstance(first, np.ndarray)
    assert isinstance(second, UnreadableImageError)
    assert isinstance(third, np.ndarray)


def test_reading_ahead_keeps_the_order_of_the_frames(tmp_path: Path) -> None:
    """Threads decode, but frames come out as asked."""
    numbers = list(range(1001, 1021))
    source = open_source(write_images(tmp_path / "left", numbers, ext="png"))
    read = [
        int(np.asarray(image)[0, 0, 0]) for image in read_ahead(((source, n) for n in numbers), np.asarray)
    ]
    assert read == [number % 200 for number in numbers]


def test_sixteen_bits_and_alpha_and_grey_become_eight_bit_rgb(tmp_path: Path) -> None:
    """Whatever the file holds, the network sees (H, W, 3) bytes."""
    cv2.imwrite(str(tmp_path / "rgba.png"), np.full((4, 5, 4), 40000, np.uint16))
    cv2.imwrite(str(tmp_path / "grey.tif"), np.full((4, 5), 65535, np.uint16))
    assert read_image(tmp_path / "rgba.png").tolist() == np.full((4, 5, 3), 156).tolist()
    assert read_image(tmp_path / "grey.tif").tolist() == np.full((4, 5, 3), 255).tolist()


def test_linear_light_goes_through_exposure_and_the_srgb_curve() -> None:
    """Middle grey of 0.18 is 118 on an sRGB display; one stop up it is 162."""
    grey = np.full((1, 1, 3), 0.18, np.float32)
    assert linear_to_display(grey).ravel().tolist() == [118, 118, 118]
    assert linear_to_display(grey, exposure=1.0).ravel().tolist() == [162, 162, 162]
    assert linear_to_display(np.full((1, 1, 3), np.nan, np.float32)).max() == 0


def test_exr_images_are_read_as_linear(tmp_path: Path) -> None:
    """A half-float EXR of middle grey comes out as display middle grey."""
    exr = pytest.importorskip("OpenEXR", reason="the exr extra is not installed")
    pixels = np.full((4, 6, 3), 0.18, np.float16)
    exr.File({"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}, {"RGB": pixels}).write(
        str(tmp_path / "x.1001.exr")
    )
    assert open_source(tmp_path / "x.####.exr").read(1001).tolist() == np.full((4, 6, 3), 118).tolist()


def test_a_movie_counts_from_its_start_frame_and_can_be_read_in_any_order(tmp_path: Path) -> None:
    """Reading back and forth gives the same picture for the same number."""
    movie = open_source(write_movie(tmp_path / "take.mp4", 6), start_frame=101)
    assert movie.frames == tuple(range(101, 107))
    assert movie.size == (64, 48)
    means = {frame: float(np.mean(np.asarray(movie.read(frame)))) for frame in (104, 102, 106)}
    assert means == pytest.approx({104: 80, 102: 40, 106: 120}, abs=4)
    with pytest.raises(UnreadableImageError, match="no frame 107"):
        movie.read(107)


def test_what_is_not_a_movie_is_refused(tmp_path: Path) -> None:
    """A text file with a movie's ending is an input error, not a traceback."""
    (tmp_path / "take.mov").write_text("no")
    with pytest.raises(InputError, match="not a readable movie"):
        open_source(tmp_path / "take.mov")
    with pytest.raises(InputError, match="no such folder"):
        open_source(tmp_path / "nowhere")


RAMP = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
COLOURS = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)
"""(48, 64, 3) BGR, as OpenCV writes."""

DEEP = COLOURS.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("rgba.png", np.dstack([COLOURS, RAMP])),
        ("deep.png", DEEP),
        ("deep_rgba.png", np.dstack([DEEP, DEEP[..., 0]])),
        ("deep.tif", DEEP),
    ],
)
def test_deep_images_and_images_with_alpha_look_like_plain_ones(
    tmp_path: Path, name: str, pixels: NDArray[np.generic]
) -> None:
    """16 bits become 8, and alpha is dropped, without a change of colour."""
    cv2.imwrite(str(tmp_path / name), pixels)
    np.testing.assert_array_equal(read_image(tmp_path / name), COLOURS[..., ::-1])


@pytest.mark.parametrize(
    ("name", "pixels"),
    [("grey.png", RAMP), ("deep.png", RAMP.astype(np.uint16) * 257), ("grey.tif", RAMP)],
)
def test_grey_images_have_three_equal_channels(
    tmp_path: Path, name: str, pixels: NDArray[np.generic]
) -> None:
    """A monochrome camera is a camera like the others."""
    cv2.imwrite(str(tmp_path / name), pixels)
    np.testing.assert_array_equal(read_image(tmp_path / name), np.repeat(RAMP[..., None], 3, axis=2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_images_are_linear_light(tmp_path: Path, dtype: type) -> None:
    """Grey or coloured, of either precision, they are brought to display."""
    for name, pixels in (("grey.tif", RAMP), ("colours.tif", COLOURS)):
        cv2.imwrite(str(tmp_path / name), (pixels / 255).astype(dtype))
        image = read_image(tmp_path / name)
        assert image.shape == (48, 64, 3)
        assert np.abs(image[0, -1, 2] - linear_to_display(np.array([pixels[0, -1].flat[0] / 255]))[0]) <= 1


def test_pixels_of_a_kind_that_no_camera_has_are_named(tmp_path: Path) -> None:
    """Signed pixels have no agreed black and white, so they are not guessed."""
    cv2.imwrite(str(tmp_path / "signed.tif"), RAMP.astype(np.int16))
    with pytest.raises(UnreadableImageError, match=r"signed\.tif.*int16.*8 or 16 bits"):
        read_image(tmp_path / "signed.tif")


def test_a_folder_of_cameras_given_for_one_camera_is_told_with_their_names(tmp_path: Path) -> None:
    """Who names the folder above the images reads which folders are in it."""
    for name in ("right", "left"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"but folders \(left, right\)"):
        open_source(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_a_share_that_is_gone_is_not_laid_to_its_images(tmp_path: Path, suffix: str) -> None:
    """Frames are only written off for their own sake: a run that lost its share stops, and goes on later."""
    folder = tmp_path / "left"
    folder.mkdir()
    (folder / f"left.1001.{suffix}").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match="does not exist"):
        read_image(folder / f"left.1002.{suffix}")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(LostShareError, match="cannot be read for now"):
        read_image(folder / f"left.1001.{suffix}")


def test_an_error_of_the_network_is_not_laid_to_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale handle says nothing of the file; a bad sector of the disk does."""

    def failing(number: int) -> Callable[[Path], bytes]:
        def read(path: Path) -> bytes:
            raise OSError(number, os.strerror(number))

        return read

    monkeypatch.setattr(Path, "read_bytes", failing(errno.ESTALE))
    with pytest.raises(LostShareError):
        read_image(tmp_path / "a.png")
    monkeypatch.setattr(Path, "read_bytes", failing(errno.EIO))
    with pytest.raises(UnreadableImageError, match="Input/output error"):
        read_image(tmp_path / "a.png")

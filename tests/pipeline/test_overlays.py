"""Overlays show every frame that there is, under its own number, and say what is missing."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from calibration.errors import InputError, UsageError
from pipeline.overlays.camera import window
from pipeline.overlays.movie_writer import movie_writer
from pipeline.overlays.sheet_and_movies import (
    CameraOverlay,
    OverlayOptions,
    Scene,
    write_contact_sheet,
    write_overlay_movies,
)
from tests.pipeline.performances import (
    FRAMES,
    HEIGHT,
    WIDTH,
    GreySource,
    head_model,
    observations,
    performance,
    rig,
)


def scene(**sources: GreySource) -> Scene:
    performed = performance()
    return Scene(performed, head_model(), sources, observations(performed))


def read_movie(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_movie_reads_back_with_its_frames_colours_and_rate(tmp_path: Path) -> None:
    """What goes in comes out: as many frames, the same colours, the same rate, even sizes."""
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    path = tmp_path / "movie.mp4"
    with movie_writer(path, 23.976) as movie:
        for colour in colours:
            movie.write(np.full((101, 63, 3), colour, np.uint8))
    pictures = read_movie(path)
    assert [picture.shape for picture in pictures] == [(100, 62, 3)] * 3
    for picture, colour in zip(pictures, colours, strict=True):
        np.testing.assert_allclose(picture[50, 30], colour, atol=12)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == pytest.approx(23.976, abs=1e-3)


def test_a_movie_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """A half-written movie never carries the name of a whole one."""

    def fail() -> None:
        with movie_writer(tmp_path / "movie.mp4", 24.0) as movie:
            movie.write(np.zeros((16, 16, 3), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


def test_each_camera_has_a_movie_of_the_frames_that_it_has(tmp_path: Path) -> None:
    """A frame that one camera lacks is left out of its movie alone."""
    reports: list[tuple[int, int, str]] = []
    options = OverlayOptions(progress=lambda *report: reports.append(report))
    written = write_overlay_movies(
        scene(left=GreySource(), right=GreySource(without=(1002,))), tmp_path, options
    )
    assert [path.name for path in written] == ["left.mp4", "right.mp4"]
    left, right = (read_movie(path) for path in written)
    assert (len(left), len(right)) == (len(FRAMES), len(FRAMES) - 1)
    assert left[0].shape == (HEIGHT // 2 * 2, 3 * WIDTH // 2 * 2, 3)
    assert reports[-1] == (9, 9, "right")


def test_the_panels_show_the_photograph_the_mesh_and_the_landmarks() -> None:
    """The photograph is untouched below its label; the mesh covers the head, the landmarks dot the face."""
    overlay = CameraOverlay(scene(left=GreySource()), "left", OverlayOptions())
    picture = overlay.draw(1001)
    assert picture is not None
    photo, mesh, landmarks = np.split(picture, 3, axis=1)
    assert (photo[60:] == 90).all()
    covered = (mesh != 90).any(axis=2)
    assert 0.15 < covered.mean() < 0.8
    marked = (landmarks != 90).any(axis=2)
    assert 0.01 < marked.mean() < 0.3
    rows, columns = np.nonzero(marked)
    inside = observations(performance()).mean[0, 0]
    assert (
        np.abs(
            np.array([columns.min(), columns.max()]) - np.array([inside[:, 0].min(), inside[:, 0].max()])
        ).max()
        < 12
    )
    assert (
        np.abs(np.array([rows.min(), rows.max()]) - np.array([inside[:, 1].min(), inside[:, 1].max()])).max()
        < 12
    )


def test_a_crop_follows_the_head_and_draws_the_same_head() -> None:
    """Cropping changes what is seen of the photograph, not where the mesh lies on the landmarks."""
    whole = scene(left=GreySource())
    cropped = CameraOverlay(whole, "left", OverlayOptions(panels=("mesh",), crop=True))
    width, height = cropped.tile_size
    assert width <= WIDTH
    assert height < HEIGHT
    picture = cropped.draw(1001)
    assert picture is not None
    assert (picture != 90).any(axis=2).mean() > 0.3


def test_a_window_sees_the_same_points_at_their_shifted_and_scaled_pixels() -> None:
    """The camera of a scaled part projects to ((u - x + 0.5) s - 0.5), with its lens."""
    camera = rig()["left"]
    points = np.random.default_rng(0).uniform(-0.05, 0.05, (20, 3))
    view = window(camera, (20, 30, 100, 120), (50, 60))
    expected = (camera.project(points) - [20, 30] + 0.5) * 0.5 - 0.5
    np.testing.assert_allclose(view.project(points), expected, atol=1e-9)


def test_a_contact_sheet_has_a_row_per_camera_and_says_what_is_missing(tmp_path: Path) -> None:
    """Cameras go down, frames go across; a frame that a camera lacks is a dark tile with a note."""
    whole = scene(left=GreySource(), right=GreySource(without=(1002,)))
    options = OverlayOptions(panels=("photo",), longest_side=HEIGHT)
    path = write_contact_sheet(whole, tmp_path / "sheet.png", [1001, 1002, 1007], options)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    gap = 4
    assert sheet.shape == (2 * (HEIGHT + gap) + gap, 3 * (WIDTH + gap) + gap, 3)
    row, column = 2 * gap + HEIGHT + HEIGHT // 4, 2 * gap + WIDTH + WIDTH // 2
    assert sheet[row, column].max() < 60
    assert (sheet[row - HEIGHT, column] == 90).all()


def test_a_frame_without_landmarks_is_drawn_without_them() -> None:
    """A frame that no camera saw still shows the mesh, and the caption says that it was interpolated."""
    overlay = CameraOverlay(scene(left=GreySource()), "left", OverlayOptions(panels=("landmarks",)))
    picture = overlay.draw(1003)
    assert picture is not None
    assert (picture[80:] == 90).all()


@pytest.mark.parametrize("panel", ["wireframe", "residuals"])
def test_every_panel_can_be_drawn(panel: str) -> None:
    """The other panels mark the head too."""
    picture = CameraOverlay(scene(left=GreySource()), "left", OverlayOptions(panels=(panel,))).draw(1001)
    assert picture is not None
    assert (picture[80:] != 90).any()


def test_images_of_another_size_than_the_calibration_are_refused() -> None:
    """The image size is part of a camera and is never guessed."""
    whole = scene(left=GreySource(size=(WIDTH * 2, HEIGHT * 2)))
    with pytest.raises(InputError, match="Camera left: The frames are"):
        CameraOverlay(whole, "left", OverlayOptions())


def test_an_unknown_panel_or_picture_format_is_named(tmp_path: Path) -> None:
    """The message lists what there is."""
    with pytest.raises(UsageError, match="Known are: photo, mesh"):
        OverlayOptions(panels=("normals",))
    with pytest.raises(UsageError, match=r"\.gif"):
        write_contact_sheet(scene(left=GreySource()), tmp_path / "sheet.gif")
    with pytest.raises(InputError, match="No camera"):
        write_contact_sheet(scene(), tmp_path / "sheet.png")

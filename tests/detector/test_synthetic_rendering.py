import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.camera import Camera
from calibration.errors import MissingDependencyError
from calibration.formats import read_rig
from detector.synthetic.checkerboard import board_poses, board_surface
from detector.synthetic.engine import EngineOptions, SyntheticEngine
from detector.synthetic.lens import render_through_lens
from detector.synthetic.render_shoot import FOCUS, ShootOptions, arc_rig, render_shoot, studio_light
from detector.synthetic.surfaces import Kind, Light, Material, Picture, Surface
from detector.synthetic.viewpoint import HeadFrame, draw_helmet_camera
from fitting.head_model import load_head_model
from tests.detector.checkerboard_corners import board_corners

pytestmark = pytest.mark.gl
OPTIONS = EngineOptions(size=96, supersample=2, multisample=False)


@pytest.fixture(scope="module")
def engine() -> SyntheticEngine:
    # One engine for the whole file: pyrender cannot close one renderer and open another in a process.
    try:
        return SyntheticEngine(load_head_model(), OPTIONS)
    except MissingDependencyError as error:
        pytest.skip(str(error))


def dot(centre: np.ndarray, size: float) -> Surface:
    """A small white octahedron."""
    unit = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    points = (centre + unit * size).astype(np.float32)
    return Surface(points, unit, np.array(faces), Material(Kind.FLAT))


def test_a_dot_on_a_vertex_is_seen_at_the_pixel_of_its_label(engine: SyntheticEngine) -> None:
    """What is drawn at a vertex of the posed head appears where its label says, to half a pixel."""
    sample = engine.sample(3)
    light = Light((), np.zeros((9, 3)))
    inside = np.all((sample.vertices_px > 6) & (sample.vertices_px < OPTIONS.size - 7), axis=1)
    for vertex in np.flatnonzero(inside)[::500]:
        centre = sample.vertices[vertex].astype(np.float64)
        size = 2.0 * sample.camera.to_camera(centre)[2] / sample.camera.focal[0]
        image, _ = engine.renderer.render(Picture((dot(centre, size),), light), sample.camera)
        weight = image[..., 0].astype(np.float64)
        y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
        seen = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
        assert np.linalg.norm(seen - sample.vertices_px[vertex]) < 0.35


def test_a_dot_is_seen_at_its_label_through_a_bending_lens_too(engine: SyntheticEngine) -> None:
    """The labels of a helmet camera are distorted pixels, where the picture shows what they name."""
    model = engine.model
    vertices = model.assets.mean
    camera = draw_helmet_camera(HeadFrame(np.eye(3), np.zeros(3)), 96, np.random.default_rng(5))
    assert camera.distortion[0] < -0.05
    light = Light((), np.zeros((9, 3)))
    labels = camera.project(vertices)
    ideal = camera.to_camera(vertices)[:, :2] / camera.to_camera(vertices)[:, 2:] * camera.focal
    moved = np.linalg.norm(labels - ideal - camera.principal, axis=1)
    inside = np.all((labels > 6) & (labels < 89), axis=1)
    for vertex in np.flatnonzero(inside & (moved > 1.0))[::150]:
        centre = vertices[vertex].astype(np.float64)
        size = 2.0 * camera.to_camera(centre)[2] / camera.focal[0]
        image, _ = render_through_lens(engine.renderer, Picture((dot(centre, size),), light), camera)
        weight = image[..., 0].astype(np.float64)
        y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
        seen = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
        assert np.linalg.norm(seen - labels[vertex]) < 0.35


def test_a_seed_gives_one_sample(engine: SyntheticEngine) -> None:
    """The same seed gives the same picture and labels to the bit, another seed another picture."""
    first = engine.sample(21)
    for between in (90, 91, 92):  # what is drawn in between leaves no trace
        engine.sample(between)
        again = engine.sample(21)
        np.testing.assert_array_equal(first.vertices_px, again.vertices_px)
        np.testing.assert_array_equal(first.image, again.image)
    assert np.abs(first.image.astype(int) - engine.sample(22).image).mean() > 5


def test_samples_are_pictures_of_heads(engine: SyntheticEngine) -> None:
    """A sample shows a head of some size before the backdrop, neither black nor white."""
    for seed in range(4):
        sample = engine.sample(seed)
        assert sample.image.shape == (96, 96, 3)
        assert sample.image.dtype == np.uint8
        assert sample.vertices_px.shape == (len(engine.model.assets.mean), 2)
        assert np.isfinite(sample.vertices_px).all()
        assert (sample.depth > 0).mean() > 0.15
        assert 5 < sample.image.mean() < 250


def test_corners_of_a_rendered_board_are_where_they_should_be(engine: SyntheticEngine) -> None:
    """OpenCV finds the corners of a rendered checkerboard within a tenth of a pixel of their projections."""
    rotation, centre = board_poses(5, FOCUS, np.random.default_rng(0))[1]
    rig = arc_rig()
    camera = Camera("x", 512, 640, rig["camC"].K, R=rig["camC"].R, t=rig["camC"].t)
    surface = board_surface((9, 6), 0.02, rotation, centre)
    image, _ = engine.renderer.render(Picture((surface,), studio_light(), centre=FOCUS), camera)
    found, corners = cv2.findChessboardCornersSB(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 6))
    assert found
    expected = camera.project(board_corners((9, 6), 0.02, rotation, centre))
    distance = np.linalg.norm(corners.reshape(-1, 1, 2) - expected[None], axis=-1).min(axis=1)
    assert distance.max() < 0.2
    assert np.sqrt((distance**2).mean()) < 0.1


def test_a_shoot_is_written_with_its_truth(engine: SyntheticEngine, tmp_path: Path) -> None:
    """Images, boards, cameras and meshes are all there, and the meshes project into the pictures."""
    rig = arc_rig(2, 40.0, size=(128, 160))
    options = ShootOptions(frames=2, board_poses=1)
    calls: list[tuple[int, int, str]] = []
    render_shoot(engine.model, tmp_path, rig, options, lambda *step: calls.append(step), engine=engine)
    truth = np.load(tmp_path / "truth" / "mesh.npz")
    cameras = read_rig(tmp_path / "truth" / "cameras.json")
    assert json.loads((tmp_path / "truth" / "cameras.json").read_text())["units"] == "m"
    assert truth["vertices"].shape == (2, len(engine.model.assets.mean), 3)
    assert calls[-1][:2] == (6, 6)
    for camera in cameras:
        image = cv2.imread(str(tmp_path / "images" / camera.name / f"{camera.name}.1002.jpg"))
        assert image is not None
        assert image.shape == (160, 128, 3)
        assert (tmp_path / "board" / camera.name / f"{camera.name}.0001.jpg").exists()
        eyes = camera.project(truth["eye_centers_world"][1] / 1000.0)
        assert np.all((eyes > 0) & (eyes < np.array(camera.size)))

"""Meshes and landmarks are drawn where the camera sees them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh
from numpy.typing import NDArray

from calibration.camera import Camera
from fitting.posed import neutral_vertices
from pipeline.drawing.head import HeadDrawing
from pipeline.drawing.landmarks import draw_landmarks
from pipeline.drawing.mesh import WIREFRAME, Look, draw_head, draw_mesh, portrait_camera, triangle_edges
from pipeline.drawing.raster import rasterise
from pipeline.drawing.tiles import empty_tile, fit_tile, label, wall
from tests.pipeline.performances import head_model

SIZE = (64, 48)
CAMERA = Camera("test", *SIZE, np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]]))
OPAQUE = Look(alpha=1.0)


def black(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    return np.zeros((size[1], size[0], 3), np.uint8)


def quad(z: float, half: float = 0.2) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A square that faces a camera at the origin that looks along +z."""
    corners = np.array([[-half, -half, z], [-half, half, z], [half, half, z], [half, -half, z]])
    return corners, np.array([[0, 1, 2], [0, 2, 3]])


def inside(points: NDArray[np.float64], width: int, height: int) -> NDArray[np.bool_]:
    """The slow reference: every pixel centre against the three edges."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    sides = []
    for k in range(3):
        (ax, ay), (bx, by) = points[k], points[(k + 1) % 3]
        sides.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    return np.asarray(np.all(np.array(sides) >= 0, axis=0) | np.all(np.array(sides) <= 0, axis=0))


@pytest.mark.parametrize("seed", range(8))
def test_a_triangle_covers_the_pixels_whose_centres_are_inside(seed: int) -> None:
    """The rasteriser agrees with a test of every pixel, also where the triangle leaves the image."""
    points = np.random.default_rng(seed).uniform(-20, 80, (3, 2))
    coverage = rasterise(points, np.ones(3), np.array([[0, 1, 2]]), *SIZE)
    expected = np.flatnonzero(inside(points, *SIZE))
    np.testing.assert_array_equal(coverage.pixels, expected)


def test_values_are_interpolated_linearly_over_a_triangle() -> None:
    """The interpolated corner positions of a covered pixel are the pixel's own position."""
    points = np.array([[3.2, 4.1], [50.7, 10.3], [20.0, 40.0]])
    triangles = np.array([[0, 1, 2]])
    coverage = rasterise(points, np.ones(3), triangles, *SIZE)
    expected = np.stack([coverage.pixels % SIZE[0], coverage.pixels // SIZE[0]], axis=1)
    np.testing.assert_allclose(coverage.interpolate(triangles, points), expected, atol=1e-9)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_surface_wins_in_any_order(order: tuple[int, int]) -> None:
    """A small near square hides the middle of a large far one, whichever is listed first."""
    (far, faces), (near, _) = quad(2.0, 0.6), quad(1.0, 0.1)
    triangles = np.concatenate([[faces, faces + 4][k] for k in order])
    colours = np.repeat([[255.0, 0, 0], [0, 255.0, 0]], 4, axis=0)
    vertices = np.concatenate([far, near])
    image = draw_mesh(black(), vertices, triangles, CAMERA, colours=colours, look=OPAQUE)
    assert image[23, 31, 1] > image[23, 31, 0]
    assert image[23, 20, 0] > image[23, 20, 1]


def test_back_faces_and_what_is_behind_the_camera_are_not_drawn() -> None:
    """Only a surface that faces the camera, in front of it, leaves a mark."""
    vertices, faces = quad(1.0)
    assert draw_mesh(black(), vertices, faces, CAMERA).any()
    assert not draw_mesh(black(), vertices, faces[:, ::-1], CAMERA).any()
    behind, _ = quad(-1.0)
    assert not draw_mesh(black(), behind, faces, CAMERA).any()
    assert not draw_mesh(black(), behind, faces[:, ::-1], CAMERA).any()


def test_a_sphere_has_the_outline_that_perspective_gives_it() -> None:
    """The area of a drawn ball is that of its tangent cone, and no crack is open inside it."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.25)
    vertices = np.asarray(ball.vertices) + np.array([0.0, 0.0, 1.0])
    K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
    camera = Camera("large", 320, 240, K)
    image = draw_mesh(black((320, 240)), vertices, np.asarray(ball.faces), camera, look=OPAQUE)
    mask = image.max(axis=2) > 40
    radius = 300.0 * 0.25 / np.sqrt(1.0 - 0.25**2)
    assert mask.sum() == pytest.approx(np.pi * radius**2, rel=0.02)
    y, x = np.mgrid[:240, :320]
    assert mask[np.hypot(x - 159.5, y - 119.5) < radius - 2.0].all()


def test_the_lens_bends_the_drawing() -> None:
    """A distorted camera draws a small square where it projects it, not where a pinhole would."""
    vertices, faces = quad(1.0, 0.01)
    vertices = vertices + np.array([0.45, 0.3, 0.0])
    bent = Camera("bent", *SIZE, CAMERA.K, np.array([-0.5, 0, 0, 0, 0.0]))
    rows, columns = np.nonzero(draw_mesh(black(), vertices, faces, bent, look=OPAQUE).any(axis=2))
    x, y = bent.project(vertices).mean(axis=0)
    assert (columns.mean(), rows.mean()) == pytest.approx((x, y), abs=1.0)
    assert np.hypot(*(CAMERA.project(vertices).mean(axis=0) - (x, y))) > 2.0


def test_alpha_lets_the_photograph_through() -> None:
    """Half-transparent drawing lies half-way between the photograph and the opaque drawing."""
    photo = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
    vertices, faces = quad(1.0)
    half = draw_mesh(photo, vertices, faces, CAMERA, look=Look(alpha=0.5))
    full = draw_mesh(photo, vertices, faces, CAMERA, look=OPAQUE)
    np.testing.assert_allclose(half[20, 30], (full[20, 30].astype(float) + 200) / 2, atol=1.0)
    assert (photo == 200).all()


def test_each_face_and_each_vertex_can_have_a_colour() -> None:
    """Face colours win over vertex colours, in flat and in smooth shading alike."""
    vertices, faces = quad(1.0)
    for flat in (False, True):
        look = Look(alpha=1.0, flat=flat)
        tinted = np.array([[255.0, 0, 0], [0, 0, 255.0]])
        image = draw_mesh(black(), vertices, faces, CAMERA, face_colours=tinted, look=look)
        assert image[30, 28, 0] > image[30, 28, 2] or image[30, 28, 2] > image[30, 28, 0]
        assert {int(np.argmax(p)) for p in image[image.any(axis=2)]} == {0, 2}


def test_the_wireframe_shows_only_edges_that_can_be_seen() -> None:
    """The near square's edges are drawn, those that it hides are not, and its middle is empty."""
    (near, faces), (far, _) = quad(1.0, 0.3), quad(2.0, 0.1)
    vertices, triangles = np.concatenate([near, far]), np.concatenate([faces, faces + 4])
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4]])
    image = draw_mesh(black(), vertices, triangles, CAMERA, edges=edges, look=WIREFRAME)
    assert image[23, 16:18].any()
    assert not image[18:30, 25:40].any()


def test_the_edges_of_a_quad_leave_out_its_diagonal() -> None:
    """Two quads that share a side have seven edges."""
    assert len(triangle_edges(np.array([[0, 1, 2, 3], [1, 4, 5, 2]]))) == 7


def test_a_turned_portrait_shows_the_side_it_says() -> None:
    """With positive yaw the nose points to the right of the picture: to the actor's left."""
    nose = np.array([[0.0, -0.03, 0.05]])
    ahead, turned = (portrait_camera((400, 480), yaw).project(nose)[0] for yaw in (0.0, 0.6))
    assert ahead[0] == pytest.approx(199.5)
    assert turned[0] > ahead[0] + 20


def test_a_head_fills_its_portrait() -> None:
    """A mean head covers between a fifth and seven tenths of its picture."""
    model = head_model()
    drawing = HeadDrawing(model)
    head = drawing.vertices(neutral_vertices(model, np.zeros(model.identity_size)))
    picture = draw_head(head, drawing.triangles, (200, 240), colours=drawing.colours)
    background = draw_head(head, drawing.triangles[:0], (200, 240))
    assert 0.2 < (np.abs(picture.astype(int) - background).max(axis=2) > 8).mean() < 0.7


def test_the_irises_follow_the_gaze() -> None:
    """Both pupils move to the right of the picture when the eyes turn to the actor's left."""
    model = head_model()
    drawing = HeadDrawing(model)
    middles = []
    for yaw in (0.0, 0.3):
        pose = torch.zeros(15)
        pose[[7, 10]] = yaw
        with torch.no_grad():
            head = model(torch.zeros(model.identity_size), torch.zeros(model.expression_size), pose)
        drawn = drawing.vertices(head.numpy().astype(np.float64))
        pupils = drawn[drawing.colours.max(axis=1) < 30]
        middles.append([pupils[pupils[:, 0] > 0, 0].mean(), pupils[pupils[:, 0] < 0, 0].mean()])
    assert np.diff(middles, axis=0) == pytest.approx(np.full((1, 2), 0.0048), abs=0.0005)  # sin(0.3) of 16 mm


def test_the_drawn_head_keeps_the_models_vertices_and_rounds_its_eyes() -> None:
    """Finer eyeballs come after the model's vertices and lie on spheres as good as the model's own."""
    model = head_model()
    neutral = neutral_vertices(model, np.zeros(model.identity_size))
    drawing = HeadDrawing(model)
    drawn = drawing.vertices(neutral)
    np.testing.assert_array_equal(drawn[: len(neutral)], neutral)
    assert drawing.triangles.max() == len(drawn) - 1
    assert len(drawing.colours) == len(drawn)
    coarse = neutral[model.parts["left_eye"]]
    centre = (coarse.min(axis=0) + coarse.max(axis=0)) / 2
    fine = drawn[len(neutral) :]
    fine = fine[fine[:, 0] > 0]
    radius = np.linalg.norm(coarse - centre, axis=1)
    distance = np.linalg.norm(fine - centre, axis=1)
    assert distance.min() > radius.min() - 1e-6
    assert distance.max() < radius.max() + 1e-6


def test_landmarks_are_green_where_sure_and_red_where_not() -> None:
    """The colour of a dot tells its sigma; a landmark that is not a number is left out."""
    mean = np.array([[10.0, 10.0], [50.0, 10.0], [np.nan, 5.0]])
    image = draw_landmarks(black(), mean, np.array([0.1, 30.0, 1.0]), radius=3, sigma_range=(0.5, 5.0))
    assert image[10, 10, 1] > 200 > image[10, 10, 0]
    assert image[10, 50, 0] > 200 > image[10, 50, 1]
    assert image.any(axis=2).sum() < 130
    assert not draw_landmarks(black(), mean[2:]).any()


def test_labels_tiles_and_walls_have_the_sizes_they_are_asked_for() -> None:
    """A wall of five pictures in rows of three has two rows; labels leave their input alone."""
    tile = np.full((60, 80, 3), 128, np.uint8)
    assert (label(tile, ["cam A  1001", "1.2 px"]) != tile).any()
    assert (tile == 128).all()
    sheet = wall([tile] * 4 + [np.zeros((30, 80, 3), np.uint8)], 3, ["a", "b", "c", "d", ""], gap=2)
    assert sheet.shape == (2 * 62 + 2, 3 * 82 + 2, 3)
    assert fit_tile(tile, (50, 90)).shape == (90, 50, 3)
    assert empty_tile((50, 90), ["no image"]).shape == (90, 50, 3)

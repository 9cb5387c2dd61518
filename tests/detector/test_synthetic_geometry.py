import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Camera
from detector.region import HEAD_CENTRE
from detector.synthetic.checkerboard import board_poses
from detector.synthetic.clothes import NECK_SKY
from detector.synthetic.head_mesh import HeadMesh
from detector.synthetic.lens import ideal_camera
from detector.synthetic.lighting import draw_light, irradiance, project_environment
from detector.synthetic.occlusion import ambient_occlusion
from detector.synthetic.render_shoot import arc_rig
from detector.synthetic.renderer import FAR, NEAR, camera_to_gl
from detector.synthetic.viewpoint import HeadFrame, draw_camera, draw_helmet_camera, look_at
from detector.synthetic.wardrobe import NECK_END
from fitting.head_model import HeadModel, load_head_model
from tests.detector.checkerboard_corners import board_corners


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def mesh(model: HeadModel) -> HeadMesh:
    return HeadMesh(model)


def gl_pixels(camera: Camera, points: np.ndarray, scale: float) -> np.ndarray:
    """Where OpenGL draws points, by its own rules; pixel (0, 0) is the centre of the top left one."""
    (fx, fy, cx, cy), pose = camera_to_gl(camera, scale)
    width, height = camera.width * scale, camera.height * scale
    projection = np.array(
        [
            [2 * fx / width, 0, 1 - 2 * cx / width, 0],
            [0, 2 * fy / height, 2 * cy / height - 1, 0],
            [0, 0, (FAR + NEAR) / (NEAR - FAR), 2 * FAR * NEAR / (NEAR - FAR)],
            [0, 0, -1, 0],
        ]
    )
    homogeneous = np.c_[points, np.ones(len(points))]
    clip = homogeneous @ (projection @ np.linalg.inv(pose)).T
    ndc = clip[:, :2] / clip[:, 3:]
    corner = np.stack([(ndc[:, 0] + 1) / 2 * width, (1 - ndc[:, 1]) / 2 * height], axis=1) / scale
    return corner - 0.5


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_opengl_and_opencv_agree_where_a_point_is_seen(scale: float) -> None:
    """The camera that is handed to OpenGL projects every point to the pixel that the OpenCV camera names."""
    rng = np.random.default_rng(0)
    rotation = Rotation.from_rotvec(rng.normal(0.0, 0.4, 3)).as_matrix()
    K = np.array([[811.0, 0.0, 140.3], [0.0, 803.0, 161.7], [0.0, 0.0, 1.0]])
    camera = Camera("c", 288, 320, K, R=rotation, t=np.array([0.02, -0.03, 0.9]))
    points = rng.normal(0.0, 0.1, (50, 3))
    np.testing.assert_allclose(gl_pixels(camera, points, scale), camera.project(points), atol=1e-8)


def test_a_camera_looks_at_its_target_upright() -> None:
    """The target lies on the optical axis, and what is above it in the world is above it in the image."""
    eye, target = np.array([0.7, 0.3, 1.1]), np.array([0.1, 0.0, -0.1])
    rotation = look_at(eye, target)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    local = rotation @ (target - eye)
    np.testing.assert_allclose(local[:2], 0.0, atol=1e-12)
    assert local[2] > 0
    assert (rotation @ (target + np.array([0.0, 0.1, 0.0]) - eye))[1] < 0


def test_random_cameras_frame_the_head() -> None:
    """From wherever a head is seen, its middle lies well inside the picture, before the camera."""
    rng = np.random.default_rng(1)
    head = HeadFrame(Rotation.from_rotvec([0.1, 0.3, -0.1]).as_matrix(), np.array([0.02, 0.01, -0.03]))
    for _ in range(200):
        camera = draw_camera(head, 288, rng)
        middle = camera.project(head.rotation @ np.array(HEAD_CENTRE) + head.offset)
        assert np.all(np.abs(middle - 143.5) < 0.2 * 288)
        assert camera.to_camera(head.centre)[2] > 0.2


def test_helmet_cameras_see_the_face_from_near_through_a_bending_lens() -> None:
    """The face lies before a helmet camera within a hand's breadth or two, and its lens never folds."""
    rng = np.random.default_rng(2)
    head = HeadFrame(np.eye(3), np.zeros(3))
    for _ in range(100):
        camera = draw_helmet_camera(head, 176, rng)
        assert 0.1 < camera.to_camera(np.zeros(3))[2] < 0.4
        assert camera.distortion[0] < 0
        radius = np.linspace(0.0, 2.0, 200)
        k1, k2 = camera.distortion[:2]
        assert np.all(np.diff(radius * (1 + k1 * radius**2 + k2 * radius**4)) > 0)


def test_refining_keeps_the_vertices_of_the_model(model: HeadModel, mesh: HeadMesh) -> None:
    """The drawn surface goes exactly through the model's vertices, so that labels are exact."""
    vertices = model.assets.mean
    positions, normals = mesh.refine(vertices)
    np.testing.assert_array_equal(positions[: len(vertices)], vertices)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)


def test_refining_rounds_edges_without_moving_far(model: HeadModel, mesh: HeadMesh) -> None:
    """New vertices lie near the middle of the edges and faces that they come from."""
    vertices = model.assets.mean
    positions, _ = mesh.refine(vertices)
    flat = mesh.refine_values(vertices)
    moved = np.linalg.norm(positions - flat, axis=1)
    assert moved.max() < 0.004
    assert np.median(moved) < 0.0003


def test_hollows_are_darker_than_the_cheek(model: HeadModel, mesh: HeadMesh) -> None:
    """Little of the sky can be seen from inside the mouth, nearly all of it from the tip of the nose."""
    vertices = model.assets.mean.astype(np.float64)
    normals = mesh.vertex_normals(vertices)
    value = ambient_occlusion(vertices, normals, model.triangles, np.random.default_rng(0))
    nose = np.argmax(vertices[:, 2])
    assert value[nose] > 0.8
    assert value[model.parts["tongue"]].mean() < 0.3
    # the torso takes over where the neck ends: a step there would show as a torn edge
    skin = np.asarray(model.parts["skin"])
    neck = skin[vertices[skin, 1] < NECK_END]
    assert np.median(value[neck]) == pytest.approx(NECK_SKY, abs=0.06)


def test_an_even_environment_lights_every_side_alike() -> None:
    """Under the same radiance from everywhere, irradiance / pi is that radiance for every normal."""
    environment = project_environment(lambda d: np.full((len(d), 3), 0.7))
    normals = Rotation.random(50, random_state=0).apply([0.0, 0.0, 1.0])
    np.testing.assert_allclose(irradiance(environment, normals), 0.7, atol=0.01)


def test_light_from_above_falls_on_what_faces_up() -> None:
    """A bright upper hemisphere lights upward normals fully, sideward ones by half, downward ones not."""
    environment = project_environment(lambda d: np.repeat((d[:, 1:2] > 0).astype(float), 3, axis=1))
    up, side, down = irradiance(environment, np.array([[0, 1.0, 0], [1.0, 0, 0], [0, -1.0, 0]]))[:, 0]
    assert up == pytest.approx(1.0, abs=0.05)
    assert side == pytest.approx(0.5, abs=0.05)
    assert down == pytest.approx(0.0, abs=0.05)


def test_light_is_exposed_for_the_face() -> None:
    """Whatever the lamps, a mid-toned face comes out neither black nor burnt out."""
    for seed in range(60):
        light = draw_light(np.array([0.0, 0.0, 1.0]), np.array([0.3, 0.1, 0.95]), np.random.default_rng(seed))
        normals = np.array([[0.1, 0.1, 1.0], [0.5, 0.2, 0.9], [-0.5, 0.2, 0.9]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        total = irradiance(light.environment, normals)
        for key in light.keys:
            assert np.linalg.norm(key.direction) == pytest.approx(1.0)
            total = total + np.maximum(normals @ key.direction, 0.0)[:, None] * key.power
        value = total.mean() * light.exposure * 0.3
        assert 0.02 < value < 2.0


def test_the_lens_of_a_camera_is_undone_exactly() -> None:
    """A point's pixel in the picture without distortion is where the map of its distorted pixel points to."""
    camera = arc_rig()["camB"]
    ideal, (x, y) = ideal_camera(camera)
    points = np.random.default_rng(0).normal([0.0, 1.5, 0.0], 0.06, (40, 3))
    pixels = camera.project(points)
    column, row = np.rint(pixels).astype(int).T
    inside = (column >= 1) & (column < camera.width - 1) & (row >= 1) & (row < camera.height - 1)
    predicted = np.stack([x[row[inside], column[inside]], y[row[inside], column[inside]]], axis=1)
    # The map is stored per whole pixel; the rest is the fraction, nearly unchanged.
    predicted += pixels[inside] - np.rint(pixels[inside])
    np.testing.assert_allclose(predicted, ideal.project(points[inside]), atol=0.1)


def test_every_camera_of_the_arc_sees_the_whole_board() -> None:
    """The corners of the board project into every image of the default rig, in every pose."""
    rig = arc_rig()
    for rotation, centre in board_poses(12, np.array([0.0, 1.485, -0.04]), np.random.default_rng(3)):
        corners = board_corners((9, 6), 0.02, rotation, centre)
        for camera in rig:
            pixels = camera.project(corners)
            assert pixels.min() > 5
            assert np.all(pixels < np.array(camera.size) - 5)

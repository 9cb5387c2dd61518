import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from calibration.lens import COEFFICIENTS, coefficient_jacobian, distort, distort_jacobian, undistort
from tests.calibration.rigs import arc_rig, mixed_rig


def test_optical_axis_projects_to_the_principal_point() -> None:
    """A point on the optical axis of a camera projects to its principal point."""
    for camera in arc_rig():
        on_axis = camera.centre + 0.7 * camera.R[2]
        np.testing.assert_allclose(camera.project(on_axis), camera.principal, atol=1e-9)


def test_projection_agrees_with_opencv() -> None:
    """Pixels are the same as those of cv2.projectPoints for a distorted camera."""
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (50, 3))
    for camera in arc_rig():
        rotation = Rotation.from_matrix(camera.R).as_rotvec()
        expected, _ = cv2.projectPoints(points, rotation, camera.t, camera.K, camera.distortion)
        np.testing.assert_allclose(camera.project(points), expected.reshape(-1, 2), atol=1e-8)


def test_a_fisheye_agrees_with_opencv() -> None:
    """Pixels are those of cv2.fisheye, near the axis and 80 degrees off it."""
    camera = mixed_rig()["cam2"]
    local = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 3)) * [5.0, 5.0, 0.1] + [0.0, 0.0, 0.9]
    local[0] = [0.0, 0.0, 1.0]
    rotation = Rotation.from_matrix(camera.R).as_rotvec()
    world = (local - camera.t) @ camera.R
    expected, _ = cv2.fisheye.projectPoints(world[:, None], rotation, camera.t, camera.K, camera.coefficients)
    np.testing.assert_allclose(camera.project(world), expected.reshape(-1, 2), atol=1e-7)


@pytest.mark.parametrize("camera", mixed_rig().cameras, ids=lambda camera: camera.lens_model)
def test_derivatives_of_the_lens_are_exact(camera: Camera) -> None:
    """The derivative of the lens by its points is that of finite differences, on the axis too."""
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (20, 2))
    points[0] = 0.0
    step = 1e-6
    numeric = np.stack(
        [
            (
                distort(points + offset, camera.distortion, camera.fisheye)
                - distort(points - offset, camera.distortion, camera.fisheye)
            )
            / (2 * step)
            for offset in np.eye(2) * step
        ],
        axis=-1,
    )
    exact = distort_jacobian(points, camera.distortion, camera.fisheye)
    np.testing.assert_allclose(exact, numeric, atol=1e-8)


@pytest.mark.parametrize("camera", mixed_rig().cameras, ids=lambda camera: camera.lens_model)
def test_derivatives_by_the_coefficients_are_exact(camera: Camera) -> None:
    """The derivative of the lens by its coefficients is that of finite differences, on the axis too."""
    points = np.random.default_rng(1).uniform(-0.9, 0.9, (20, 2))
    points[0] = 0.0
    exact = coefficient_jacobian(points, camera.distortion, camera.fisheye)
    for column, offset in enumerate(np.eye(COEFFICIENTS) * 1e-6):
        ends = [distort(points, camera.distortion + sign * offset, camera.fisheye) for sign in (1, -1)]
        np.testing.assert_allclose(exact[..., column], (ends[0] - ends[1]) / 2e-6, atol=1e-8)


def test_lenses_of_all_models_go_side_by_side() -> None:
    """A stack of plain, rational and fisheye lenses bends points as each lens does alone, and back."""
    rig = mixed_rig()
    points = np.random.default_rng(2).uniform(-0.5, 0.5, (3, 9, 2))
    lenses = np.stack([camera.distortion for camera in rig])[:, None]
    fisheye = np.array([camera.fisheye for camera in rig])[:, None]
    bent = distort(points, lenses, fisheye)
    for each, camera, row in zip(bent, rig, points, strict=True):
        np.testing.assert_array_equal(each, distort(row, camera.distortion, camera.fisheye))
    np.testing.assert_allclose(undistort(bent, lenses, fisheye), points, atol=1e-10)


@pytest.mark.parametrize("camera", mixed_rig().cameras, ids=lambda camera: camera.lens_model)
def test_normalise_inverts_the_lens(camera: Camera) -> None:
    """Normalising a projected pixel returns the direction of the point, over the whole image."""
    x, y = np.meshgrid(np.linspace(0, 1023, 30), np.linspace(0, 767, 30))
    pixels = np.stack((x, y), axis=-1)
    rays = np.concatenate((camera.normalise(pixels), np.ones((30, 30, 1))), axis=-1)
    world = (rays - camera.t) @ camera.R
    np.testing.assert_allclose(camera.project(world), pixels, atol=1e-7)


def test_points_behind_the_camera_stay_finite() -> None:
    """A point behind the camera gives finite pixels, not a division by zero."""
    camera = arc_rig().cameras[0]
    assert np.isfinite(camera.project(camera.centre)).all()
    assert np.isfinite(camera.project(camera.centre - camera.R[2])).all()


def test_cameras_are_read_only() -> None:
    """The arrays of a camera cannot be changed behind the back of those who share it."""
    with pytest.raises(ValueError, match="read-only"):
        arc_rig().cameras[0].K[0, 0] = 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "Camera A: has an image size of 0 x 480"),
        ({"K": np.eye(2)}, "needs K"),
        ({"K": np.array([[500, 3, 320], [0, 500, 240], [0, 0, 1.0]])}, "skew"),
        ({"K": np.array([[500, 0, 320], [0, 500, 240], [320, 240, 1.0]])}, "zero below its diagonal"),
        ({"R": -np.eye(3)}, "rotation matrix"),
        ({"distortion": np.zeros(7)}, "7 distortion values"),
        ({"distortion": np.ones(5), "fisheye": True}, "fisheye with more than its four"),
        ({"t": np.array([0, np.nan, 0])}, "finite"),
    ],
)
def test_impossible_cameras_are_refused(changes: dict[str, object], message: str) -> None:
    """A camera that cannot exist is refused with its name and the reason."""
    fields: dict[str, object] = {"width": 640, "height": 480, "K": np.diag([500.0, 500.0, 1.0])} | changes
    with pytest.raises(InputError, match=message):
        Camera("A", **fields)  # type: ignore[arg-type]


def test_a_rig_finds_and_selects_cameras_by_name() -> None:
    """Cameras are found by name, selected in the order asked for, and an unknown name lists the known."""
    rig = arc_rig(3)
    assert rig.select(["cam2", "cam0"]).names == ("cam2", "cam0")
    assert rig["cam1"] is rig.cameras[1]
    with pytest.raises(InputError, match="no camera 'front'; its cameras are: cam0, cam1, cam2"):
        rig["front"]
    with pytest.raises(InputError, match="two cameras"):
        Rig((rig.cameras[0], rig.cameras[0]))

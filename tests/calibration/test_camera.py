import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from tests.calibration.rigs import arc_rig


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


def test_normalise_inverts_the_lens() -> None:
    """Normalising a projected pixel returns the direction of the point, over the whole image."""
    camera = arc_rig().cameras[2]
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
        ({"R": -np.eye(3)}, "rotation matrix"),
        ({"distortion": np.zeros(8)}, "8 distortion values"),
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

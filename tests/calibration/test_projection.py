import numpy as np
import torch

from calibration.projection import CameraTensors, project, to_camera
from tests.calibration.rigs import arc_rig, mixed_rig


def test_the_torch_projection_agrees_with_the_numpy_one() -> None:
    """All frames in all cameras at once give the pixels that each camera gives alone."""
    rig = mixed_rig()
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (3, 7, 3))
    pixels = project(torch.tensor(points), CameraTensors.from_rig(rig, dtype=torch.float64))
    assert pixels.shape == (3, 3, 7, 2)
    for index, camera in enumerate(rig):
        np.testing.assert_allclose(pixels[:, index].numpy(), camera.project(points), atol=1e-8)


def test_derivatives_of_the_projection_are_exact() -> None:
    """Derivatives by points, lens and pose agree with finite differences in double precision."""
    cameras = CameraTensors.from_rig(mixed_rig(), dtype=torch.float64)
    points = torch.tensor(np.random.default_rng(1).uniform(-0.2, 0.2, (2, 2, 3)))
    inputs = [points, cameras.focal, cameras.principal, cameras.distortion, cameras.rotation]
    inputs.append(cameras.translation)
    for tensor in inputs:
        tensor.requires_grad_(True)

    def seen(points: torch.Tensor, *fields: torch.Tensor) -> torch.Tensor:
        focal, principal, distortion, rotation, translation = fields
        moved = CameraTensors(focal, principal, distortion, rotation, translation, cameras.fisheye)
        return project(points, moved)

    torch.autograd.gradcheck(seen, inputs)


def test_points_behind_a_camera_have_finite_pixels_and_gradients() -> None:
    """A point at or behind a camera cannot poison a fit with infinities."""
    rig = arc_rig(2)
    camera = rig.cameras[0]
    bad = np.stack((camera.centre, camera.centre - 0.5 * camera.R[2], camera.centre - 5.0 + camera.R[2]))
    points = torch.tensor(bad[None], dtype=torch.float32, requires_grad=True)
    pixels = project(points, CameraTensors.from_rig(rig))
    torch.autograd.backward(pixels.square().mean())
    assert torch.isfinite(pixels).all()
    assert points.grad is not None
    assert torch.isfinite(points.grad).all()


def test_depth_is_the_distance_along_the_optical_axis() -> None:
    """The last component in camera axes is the depth in metres."""
    rig = arc_rig(2)
    point = torch.tensor(rig.cameras[1].centre + 0.4 * rig.cameras[1].R[2])[None, None]
    local = to_camera(point, CameraTensors.from_rig(rig, dtype=torch.float64))
    np.testing.assert_allclose(local[0, 1, 0].numpy(), [0, 0, 0.4], atol=1e-12)


def test_a_rig_survives_the_way_through_tensors() -> None:
    """A rig turned to float32 tensors and back is the same rig to single precision."""
    rig = arc_rig(3)
    again = CameraTensors.from_rig(rig).to_rig(rig)
    assert again.names == rig.names
    for before, after in zip(rig, again, strict=True):
        np.testing.assert_allclose(after.K, before.K, rtol=1e-6)
        np.testing.assert_allclose(after.R, before.R, atol=1e-6)
        np.testing.assert_allclose(after.R @ after.R.T, np.eye(3), atol=1e-14)

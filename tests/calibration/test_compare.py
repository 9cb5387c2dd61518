from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.compare import axes_meet_at, compare_rigs
from calibration.errors import InputError
from tests.calibration.rigs import arc_rig


def elsewhere(rig: Rig, scale: float = 1.0) -> Rig:
    """The same rig in another world."""
    R = Rotation.from_euler("xyz", [20, -130, 70], degrees=True).as_matrix()
    shift = np.array([3.0, -1.0, 0.4])
    return Rig(tuple(replace(c, R=c.R @ R.T, t=scale * (c.t - c.R @ R.T @ shift)) for c in rig))


def knocked(camera: Camera, degrees: float, metres: float) -> Camera:
    """A camera turned about the vertical and shifted to its side."""
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    R = turn @ camera.R
    return replace(camera, R=R, t=-R @ (camera.centre + camera.R[0] * metres))


def test_the_same_rig_in_another_world_has_not_changed() -> None:
    """The world of a calibration is a choice; it is no difference."""
    rig = arc_rig(5)
    difference = compare_rigs(rig, elsewhere(rig))
    assert max(camera.degrees for camera in difference.cameras) < 1e-6
    assert max(camera.metres for camera in difference.cameras) < 1e-8
    assert difference.worst.effect_px < 1e-5
    assert difference.scale == 1.0


def test_a_knocked_camera_is_told_and_the_others_are_not_blamed() -> None:
    """Turn and shift of the one camera that moved come out whole; those that stood still show nothing."""
    rig = arc_rig(6)
    moved = Rig(tuple(knocked(c, 0.5, 0.004) if c.name == "cam2" else c for c in rig))
    difference = compare_rigs(rig, elsewhere(moved))
    assert difference.worst.name == "cam2"
    assert difference["cam2"].degrees == pytest.approx(0.5, abs=0.01)
    assert difference["cam2"].metres == pytest.approx(0.004, abs=2e-4)
    assert max(c.degrees for c in difference.cameras if c.name != "cam2") < 0.01
    assert max(c.metres for c in difference.cameras if c.name != "cam2") < 2e-4


def test_the_effect_is_what_the_image_shows() -> None:
    """A turn by 0.1 degrees moves the image by about focal x tan(0.1 degrees); so does a focal change."""
    rig = arc_rig(6)
    turned = Rig(tuple(knocked(c, 0.1, 0.0) if c.name == "cam0" else c for c in rig))
    effect = compare_rigs(rig, turned)["cam0"].effect_px
    assert effect == pytest.approx(rig["cam0"].focal[0] * np.tan(np.radians(0.1)), rel=0.2)
    K = rig["cam1"].K * np.array([[1.01, 1, 1], [1, 1.01, 1], [1, 1, 1]])
    zoomed = compare_rigs(rig, Rig(tuple(replace(c, K=K) if c.name == "cam1" else c for c in rig)))
    assert zoomed["cam1"].focal_px == pytest.approx(0.01 * rig["cam1"].focal.mean())
    assert zoomed["cam1"].principal_px < 1e-9
    assert zoomed["cam1"].effect_px > 1


def test_another_scale_is_a_difference_unless_it_is_asked_for() -> None:
    """A rig that is two percent too large moved by centimetres; asked for the scale, it is that alone."""
    rig = arc_rig(5)
    larger = elsewhere(rig, scale=1.02)
    assert max(c.metres for c in compare_rigs(rig, larger).cameras) > 2e-3
    fitted = compare_rigs(rig, larger, scale=True)
    assert fitted.scale == pytest.approx(1 / 1.02)
    assert fitted.worst.metres < 1e-8
    assert any("scaled by 0.98039" in line for line in fitted.lines())


def test_the_working_distance_is_where_the_axes_meet_or_what_is_said() -> None:
    """A rig that looks at one point has its distance; a camera alone has none, and one metre is taken."""
    rig = arc_rig(4)
    assert axes_meet_at(rig) == pytest.approx(np.linalg.norm(rig["cam0"].centre), rel=0.05)
    assert axes_meet_at(arc_rig(1)) is None
    assert compare_rigs(arc_rig(1), arc_rig(1)).working_distance == 1.0
    assert compare_rigs(rig, rig, working_distance=2.5).working_distance == 2.5


def test_cameras_of_one_rig_only_are_named_and_none_in_common_is_an_error() -> None:
    """What cannot be compared is said."""
    rig = arc_rig(3)
    difference = compare_rigs(rig.select(["cam0", "cam1"]), rig.select(["cam1", "cam2"]))
    assert (difference.only_first, difference.only_second) == (("cam0",), ("cam2",))
    assert "Only in the first rig: cam0" in difference.lines()
    with pytest.raises(InputError, match="share no camera"):
        compare_rigs(rig.select(["cam0"]), rig.select(["cam2"]))
    small = replace(rig["cam0"], width=512, height=384)
    with pytest.raises(InputError, match="Camera cam0: its image size differs: 1024 x 768 and 512 x 384"):
        compare_rigs(rig.select(["cam0"]), Rig((small,)))

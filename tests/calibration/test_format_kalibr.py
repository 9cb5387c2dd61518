"""Kalibr's camchain: a chain of relative poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from calibration.camera import Rig
from calibration.errors import InputError, UsageError
from calibration.formats import read_rig, write_rig
from tests.calibration.rigs import arc_rig, mixed_rig

EXAMPLES = Path(__file__).parent / "format_examples"


def a_rig() -> Rig:
    """Two plain cameras and a fisheye, with the four coefficients that Kalibr has."""
    plain, _, fisheye = mixed_rig()
    lens = np.append(plain.distortion[:4], 0)
    other = replace(plain, name="right", t=plain.t + 0.1, distortion=lens)
    return Rig((replace(plain, distortion=lens), fisheye, other))


def test_what_kalibr_writes_is_read() -> None:
    """Cameras are called by their topics, the first is the world, the second 11 cm to its right."""
    left, right = read_rig(EXAMPLES / "kalibr_camchain.yaml")
    assert (left.name, right.name) == ("left", "right")
    assert left.size == (640, 480)
    assert left.fisheye
    np.testing.assert_allclose(left.principal, [345.10185388, 229.48918054])
    np.testing.assert_array_equal(left.R, np.eye(3))
    np.testing.assert_allclose(right.centre, [0.1125, -0.0011, -0.0004], atol=2e-3)
    np.testing.assert_allclose(right.distortion[:4], [0.2682739, 0.75793258, -2.07086758, 2.3962971])


def test_poses_are_composed_along_the_chain(tmp_path: Path) -> None:
    """The third camera stands where the product of both steps says, not where its own step says."""
    step = np.eye(4)
    step[:3, 3] = [-0.2, 0, 0]
    turn = np.eye(4)
    turn[:3, :3] = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    fields = yaml.safe_load((EXAMPLES / "kalibr_camchain.yaml").read_text())
    chain = {f"cam{n}": fields["cam0"] | {"rostopic": f"/c{n}/image_raw"} for n in range(3)}
    chain["cam1"]["T_cn_cnm1"] = turn.tolist()
    chain["cam2"]["T_cn_cnm1"] = step.tolist()
    path = tmp_path / "chain.yaml"
    path.write_text(yaml.safe_dump(chain))
    rig = read_rig(path)
    assert rig.names == ("c0", "c1", "c2")
    np.testing.assert_allclose(rig["c2"].t, [-0.2, 0, 0])
    # 20 cm along the x axis of the second camera, which is the world's -z
    np.testing.assert_allclose(rig["c2"].centre, turn[:3, :3].T @ [0.2, 0, 0], atol=1e-12)


def test_a_rig_survives_but_for_its_world(tmp_path: Path) -> None:
    """Names, lenses and how the cameras stand to each other are kept; the first camera becomes the world."""
    rig = a_rig()
    again = read_rig(write_rig(rig, tmp_path / "chain.yaml", "kalibr"))
    first = rig.cameras[0]
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (20, 3))
    assert again.names == rig.names
    for before, after in zip(rig, again, strict=True):
        assert after.size == before.size
        np.testing.assert_array_equal(after.distortion, before.distortion)
        np.testing.assert_allclose(after.project(first.to_camera(points)), before.project(points), atol=1e-8)


def test_an_omnidirectional_camera_is_refused_by_name() -> None:
    """The example of Kalibr's wiki has an omni camera, which the error names with the file."""
    with pytest.raises(InputError, match=r"kalibr_wiki\.yaml: cam1: camera_model 'omni' is not understood"):
        read_rig(EXAMPLES / "kalibr_wiki.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("distortion_model: equidistant", "distortion_model: fov", "distortion_model 'fov'"),
        ("  T_cn_cnm1:", "  T_other:", "cam1: T_cn_cnm1 is missing"),
        ("cam1:", "cam2:", "cam1 is missing, so that the chain is broken"),
        ("cam0:", "camera:", "cam0 is missing"),
        ("resolution: [640, 480]", "resolution: 640", "the image width is missing"),
        ("[464.46660755, ", "[", "intrinsics must be 4 numbers"),
        ("0.9996465213666637", "-0.9996465213666637", "T_cn_cnm1 is not a rotation"),
        ("[0.0, 0.0, 0.0, 1.0]", "[0.0, 0.0, 0.0, 2.0]", "does not end in 0 0 0 1"),
        ("intrinsics: [464", "intrinsics: [[464", "cannot be read as YAML"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Each thing that a chain can lack is named, with the file."""
    path = tmp_path / "chain.yaml"
    path.write_text((EXAMPLES / "kalibr_camchain.yaml").read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_rig(path, "kalibr")
    assert str(path) in str(caught.value)


def test_a_lens_that_kalibr_has_not_is_written_as_the_nearest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A k3 is not dropped but spread over the others, and the log says how far off the worst place is."""
    rig = arc_rig(1)
    (before,), (after,) = rig, read_rig(write_rig(rig, tmp_path / "chain.yaml", "kalibr"))
    (message,) = caplog.messages
    assert "Camera cam0: Kalibr has not all coefficients of the lens" in message
    assert "0.0082 px off at worst" in message
    pixels = np.random.default_rng(0).uniform([0, 0], [1023, 767], (500, 2))
    rays = np.column_stack((before.normalise(pixels), np.ones(500)))
    off = np.linalg.norm(after.project(rays) - pixels, axis=1).max()
    assert 0.001 < off < 0.0083
    dropped = replace(after, distortion=before.distortion[:4])
    assert np.linalg.norm(dropped.project(rays) - pixels, axis=1).max() > 5 * off


def test_a_lens_that_is_far_from_kalibrs_is_not_written(tmp_path: Path) -> None:
    """Where no radtan lens comes near, the error says by how many pixels."""
    wild = replace(arc_rig(1).cameras[0], distortion=np.array([-0.3, 0.5, 0, 0, -30.0]))
    with pytest.raises(UsageError, match=r"Camera cam0: .*places would be \d.* px off"):
        write_rig(Rig((wild,)), tmp_path / "chain.yaml", "kalibr")


def test_kalibr_is_told_from_opencv_by_its_content(tmp_path: Path) -> None:
    """Both are .yaml; nobody has to say which it is."""
    assert read_rig(EXAMPLES / "kalibr_camchain.yaml").names == ("left", "right")
    opencv = write_rig(arc_rig().select(["cam1"]), tmp_path / "camera.yaml", "opencv")
    assert read_rig(opencv).names == ("cam1",)

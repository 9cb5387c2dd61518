"""Input that cannot be right is named and located; input that can is let alone."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from calibration.camera import Camera, Rig
from calibration.errors import InputError
from fitting.rehearsal import Rehearsal
from fitting.sanity import Findings, examine
from tests.fitting.scenes import head, scene

Array = NDArray[np.floating]


@lru_cache
def shoot(cameras: int = 5, noise: float = 2.0) -> Rehearsal:
    return scene(frames=(1001, 1002, 1003, 1004, 1005, 1006), cameras=cameras, noise=noise)


def look(
    truth: Rehearsal, *, poses_known: bool = True, rig: Rig | None = None, **changes: object
) -> Findings:
    observations = replace(truth.observations, **changes)  # type: ignore[arg-type]
    mean = observations.points.evaluate(head().mean.numpy()).astype(np.float64)
    return examine(observations, rig or truth.rig, mean, poses_known=poses_known)


def in_camera(truth: Rehearsal, index: int, camera: Camera) -> Rig:
    cameras = list(truth.rig.cameras)
    cameras[index] = camera
    return Rig(tuple(cameras), truth.rig.source)


def swapped(values: Array, first: int, second: int) -> Array:
    order = list(range(values.shape[1]))
    order[first], order[second] = second, first
    return values[:, order]


def seen_mirrored(truth: Rehearsal, *cameras: int) -> Array:
    """What a detector finds in mirrored images: it calls left what is right."""
    model, mean = head(), truth.observations.mean.copy()
    position = model.mean.numpy()
    _, other = KDTree(position).query(position[truth.observations.points.vertices[:, 0]] * (-1, 1, 1))
    for index in cameras:
        camera = truth.rig.cameras[index]
        mean[:, index] = camera.project(truth.vertices[:, other])
        mean[:, index, :, 0] = camera.width - 1 - mean[:, index, :, 0]
    return mean


@pytest.mark.parametrize("cameras", [1, 2, 3, 5, 8])
def test_good_input_raises_no_alarm(cameras: int) -> None:
    """Noise of several pixels, lenses and expressions are nothing to speak of."""
    assert look(shoot(cameras, 3.0)) == Findings()


def test_a_tenth_of_wild_landmarks_raises_no_alarm() -> None:
    """Gross outliers are the business of the robust kernel."""
    truth = shoot()
    mean = truth.observations.mean.copy()
    mean[np.random.default_rng(0).random(mean.shape[:3]) < 0.1] += 60.0
    assert look(truth, mean=mean) == Findings()


@pytest.mark.parametrize(("cameras", "pair"), [(2, (0, 1)), (3, (0, 2)), (5, (1, 2)), (5, (0, 4))])
def test_two_swapped_cameras_are_named(cameras: int, pair: tuple[int, int]) -> None:
    """Images in each other's folders are told from any other fault of the cameras."""
    truth = shoot(cameras)
    expected = f"Cameras cam{pair[0]} and cam{pair[1]}: their images or their calibrations are swapped"
    with pytest.raises(InputError, match=expected):
        look(truth, mean=swapped(truth.observations.mean, *pair))


@pytest.mark.parametrize(("cameras", "index"), [(3, 0), (5, 1), (5, 4)])
def test_a_camera_with_mirrored_images_is_named(cameras: int, index: int) -> None:
    """The fault is told to be in the images, not in the calibration."""
    truth = shoot(cameras)
    with pytest.raises(InputError, match=f"^Camera cam{index}: its images are mirrored"):
        look(truth, mean=seen_mirrored(truth, index))


def test_images_that_are_all_mirrored_are_told() -> None:
    """A whole shoot through a mirror, which is the same as a rig of a left-handed world."""
    truth = shoot(4)
    with pytest.raises(InputError, match=r"All cameras: .*images are mirrored"):
        look(truth, mean=seen_mirrored(truth, 0, 1, 2, 3))


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1000.0, r"2[12]\d\.\d+ m tall.*millimetres taken for metres"),
        (0.001, "mm tall.*metres taken for millimetres"),
        (2.54, "centimetres taken for inches"),
    ],
)
def test_cameras_in_another_unit_are_told_by_the_size_of_the_head(factor: float, words: str) -> None:
    """The factor is named, and the units that it comes from."""
    truth = shoot(3)
    scaled = Rig(tuple(replace(camera, t=factor * camera.t) for camera in truth.rig), "cameras.json")
    with pytest.raises(InputError, match=rf"^cameras\.json: .*{words}"):
        look(truth, rig=scaled)


def test_a_camera_that_was_moved_is_named_and_left_out() -> None:
    """A majority that agrees is fitted without the one that does not."""
    truth = shoot()
    camera = truth.rig.cameras[3]
    turn = Rotation.from_rotvec([0.0, 0.06, 0.0]).as_matrix()
    found = look(truth, rig=in_camera(truth, 3, replace(camera, R=turn @ camera.R, t=turn @ camera.t)))
    assert found.left_out == (3,)
    assert found.warnings[0].startswith("Camera cam3: it contradicts the others, which agree")
    assert not found.without(truth.observations).seen[:, 3].any()


def test_one_camera_in_another_unit_is_named() -> None:
    """Its translation gives it away."""
    truth = shoot()
    camera = truth.rig.cameras[2]
    found = look(truth, rig=in_camera(truth, 2, replace(camera, t=1000 * camera.t)))
    assert found.left_out == (2,)
    assert "another unit" in found.warnings[0]


def test_two_cameras_that_contradict_each_other_are_both_named() -> None:
    """Where it is not plain which one is wrong, nothing is left out in silence."""
    truth = shoot(2)
    camera = truth.rig.cameras[1]
    turn = Rotation.from_rotvec([0.15, 0.0, 0.3]).as_matrix()
    wrong = in_camera(truth, 1, replace(camera, R=turn @ camera.R))
    with pytest.raises(InputError, match="Cameras cam0, cam1: they contradict each other"):
        look(truth, rig=wrong)


def test_cameras_that_are_to_be_refined_may_contradict_each_other() -> None:
    """Finding where they stand is then the fit's own business."""
    truth = shoot()
    camera = truth.rig.cameras[3]
    turn = Rotation.from_rotvec([0.0, 0.06, 0.0]).as_matrix()
    wrong = in_camera(truth, 3, replace(camera, R=turn @ camera.R, t=turn @ camera.t))
    assert look(truth, rig=wrong, poses_known=False) == Findings()


def test_what_nobody_saw_is_told() -> None:
    """A camera that sees nothing, and frames that no camera sees."""
    truth = shoot()
    seen = truth.observations.seen.copy()
    seen[:, 1] = False
    seen[2] = False
    found = look(truth, seen=seen)
    assert found.left_out == ()
    assert [text.split(":")[0] for text in found.warnings] == ["Camera cam1", "Frames 1003"]

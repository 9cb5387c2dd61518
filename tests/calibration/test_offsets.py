"""Clocks of cameras, on rigs that are known, so that only time is to be found."""

from collections.abc import Mapping

import numpy as np
import pytest

from calibration.camera import Rig
from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, State
from calibration.from_boards.adjustment.poses import Sightings, poses_in_camera
from calibration.from_boards.clocks.late_cameras import find_late
from calibration.from_boards.clocks.offsets import Offset, Undetermined
from calibration.from_boards.clocks.timing import Timing, camera_timings
from calibration.from_boards.joint import JointFit
from calibration.from_boards.placing.sync import disagreements
from tests.calibration.boards import BOARD, Array, board_poses, see
from tests.calibration.moving_boards import Clock, see_carried
from tests.calibration.rigs import arc_rig

RIG = arc_rig(3)
FRAMES = np.arange(1001, 1051)
Seen = Mapping[str, Mapping[int, Array]]


def state_of(rig: Rig) -> State:
    """The cameras of a rig, without boards."""
    lens = np.array([[*camera.focal, *camera.principal, *camera.distortion] for camera in rig])
    return State(
        lens,
        np.zeros(len(rig), dtype=bool),
        np.array([camera.R for camera in rig]),
        np.array([camera.t for camera in rig]),
        np.zeros((0, 3, 3)),
        np.zeros((0, 3)),
    )


def sightings_of(rig: Rig, seen: Seen) -> Sightings:
    state, parts = state_of(rig), []
    for index, camera in enumerate(rig):
        frames = np.array(list(seen[camera.name]), dtype=np.int64)
        pixels = np.stack(list(seen[camera.name].values()))
        placed = poses_in_camera(state.lens[index], False, pixels, BOARD.points)
        R, t = placed.state.board_rotation, placed.state.board_translation
        parts.append(Sightings(np.full(len(frames), index), frames, pixels, R, t, placed.rms))
    return Sightings.joined(parts)


def timings(seen: Seen, off: tuple[int, int] | None = None, rig: Rig = RIG) -> list[Timing]:
    """Of a fit that found the true rig; images of cam1 from and to the frames `off` were rejected."""
    state, sightings = state_of(rig), sightings_of(rig, seen)
    agreeing = np.ones(len(sightings), dtype=bool)
    if off is not None:
        agreeing = (sightings.camera != 1) | (sightings.frame < off[0]) | (sightings.frame > off[1])
    away = disagreements(state, sightings, BOARD.points, agreeing)
    held = np.zeros((len(rig), CAMERA_SIZE, CAMERA_SIZE))
    points = BOARD.points
    joint = JointFit(
        state, points, held, np.zeros_like(points), sightings, agreeing, agreeing, sightings.rms, away
    )
    return camera_timings(joint, BOARD.points, None, 0)


def constant(frames: float) -> Clock:
    return lambda numbers: np.full(len(numbers), frames)


def test_cameras_in_sync_are_told_to_be_so_to_a_hundredth_of_a_frame() -> None:
    """A board that moves shows that the clocks agree, and how surely."""
    for timing in timings(see_carried(RIG, FRAMES, {})):
        assert isinstance(timing.rest, Offset)
        assert abs(timing.rest.frames) < 0.01
        assert timing.rest.deviation < 0.01
        assert timing.late is None


@pytest.mark.parametrize("frames", [2.0, -0.43, 1.5])
def test_an_offset_is_found_with_its_fraction(frames: float) -> None:
    """A camera that is late by whole frames or parts of one is measured; the others are not blamed for it."""
    found = timings(see_carried(RIG, FRAMES, {"cam1": constant(frames)}))
    late = found[1].late
    assert late is not None
    assert late.frames == pytest.approx(frames, abs=max(0.01, 4 * late.deviation))
    assert late.drift == 0
    assert late.before_px > 3 * late.after_px
    assert found[0].late is found[2].late is None


def test_a_stretch_out_of_sync_is_measured_by_itself() -> None:
    """Frames dropped in the middle: the stretch is named with its offset, and before it all is in sync."""
    seen = see_carried(RIG, FRAMES, {"cam1": lambda numbers: np.where(numbers > 1025, 3.0, 0.0)})
    timing = timings(seen, off=(1026, 1050))[1]
    (stretch,) = timing.stretches
    assert (stretch.first, stretch.last, stretch.rejected, stretch.images) == (1026, 1050, 25, 25)
    assert stretch.off_px[0] < stretch.off_px[1]
    assert isinstance(stretch.offset, Offset)
    assert stretch.offset.frames == pytest.approx(3.0, abs=0.01)
    assert isinstance(timing.rest, Offset)
    assert abs(timing.rest.frames) < 0.02


def test_a_drift_is_told_from_a_constant_offset() -> None:
    """A clock that runs slow loses a steady part of a frame with each frame."""
    (stretch,) = timings(
        see_carried(RIG, FRAMES, {"cam1": lambda numbers: np.maximum(0, (numbers - 1015) * 0.06)}),
        off=(1017, 1050),
    )[1].stretches
    assert isinstance(stretch.offset, Offset)
    assert stretch.offset.drift == pytest.approx(0.06, abs=0.003)
    assert stretch.offset.at(1050) == pytest.approx(2.1, abs=0.05)


def test_stills_and_boards_that_stand_still_do_not_tell_the_time() -> None:
    """What the footage cannot tell is not made up: the reason is given instead."""
    stills = {
        name: {frame * 100: c for frame, c in seen.items()}
        for name, seen in see(RIG, board_poses(12)).items()
    }
    for timing in timings(stills):
        assert isinstance(timing.rest, Undetermined)
        assert "the board was photographed every 100 frames" in timing.rest.reason
    for timing in timings(see_carried(RIG, FRAMES, {}, speed=0.0)):
        assert isinstance(timing.rest, Undetermined)
        assert "the board hardly moves" in timing.rest.reason


def test_late_cameras_are_found_before_any_camera_is_placed() -> None:
    """Offsets of whole frames, late and early, by lenses alone; most cameras are believed."""
    rig = arc_rig(4, degrees=80)
    seen = see_carried(rig, FRAMES, {"cam0": constant(-7.0), "cam2": constant(3.2)})
    backwards = np.arange(len(BOARD.points))[::-1]
    assert find_late(state_of(rig), sightings_of(rig, seen), BOARD.points, backwards) == {0: -7, 2: 3}


def test_an_image_without_a_trusted_witness_is_rejected_all_the_same() -> None:
    """Where all cameras of a frame are doubted, nobody says by how much an image is off."""
    seen = see_carried(RIG, FRAMES[:8], {})
    state, sightings = state_of(RIG), sightings_of(RIG, seen)
    agreeing = sightings.frame != 1003
    away = disagreements(state, sightings, BOARD.points, agreeing)
    assert [(one.frame, one.others) for one in away] == [(1003, ())] * 3
    assert all(np.isnan(one.off_px) for one in away)

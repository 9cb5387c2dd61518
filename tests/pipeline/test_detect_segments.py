"""Detection in segments: on one machine or many, in any order, killed at any moment: the same bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from calibration.errors import DiskError, UsageError
from pipeline import detection, segments
from pipeline.progress import silent
from pipeline.segments import Segment
from pipeline.shoot.shoot import Shoot, read_shoot
from pipeline.stages import detect
from pipeline.steps import run_step, shoot_steps
from pipeline.stores.landmark_parts import FOLDER
from pipeline.stores.landmarks import read_landmarks
from tests.pipeline.test_detect import BlobPredictor, write_shoot

SEGMENT, LAST = 8, (1017, 1020)


class StopError(Exception):
    """As a signal that is noticed between two blocks."""


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Segments of eight frames, so that a take of twenty has three; and how often the network was loaded."""
    count: list[int] = []

    def load(*args: object, **kwargs: object) -> BlobPredictor:
        count.append(1)
        return BlobPredictor()

    monkeypatch.setattr(segments, "SEGMENT", SEGMENT)
    monkeypatch.setattr(detect, "load_predictor", load)
    monkeypatch.setattr(detect, "load_head_model", lambda: None)
    return count


@pytest.fixture
def shoot(tmp_path: Path, loads: list[int]) -> Shoot:
    return write_shoot(tmp_path / "shoot")


@pytest.fixture
def whole(shoot: Shoot) -> dict[str, bytes]:
    """The files of a detection in one go; they are away when the test begins."""
    detect.main(shoot)
    return taken_away(shoot)


def files(shoot: Shoot) -> dict[str, bytes]:
    """All that lies in the folder of the landmarks."""
    folder = shoot.landmarks_folder
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def taken_away(shoot: Shoot) -> dict[str, bytes]:
    """The files of the landmarks, which are away then."""
    content = files(shoot)
    for name in shoot.camera_names:
        shoot.landmark_file(name).unlink()
    return content


def stop_after(frames: int) -> Callable[[int, int, str], None]:
    def stop(done: int, total: int, label: str) -> None:
        if done >= frames:
            raise StopError

    return stop


def test_a_take_is_cut_by_its_positions_and_a_short_rest_goes_with_the_last() -> None:
    """The cuts follow from the number of frames alone; none is shorter than half a segment."""
    assert segments.segments(100) == (Segment(0, 100),)
    assert segments.segments(359) == (Segment(0, 359),)
    assert segments.segments(360) == (Segment(0, 240), Segment(240, 360))
    assert [len(each) for each in segments.segments(1199)] == [240, 240, 240, 240, 239]
    assert sum(map(len, segments.segments(12345))) == 12345


def test_lanes_are_whole_blocks_that_cover_a_segment() -> None:
    """Each lane is long enough for its own search; a processor has one, and many cameras fill a GPU alone."""
    assert Segment(240, 480).with_lanes(4).stretches == ((0, 64), (64, 128), (128, 192), (192, 240))
    assert Segment(0, 100).with_lanes(4).stretches == ((0, 100),)
    assert [segments.lanes_for("cuda", cameras) for cameras in (1, 4, 5, 8, 17)] == [4, 4, 3, 2, 1]
    assert segments.lanes_for("cpu", 1) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_chunks_in_any_order_come_to_the_bytes_of_one_go(
    shoot: Shoot, whole: dict[str, bytes], loads: list[int], order: tuple[int, ...]
) -> None:
    """Putting them together looks at no image, loads no network, and leaves nothing else behind."""
    ranges = detect.chunks(shoot)
    assert ranges == ("1001-1008", "1009-1016", "1017-1020")
    for index in order:
        detect.chunk(shoot, ranges[index])
    assert not any(shoot.landmark_file(name).exists() for name in shoot.camera_names)
    loads.clear()
    done = run_step(read_shoot(shoot.file), "detect")
    assert done.worked
    assert loads == []
    assert files(shoot) == whole
    assert not run_step(shoot, "detect").worked


@pytest.mark.parametrize("size", [1, 3, 5, 8, 11, 50])
def test_any_partition_of_the_frames_does_each_segment_once(
    shoot: Shoot, whole: dict[str, bytes], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever chunk size a farm manager likes, past the end of the take too."""
    begun: list[int] = []
    plain = detection.detect_segment

    def counting(looked: object, segment: Segment, *rest: object) -> None:
        begun.append(segment.start)
        plain(looked, segment, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(detect, "detect_segment", counting)
    for first in range(1001, 1041, size):
        detect.chunk(shoot, f"{first}-{first + size - 1}")
    assert begun == [0, 8, 16]
    detect.main(shoot)
    assert begun == [0, 8, 16]
    assert files(shoot) == whole


def test_a_chunk_in_which_nothing_begins_is_a_warning(
    shoot: Shoot, loads: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Between two beginnings and past the end there is nothing to do; what is no range is refused."""
    for frames in ("1002-1007", "1021-1100"):
        caplog.clear()
        assert not run_step(shoot, "detect", frames).worked
        assert f"no segment begins in the frames {frames}" in caplog.text
    assert loads == []
    detect.chunk(shoot, "1017-1040")
    assert "the take has no frames 1021-1040" in caplog.text
    with pytest.raises(UsageError, match="not a frame range"):
        detect.chunk(shoot, "soon")


def test_a_chunk_that_is_done_is_not_done_again(shoot: Shoot, loads: list[int]) -> None:
    """Neither as a part nor when the whole is there."""
    assert run_step(shoot, "detect", "1009-1016").worked
    loads.clear()
    assert not run_step(shoot, "detect", "1009-1016").worked
    detect.main(shoot)
    loads.clear()
    assert not run_step(shoot, "detect", "1001-1020").worked
    assert loads == []


def test_a_segment_knows_nothing_of_what_was_before_it(shoot: Shoot, whole: dict[str, bytes]) -> None:
    """Its landmarks are those of a take that has these frames alone."""
    detect.main(shoot)
    alone = shoot.with_changes(shoot={"frames": "1009-1016", "output": "alone"})
    detect.main(alone)
    for name in shoot.camera_names:
        part, full = read_landmarks(alone.landmark_file(name)), read_landmarks(shoot.landmark_file(name))
        np.testing.assert_array_equal(part.rows.mean, full.rows.mean[8:16])
        np.testing.assert_array_equal(part.rows.region, full.rows.region[8:16])


def test_a_stopped_chunk_goes_on_where_it_was(shoot: Shoot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second segment of a chunk was begun; its first block is not done again."""
    monkeypatch.setattr(detection, "BLOCK", 4)
    detect.main(shoot)
    expected = taken_away(shoot)
    with pytest.raises(StopError):
        detect.chunk(shoot, "1001-1016", stop_after(12))
    done: list[int] = []
    detect.chunk(shoot, "1001-1016", lambda at, total, label: done.append(at))
    assert done == [12, 16]
    detect.main(shoot)
    assert files(shoot) == expected


def test_half_a_chunk_is_put_together_too(
    tmp_path: Path, loads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A farm was stopped in the middle of a segment: the rest is done on one machine, from there on."""
    monkeypatch.setattr(segments, "SEGMENT", 40)
    shoot = write_shoot(tmp_path / "shoot")
    detect.main(shoot)
    expected = taken_away(shoot)
    with pytest.raises(StopError):
        detect.chunk(shoot, "1001", stop_after(8))
    done: list[int] = []
    detect.main(shoot, progress=lambda at, total, label: done.append(at))
    assert done == [8, 8, 16, 20]
    assert files(shoot) == expected


def test_a_chunk_takes_over_what_a_whole_detection_had_done(shoot: Shoot, whole: dict[str, bytes]) -> None:
    """A run on one machine was stopped and goes on on a farm."""
    with pytest.raises(StopError):
        detect.main(shoot, progress=stop_after(8))
    assert not run_step(shoot, "detect", "1001-1008").worked
    detect.chunk(shoot, "1009-1020")
    detect.main(shoot)
    assert files(shoot) == whole


@pytest.mark.parametrize("step", [1, 2, 3])
def test_being_stopped_while_parts_are_put_together_loses_nothing(
    shoot: Shoot, whole: dict[str, bytes], loads: list[int], step: int
) -> None:
    """The parts stay until the whole is there."""
    detect.chunk(shoot, "1001-1020")
    loads.clear()
    with pytest.raises(StopError):
        detect.main(shoot, progress=stop_after(min(20, 8 * step)))
    detect.main(shoot)
    assert loads == []
    assert files(shoot) == whole


def test_parts_that_were_left_beside_a_whole_result_are_removed(
    shoot: Shoot, whole: dict[str, bytes]
) -> None:
    """As after a kill between the last file's name and the end."""
    detect.main(shoot)
    (shoot.landmarks_folder / FOLDER / "1001-1008").mkdir(parents=True)
    assert not run_step(shoot, "detect").worked
    assert files(shoot) == whole
    assert not (shoot.landmarks_folder / FOLDER).exists()


def test_a_damaged_part_is_made_again(
    shoot: Shoot, whole: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """It is told; the other cameras' parts, and other segments, are not done again."""
    detect.chunk(shoot, "1001-1020")
    part = shoot.landmarks_folder / FOLDER / "1009-1016" / "right.h5"
    os.truncate(part, part.stat().st_size // 2)
    caplog.clear()
    done: list[int] = []
    detect.main(shoot, progress=lambda at, total, label: done.append(at))
    assert "right.h5" in caplog.text
    assert "made again" in caplog.text
    assert done == [8, 8, 12, 12, 20]
    assert files(shoot) == whole


def test_parts_of_other_settings_are_neither_used_nor_kept(shoot: Shoot, whole: dict[str, bytes]) -> None:
    """The face that is meant was changed after some chunks were done."""
    detect.chunk(shoot.with_changes(detect={"face": "central"}), "1001-1016")
    done: list[int] = []
    detect.main(shoot, progress=lambda at, total, label: done.append(at))
    assert done[0] == 0
    assert files(shoot) == whole


def test_a_full_disk_in_a_chunk_is_told_and_the_chunk_goes_on_later(
    shoot: Shoot, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written before stays."""
    detect.chunk(shoot, "1001-1008")
    plain = h5py.File.flush

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "flush", full)
    with pytest.raises(DiskError, match="The disk is full"):
        detect.chunk(shoot, "1009-1020")
    monkeypatch.setattr(h5py.File, "flush", plain)
    detect.chunk(shoot, "1009-1020")
    detect.main(shoot)
    assert files(shoot) == whole


def test_lanes_side_by_side_give_what_they_give_one_by_one(
    tmp_path: Path, loads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that looks at several stretches at once finds what segments of that length have; killed, too."""
    shoot = write_shoot(tmp_path / "shoot")
    monkeypatch.setattr(segments, "LEAST_LANE", 4)
    monkeypatch.setattr(segments, "SEGMENT", 12)
    single = shoot.with_changes(shoot={"frames": "1001-1016", "output": "single"})
    monkeypatch.setattr(segments, "SEGMENT", 8)
    detect.main(single)
    monkeypatch.setattr(segments, "SEGMENT", 40)
    monkeypatch.setattr(detect, "lanes_for", lambda device, cameras: 2)
    monkeypatch.setattr(detection, "BLOCK", 4)
    lanes = single.with_changes(shoot={"output": "lanes"})
    with pytest.raises(StopError):
        detect.main(lanes, progress=stop_after(8))
    detect.main(lanes)
    for name in shoot.camera_names:
        one, other = (read_landmarks(each.landmark_file(name)) for each in (single, lanes))
        np.testing.assert_array_equal(one.rows.mean, other.rows.mean)
        np.testing.assert_array_equal(one.rows.status, other.rows.status)


def test_the_steps_of_a_long_take_have_its_chunks(shoot: Shoot) -> None:
    """Each needs the cameras, and the detection as a whole needs them all; a short take has none."""
    steps = {step.name: step for step in shoot_steps(shoot)}
    assert steps["detect 1009-1016"].needs == ("calibrate",)
    assert steps["detect"].needs == ("detect 1001-1008", "detect 1009-1016", "detect 1017-1020")
    short = shoot.with_changes(shoot={"frames": "1001-1008"})
    assert {step.name: step for step in shoot_steps(short)}["detect"].needs == ("calibrate",)
    detect.chunk(short, "1001", silent)
    detect.main(short)


def test_a_head_that_jumps_is_told(shoot: Shoot, caplog: pytest.LogCaptureFixture) -> None:
    """A segment that follows somebody else than the one before shows at its first frame; a walk does not."""
    detect.main(shoot)
    assert "far from where it was" not in caplog.text
    for frame in range(1009, 1021):
        file = str(shoot.root / "left" / f"left.{frame}.png")
        cv2.imwrite(file, np.roll(np.asarray(cv2.imread(file)), -34, axis=0))
    detect.main(read_shoot(shoot.file))
    assert "camera left: the head is far from where it was a frame before" in caplog.text
    assert "somebody else): 1009" in caplog.text


@pytest.mark.slow
def test_the_released_network_gives_the_same_bytes_by_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums that are taken in another order differ in their last bits: batches must be formed the same way."""
    images = Path(__file__).parents[2].parent / "shared" / "shoots" / "rig8_a" / "images"
    if not images.is_dir():
        pytest.skip("the rendered shoot rig8_a is not here")
    monkeypatch.setattr(segments, "SEGMENT", 6)
    monkeypatch.setattr(detection, "BLOCK", 3)
    file = tmp_path / "shoot.toml"
    file.write_text(
        f'[shoot]\nframes = "1001-1012"\n[cameras.a]\nimages = "{images / "cam03"}"\n'
        f'[cameras.b]\nimages = "{images / "cam05"}"\n'
        '[detect]\nweights = "face-small"\ndevice = "cpu"\nlayout = "ibug68"\n'
    )
    shoot = read_shoot(file)
    detect.main(shoot)
    for name in shoot.camera_names:
        assert read_landmarks(shoot.landmark_file(name)).seen.all()
    expected = taken_away(shoot)
    with pytest.raises(StopError):
        detect.chunk(shoot, "1007-1012", stop_after(3))
    detect.chunk(shoot, "1001-1012")
    detect.main(shoot)
    assert files(shoot) == expected

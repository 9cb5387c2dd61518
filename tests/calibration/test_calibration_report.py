"""What a person is told about a board calibration: facts, a verdict, and what to do next."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from calibration.camera import Rig
from calibration.compare import compare_rigs
from calibration.from_boards.calibrate import BoardOptions, calibrate_board
from calibration.from_boards.clocks.between_frames import earlier
from calibration.from_boards.judgement.clock_reasons import renumbering
from calibration.from_boards.judgement.coverage import coverage, in_few_words
from calibration.from_boards.judgement.evidence import gather
from calibration.from_boards.judgement.facts import Facts, find_facts
from calibration.from_boards.judgement.links import links
from calibration.from_boards.judgement.reasons import Grade
from calibration.from_boards.judgement.report import report_data, report_lines
from calibration.from_boards.judgement.verdict import CameraVerdict, RigVerdict, judge, judge_camera
from tests.calibration.boards import BOARD, Array, board_poses, see, sizes
from tests.calibration.moving_boards import see_carried
from tests.calibration.rigs import arc_rig

Corners = Mapping[str, Mapping[int, Array]]


def judged(rig: Rig, corners: Corners) -> tuple[Facts, RigVerdict]:
    facts = find_facts(calibrate_board(corners, sizes(rig), BOARD, options=BoardOptions(refine_board=None)))
    return facts, judge(facts)


@pytest.fixture(scope="module")
def good() -> tuple[Facts, RigVerdict]:
    """Three cameras that saw forty boards all over their images."""
    rig = arc_rig(3)
    R, t = board_poses(40)
    return judged(rig, see(rig, (R, t * [3.0, 2.4, 1.5])))


def codes(verdict: CameraVerdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_a_good_calibration_is_called_good(good: tuple[Facts, RigVerdict]) -> None:
    """Nothing speaks against a rig whose images say enough."""
    _, verdict = good
    assert verdict.grade is Grade.GOOD, [camera.reasons for camera in verdict.cameras]
    assert verdict.sentence == "Good: use it."


def test_held_out_boards_are_a_little_worse_than_those_that_were_used(good: tuple[Facts, RigVerdict]) -> None:
    """The error on boards that were left out is near the noise of 0.1 px a coordinate, and not below it."""
    for camera in good[0].cameras:
        assert camera.held_out is not None
        assert 1.0 <= camera.held_out.ratio < 1.3
        assert camera.held_out.held_out_px == pytest.approx(0.1 * np.sqrt(2), rel=0.15)


def test_a_lens_from_few_boards_is_unsure(good: tuple[Facts, RigVerdict]) -> None:
    """With a handful of boards, what the lens may be wrong by grows, and more images are asked for."""
    rig = arc_rig(1)
    few, verdict = judged(rig, see(rig, board_poses(7, seed=3)))
    held_out = few.cameras[0].held_out
    assert held_out is not None
    assert held_out.ratio > 1.0
    assert few.cameras[0].lens_px > 3 * good[0].cameras[0].lens_px
    assert "images" in codes(verdict.cameras[0])


def test_the_evidence_projects_onto_the_corners(good: tuple[Facts, RigVerdict]) -> None:
    """Board poses, in the camera's axes and in the world, lead through the camera to what it saw."""
    evidence = good[0].evidence
    for index, (name, seen) in enumerate(evidence.cameras.items()):
        camera = good[0].calibration.rig[name]
        row = int(np.flatnonzero(seen.shared)[0])
        board = int(np.flatnonzero(evidence.frames == seen.frames[row])[0])
        assert evidence.cameras_at[board, index]
        world = evidence.points @ evidence.R[board].T + evidence.t[board]
        np.testing.assert_allclose(camera.project(world) - seen.pixels[row], seen.residuals[row], atol=1e-6)
        assert 0.5 < seen.distances[row] < 1.6
        assert 0 <= seen.tilts[row] < 90


def test_coverage_names_the_empty_parts_of_the_image() -> None:
    """Corners in the upper left only leave the rest of the image to be filmed, said in few words."""
    x, y = np.meshgrid(np.linspace(10, 320, 40), np.linspace(10, 240, 40))
    found = coverage((1024, 768), np.stack((x.ravel(), y.ravel()), axis=-1))
    assert found.share == pytest.approx(1 / 9)
    assert found.regions["upper left"] == 1.0
    assert in_few_words(found.empty) == ("lower part", "right side", "upper middle", "middle left", "centre")


def test_a_board_in_one_part_of_the_image_asks_for_more_where_it_was_not() -> None:
    """The advice names the part of the image, as a person sees it."""
    rig = arc_rig(1)
    R, t = board_poses(20)
    _, verdict = judged(rig, see(rig, (R, t * 0.3 + [-0.13, 0.08, 0.0])))
    reason = next(r for r in verdict.cameras[0].reasons if r.code == "coverage")
    assert "lower part" in reason.fix
    assert "right side" in reason.fix
    assert "more images with the board in the" in reason.fix


def test_boards_that_are_hardly_tilted_leave_the_focal_length_unsure() -> None:
    """It is said how unsure, why, and how the board is to be held."""
    rig = arc_rig(1)
    R, t = board_poses(14)
    flat = R[0] * 0 + np.diag([1.0, -1.0, -1.0])
    turned = np.array([flat + 0.12 * (turn - flat) for turn in R])
    u, _, vh = np.linalg.svd(turned)
    _, verdict = judged(rig, see(rig, (u @ vh, t)))
    reason = next(r for r in verdict.cameras[0].reasons if r.code == "focal")
    assert "the boards face it, tilted by" in reason.what
    assert "tilted by 30 to 45 degrees" in reason.fix


def test_a_camera_that_hangs_on_few_boards_is_named_with_the_way_it_hangs() -> None:
    """The firmest chain counts, and its weakest step is what is to be filmed again."""
    at = np.zeros((30, 3), dtype=bool)
    at[:20, :2] = True
    at[20:24, 1:] = True
    at[24:26, [0, 2]] = True
    found = links(["a", "b", "c"], at, "a")
    assert found["b"].boards == 20
    assert found["c"].chain == ("c", "b", "a")
    assert (found["c"].boards, found["c"].weakest) == (4, ("c", "b"))


def test_each_reason_has_what_and_what_to_do(good: tuple[Facts, RigVerdict]) -> None:
    """Residual, weak link and a principal point far off are told, the gravest first."""
    camera = good[0].cameras[1]
    K = camera.camera.K.copy()
    K[0, 2] += 120
    bad = replace(
        camera,
        residual_px=2.0,
        link=replace(camera.link, chain=("cam1", "cam2", "cam0"), boards=5, weakest=("cam2", "cam0")),
        camera=replace(camera.camera, K=K),
    )
    verdict = judge_camera(bad)
    assert verdict.grade is Grade.REDO
    assert codes(verdict)[0] == "residual"
    assert {"link", "principal point"} <= set(codes(verdict))
    link = next(r for r in verdict.reasons if r.code == "link")
    assert "5 boards that cam2 and cam0 saw at once, by way of cam2" in link.what
    assert all(reason.fix for reason in verdict.reasons)


@pytest.mark.slow
def test_a_camera_that_is_late_is_calibrated_as_if_it_were_in_time() -> None:
    """A constant delay, with a fraction, does not spoil the calibration; the report says what to do."""
    rig, late = arc_rig(3), 2.4
    corners = see_carried(rig, np.arange(1001, 1031), {"cam2": lambda numbers: np.full(len(numbers), late)})
    facts, verdict = judged(rig, corners)
    assert facts.calibration.late == {"cam2": pytest.approx(late, abs=0.03)}
    assert not facts.calibration.rejected
    assert compare_rigs(rig, facts.calibration.rig).worst.effect_px < 3
    reason = next(r for r in verdict["cam2"].reasons if r.code == "late")
    assert f"it runs {late:.1f}" in reason.what
    assert "Rename its images by -2 (1001 becomes 999)" in reason.fix
    assert "needs genlock" in reason.fix
    assert "genlock" not in renumbering(2.0)


def test_corners_between_frames_follow_the_motion() -> None:
    """Between two images of a board that turns round, corners lie on its curve, however it is listed."""
    angles = np.arange(8) * 0.2
    middle, arms = np.array([400.0, 300.0]), np.array([[90.0, 0.0], [-90.0, 0.0]])

    def board(angle: float) -> Array:
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray(middle + arms @ turn.T + angle * 10)

    frames: dict[int, Array | None] = {1001 + k: board(angle) for k, angle in enumerate(angles)}
    listed = {frame: c if frame % 3 else c[::-1] for frame, c in frames.items() if c is not None}
    for seen, turned in ((frames, None), (listed, np.array([1, 0]))):
        moved = earlier({"a": seen}, {"a": 2.5}, turned)["a"]
        assert list(moved) == list(range(999, 1006))
        inner = moved[1001]
        assert inner is not None
        expected = board(0.2 * 2.5)
        off = min(np.abs(inner - each).max() for each in (expected, expected[::-1]))
        assert off < 0.2
    whole = earlier({"a": frames}, {"a": 2}, None)["a"]
    assert whole[999] is frames[1001]
    frames[1004] = None
    assert earlier({"a": frames}, {"a": 0.5}, None)["a"][1003] is None


def test_a_stretch_out_of_sync_is_told_as_one() -> None:
    """Images in a row are one stretch, with its first and last frame, and not a list of images."""
    rig = arc_rig(3)
    R, t = board_poses(20)
    corners = see(rig, (R, t))
    late = see(rig, (R, t + np.array([0.004, -0.002, 0.001])))["cam0"]
    drifted = [frame for frame in corners["cam0"] if frame > 1012]
    corners["cam0"] = {f: late[f] if f in drifted else c for f, c in corners["cam0"].items()}
    facts, verdict = judged(rig, corners)
    reason = next(r for r in verdict["cam0"].reasons if r.code == "sync")
    assert f"from {drifted[0]} to {drifted[-1]} ({len(drifted)} of {len(drifted)} images" in reason.what
    lines = "\n".join(report_lines(facts, verdict))
    assert f"Rejected images: {len(drifted)}" in lines
    assert "out of sync" in lines


def test_the_report_is_a_table_and_numbers_for_programs(good: tuple[Facts, RigVerdict]) -> None:
    """Every camera has a row, and all that is said is in the JSON too."""
    lines = report_lines(*good)
    assert sum(line.startswith(f"cam{index} ") for index in range(3) for line in lines) >= 3
    data = json.loads(json.dumps(report_data(*good), allow_nan=False))
    assert data["verdict"]["grade"] == "good"
    assert set(data["cameras"]) == {"cam0", "cam1", "cam2"}
    assert len(data["cameras"]["cam0"]["distortion"]) == len(data["cameras"]["cam0"]["distortion_deviation"])


def test_the_evidence_of_one_camera_alone_is_complete() -> None:
    """A rig of one camera shares no boards; it still has images, tilts and a verdict."""
    rig = arc_rig(1)
    facts, verdict = judged(rig, see(rig, board_poses(15)))
    assert len(gather(facts.calibration).frames) == 0
    assert "link" not in codes(verdict.cameras[0])

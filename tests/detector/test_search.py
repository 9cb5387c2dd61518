"""Finding heads in images, with a network that is always right about white discs."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.errors import UsageError
from detector.faces import CHOICES, Choice, Face, choose, distinct, overlaps
from detector.region import HEAD_SIZE
from detector.search import SearchOptions, search, windows
from tests.detector.oracle import disc_image, disc_region, oracle_predictor


@pytest.mark.parametrize(("centre", "scale"), [((300.0, 500.0), 2400.0), ((1500.0, 300.0), 900.0)])
def test_search_finds_a_head_of_any_size(centre: tuple[float, float], scale: float) -> None:
    """Small or large, near a border or not."""
    found = search(oracle_predictor(), disc_image(centre, scale, (1920, 1080)))
    assert found.region is not None
    np.testing.assert_allclose(found.region[:3], disc_region(centre, scale), atol=0.02 * scale * HEAD_SIZE)


TWO = ((420.0, 300.0), 1000.0, (1280, 720), (1000.0, 400.0, 800.0))
"""A head, a smaller one to the right."""


def test_all_faces_of_an_image_are_told() -> None:
    """Two faces are two results, each where it is."""
    faces = search(oracle_predictor(), disc_image(*TWO)).faces
    left, right = sorted(faces, key=lambda face: float(face.region[0]))
    np.testing.assert_allclose(left.region[:3], disc_region((420, 300), 1000), atol=6)
    np.testing.assert_allclose(right.region[:3], disc_region((1000, 400), 800), atol=6)


@pytest.mark.parametrize(("near", "expected"), [(None, 420.0), ((990.0, 380.0, 200.0, 0.0), 1000.0)])
def test_the_choice_between_two_faces_is_told(near: tuple[float, ...] | None, expected: float) -> None:
    """The largest, or that nearest to where the head was a moment ago; and a remark says so."""
    last = None if near is None else np.array(near, np.float32)
    found = search(oracle_predictor(), disc_image(*TWO), near=last)
    assert found.region is not None
    assert found.region[0] == pytest.approx(expected, abs=6)
    assert found.remark.startswith("2 faces, the ")
    assert len(found.faces) == 2


def test_one_face_needs_no_remark() -> None:
    """Nothing is said where there was nothing to choose."""
    assert search(oracle_predictor(), disc_image((500.0, 300.0), 900.0, (1000, 700))).remark == ""


@pytest.mark.parametrize(("choice", "expected"), [("largest", 1), ("central", 2), ("surest", 0)])
def test_faces_are_chosen_as_asked(choice: Choice, expected: int) -> None:
    """By size against distance from the middle, by distance alone, or by uncertainty."""
    rows = [((80, 90, 150), 0.02), ((420, 300, 300), 0.04), ((520, 300, 100), 0.06)]
    faces = [Face(np.array([*region, 0], np.float32), u, 0.0) for region, u in rows]
    assert choose(faces, (600, 1000, 3), choice) is faces[expected]


def test_a_face_cut_by_the_border_does_not_beat_one_in_the_middle() -> None:
    """A bystander who is a little nearer to the camera is not the actor."""
    actor, bystander = ((500, 300, 300, 0), (60, 80, 340, 0))
    faces = [Face(np.array(region, np.float32), 0.03, 0.0) for region in (bystander, actor)]
    assert choose(faces, (600, 1000, 3), "largest") is faces[1]


def test_an_unknown_choice_names_the_known_ones() -> None:
    """The message says what could be asked for."""
    face = Face(np.zeros(4, np.float32), 0.1, 0.0)
    with pytest.raises(UsageError, match=", ".join(CHOICES)):
        choose([face], (10, 10, 3), "best")  # type: ignore[arg-type]


def test_regions_of_one_head_are_one_face_and_those_of_neighbours_are_two() -> None:
    """Non-maximum suppression keeps the surest of each head, also where one region lies in another."""
    regions = np.array([[100, 100, 80], [104, 98, 84], [100, 100, 40], [150, 100, 80]], np.float32)
    assert distinct(regions, np.array([0.04, 0.03, 0.05, 0.06]), 9).tolist() == [1, 3]
    assert distinct(regions, np.array([0.04, 0.03, 0.05, 0.06]), 1).tolist() == [1]
    assert overlaps(regions[:1], regions[3:])[0, 0] == pytest.approx(30 / 80)


def test_a_face_at_the_border_is_found() -> None:
    """Part of the disc is outside the image; its middle and size are still told."""
    found = search(oracle_predictor(), disc_image((70.0, 300.0), 900.0, (1000, 700)))
    assert found.region is not None
    assert np.abs(found.region[:2] - [70, 300]).max() < 25


def test_an_empty_image_has_no_face_and_a_reason() -> None:
    """No face is an answer, not an error."""
    found = search(oracle_predictor(), np.zeros((300, 400, 3), np.uint8))
    assert found.region is None
    assert "sure enough" in found.reason


def test_confident_nonsense_is_not_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sure window whose landmarks frame something else is refused."""
    monkeypatch.setattr("tests.detector.oracle.UNSURE", 0.001)
    monkeypatch.setattr("tests.detector.oracle.SURE", 0.001)
    found = search(oracle_predictor(), np.zeros((300, 400, 3), np.uint8))
    assert found.region is None
    assert "own landmarks" in found.reason


def test_windows_cover_the_image() -> None:
    """Every place is within half a stride of a window's centre."""
    options = SearchOptions()
    grid = windows((480, 640), 160.0, options)
    assert grid[:, 0].min() <= 40
    assert grid[:, 0].max() >= 600
    assert np.diff(np.unique(grid[:, 0])).max() <= options.stride * 160 + 1e-3

"""Heads of the synthetic engine wear expressions that were captured (W22 section 4.3.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calibration.errors import InputError
from detector.synthetic.expression_library import ExpressionLibrary, mirrored_name
from detector.synthetic.eyelids import CLOSED, lid_gaps, shut_share
from detector.synthetic.performer import captured_expression, draw_performer, eye_rotation
from fitting.arkit import ARKIT_SHAPES, arkit_places
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


def library(gaze: tuple[float, float] = (0.0, 0.0), **weights: float) -> ExpressionLibrary:
    """One captured expression."""
    expression = np.zeros((1, len(ARKIT_SHAPES)), np.float32)
    for name, value in weights.items():
        expression[0, ARKIT_SHAPES.index(name)] = value
    eye = eye_rotation(np.array(gaze))
    return ExpressionLibrary(ARKIT_SHAPES, expression, np.array([[eye, eye]], np.float32))


def test_the_names_of_arkit_are_those_of_our_head(model: HeadModel) -> None:
    """All 52, so that a library of names fits the model."""
    assert arkit_places(model.expression_names) == {
        name: [model.expression_names.index(name)] for name in ARKIT_SHAPES
    }


def test_about_half_of_the_heads_wear_a_captured_expression(model: HeadModel) -> None:
    """An expression that no mood has comes up as often as the library's share says, and else not at all."""
    odd = library(cheekPuff=0.9, jawLeft=0.6, noseSneerLeft=0.0, mouthRollUpper=0.7)
    column = model.expression_names.index
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_performer(model, rng, odd).expression for _ in range(120)])
    worn = (drawn[:, column("cheekPuff")] > 0.5) & (drawn[:, column("mouthRollUpper")] > 0.4)
    assert 0.35 < worn.mean() < 0.65
    left, right = drawn[worn, column("jawLeft")] > 0.3, drawn[worn, column("jawRight")] > 0.3
    assert np.all(left != right)
    assert 0.25 < left.mean() < 0.75


def test_a_drawn_moment_is_near_the_captured_one() -> None:
    """A little stronger or weaker, and nothing moves that did not."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        weights = library(jawOpen=0.8, mouthFunnel=0.4).draw(rng).weights
        assert {name for name, value in weights.items() if value > 0} == {"jawOpen", "mouthFunnel"}
        assert weights["jawOpen"] == pytest.approx(0.8, abs=0.35)


def test_a_mirrored_moment_looks_to_the_other_side() -> None:
    """Weights of the left are those of the right, and the yaw of the gaze has the other sign."""
    rng = np.random.default_rng(2)
    moments = [library((0.3, 0.1), eyeBlinkLeft=0.8, mouthLeft=0.5).draw(rng) for _ in range(40)]
    sides = [moment.weights["eyeBlinkLeft"] > moment.weights["eyeBlinkRight"] for moment in moments]
    assert 8 < sum(sides) < 32
    for as_captured, moment in zip(sides, moments, strict=True):
        assert moment.gaze[0] * (1 if as_captured else -1) == pytest.approx(0.3, abs=0.15)
        assert moment.gaze[1] == pytest.approx(0.1, abs=0.15)
        assert (moment.weights["mouthLeft"] > 0) == as_captured
    assert [mirrored_name(name) for name in ("jawLeft", "jawRight", "jawOpen")] == [
        "jawRight",
        "jawLeft",
        "jawOpen",
    ]


def test_the_eyes_look_where_the_captured_ones_did(model: HeadModel) -> None:
    """The pose of the eyes, and lids that follow them."""
    rng = np.random.default_rng(3)
    down = library((0.0, 0.4), mouthRollUpper=0.9, cheekPuff=0.9)
    people = [draw_performer(model, rng, down) for _ in range(30)]
    worn = [p for p in people if p.expression[model.expression_names.index("cheekPuff")] > 0.5]
    assert worn
    for person in worn:
        pitch = Rotation.from_rotvec(person.pose[6:9]).as_euler("YXZ")[1]
        assert pitch == pytest.approx(0.4, abs=0.15)
        assert person.expression[model.expression_names.index("eyeLookDownLeft")] > 0.5


def test_a_captured_wink_shuts_one_eye_of_anybody(model: HeadModel) -> None:
    """How far an eye was shut is kept, and not the weight that shut it on another face."""
    moment = library(eyeBlinkLeft=0.0).draw(np.random.default_rng(0))
    wink = captured_expression(model.expression_names, moment)
    assert shut_share(model, wink).max() == 0.0
    wink[model.expression_names.index("eyeBlinkRight")] = 1.0
    shut = shut_share(model, wink)
    assert shut[1] > 0.9
    assert shut[0] < 0.05
    rng, gaps = np.random.default_rng(5), lid_gaps(model)
    people = [draw_performer(model, rng, library(eyeBlinkRight=1.0, cheekPuff=0.9)) for _ in range(40)]
    worn = [p for p in people if p.expression[model.expression_names.index("cheekPuff")] > 0.5]
    for person in worn:
        left, right = sorted(gaps(person.identity, person.expression), reverse=True)
        assert right < CLOSED + 2e-3
        assert left > 3e-3


def test_without_a_library_nothing_changes(model: HeadModel) -> None:
    """A seed gives the person that it always gave."""
    first, second = (
        draw_performer(model, np.random.default_rng(7), *extra).expression for extra in ((), (None,))
    )
    np.testing.assert_array_equal(first, second)


def test_an_archive_comes_back_and_what_is_none_is_told(tmp_path: Path) -> None:
    """Missing, damaged, empty or of another shape: the file is named."""
    path = tmp_path / "library.npz"
    arrays: dict[str, Any] = library(jawOpen=0.5).arrays()
    np.savez(path, **arrays)
    assert ExpressionLibrary.read(path).expression[0, ARKIT_SHAPES.index("jawOpen")] == np.float32(0.5)
    path.write_bytes(path.read_bytes()[:300])
    for wrong in (path, tmp_path / "absent.npz"):
        with pytest.raises(InputError, match=f"{wrong.name}: This is no library of expressions"):
            ExpressionLibrary.read(wrong)
    np.savez(path, names=np.array(["jawOpen"]), expression=np.zeros((0, 1)), eyes=np.zeros((0, 2, 3)))
    with pytest.raises(InputError, match="empty or damaged"):
        ExpressionLibrary.read(path)

import numpy as np
import pytest

from detector.synthetic.expression_lines import ExpressionFolds, draw_lines
from detector.synthetic.eye_shade import between_lids
from detector.synthetic.texture_maps import skin_maps
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def folds(model: HeadModel) -> ExpressionFolds:
    return ExpressionFolds(model, model.assets.mean)


def weights(model: HeadModel, **acts: float) -> np.ndarray:
    return np.array([acts.get(name, 0.0) for name in model.expression_names])


def test_a_face_at_rest_has_no_lines_and_no_swelling(model: HeadModel, folds: ExpressionFolds) -> None:
    """Without an expression nothing folds and nothing moves."""
    rest = weights(model)
    assert folds.depth(rest).max() == 0.0
    assert np.abs(folds.swell(rest)).max() == 0.0


def test_a_smile_folds_its_own_side(model: HeadModel, folds: ExpressionFolds) -> None:
    """The left corner of the mouth deepens the left fold and lifts the left cheek; the right side rests."""
    smile = weights(model, mouthSmileLeft=1.0, cheekSquintLeft=0.6)
    x, y, _ = model.assets.mean.T
    cheeks = (y < -0.03) & (y > -0.08)
    left, right = cheeks & (x > 0.015), cheeks & (x < -0.015)
    assert folds.depth(smile)[left].max() > 0.5
    assert folds.depth(smile)[right].max() < 0.01
    assert 0.001 < folds.swell(smile)[left].max() < 0.006
    assert np.abs(folds.swell(smile)[right]).max() < 1e-4


def test_raised_brows_line_the_forehead_only(model: HeadModel, folds: ExpressionFolds) -> None:
    """Brows that rise leave the cheeks smooth, and nothing inside the head moves with the flesh."""
    raised = folds.depth(weights(model, browInnerUp=1.0, browOuterUpLeft=1.0, browOuterUpRight=1.0))
    height = model.assets.mean[:, 1]
    assert raised[height > 0.03].max() > 0.6
    assert raised[height < 0.02].max() < 0.01
    moved = np.flatnonzero(folds.swell(weights(model, mouthSmileLeft=1.0, mouthSmileRight=1.0)))
    assert set(moved) <= set(model.region("outer_skin"))


def test_lines_are_drawn_where_faces_fold(model: HeadModel) -> None:
    """The image of lines is deep along the smile fold and flat on the tip of the nose."""
    maps = skin_maps(model, 256)
    depth = draw_lines(maps, np.random.default_rng(0))[..., 2]
    fold, tip = maps.texel(np.array([[27.0, -60.0, 23.0], [0.0, -42.0, 46.0]])).astype(int)
    assert depth[fold[1] - 3 : fold[1] + 4, fold[0] - 3 : fold[0] + 4].max() > 60
    assert depth[tip[1], tip[0]] < 10


@pytest.mark.parametrize("name", ["left_eye", "right_eye"])
def test_the_pupil_lies_between_the_lids(model: HeadModel, name: str) -> None:
    """The front of a resting eye is below the upper and above the lower lid, its top above both."""
    mean = model.assets.mean
    eye = mean[model.parts[name]]
    frame = HeadFrame(np.eye(3), np.zeros(3))
    landmarks = model.ibug68.evaluate(mean.astype(np.float64))
    front, top = eye[np.argmax(eye[:, 2])], eye[np.argmax(eye[:, 1])]
    shade = between_lids(name, np.stack([front, top]), eye, landmarks.astype(np.float64), frame)
    assert shade[0, 0] > 0.0
    assert shade[0, 1] > 0.0
    assert shade[1, 0] < 0.0

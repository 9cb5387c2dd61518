"""Which model a lens is taken for, and how well each model is found."""

import numpy as np
import pytest

from calibration.camera import LensModel, Rig
from calibration.errors import UsageError
from calibration.from_boards.calibrate import BoardCalibration, BoardOptions, calibrate_board
from calibration.from_boards.lenses.lens_models import LensChoice
from tests.calibration.board_rigs import (
    Corners,
    near_boards,
    normalised_errors,
    ring_rig,
    see_parts,
    with_lens,
)
from tests.calibration.boards import BOARD, sizes

WIDE: dict[LensModel, list[float]] = {
    "brown": [-0.25, 0.09, 0.0005, -0.0004, -0.015],
    "rational": [0.3, 0.12, 0.0005, -0.0004, 0.03, 0.55, 0.25, 0.06],
    "fisheye": [0.03, -0.01, 0.004, -0.002],
}


def filmed(model: LensModel, *, focal: float = 700.0) -> tuple[Rig, Corners]:
    """One wide camera, and a board that it saw close by, all over the image."""
    rig = with_lens(ring_rig(1, focal=focal), np.array(WIDE[model]), fisheye=model == "fisheye")
    camera = rig.cameras[0]
    return rig, see_parts(rig, near_boards(camera, 24, distance=0.25), BOARD.points, 0.15)


def calibrate(rig: Rig, corners: Corners, lens: LensChoice) -> BoardCalibration:
    return calibrate_board(corners, sizes(rig), BOARD, options=BoardOptions(lens=lens))


@pytest.mark.parametrize("model", ["brown", "rational", "fisheye"])
def test_a_lens_is_found_with_the_model_that_is_asked_for(model: LensModel) -> None:
    """All coefficients of each model come within what their deviations say."""
    truth, corners = filmed(model)
    result = calibrate(truth, corners, model)
    (camera,) = result.rig
    assert camera.lens_model == model
    assert result.residual_px[camera.name] < 0.23
    errors = np.concatenate(list(normalised_errors(result, truth).values()))
    assert np.abs(errors).max() < 4
    assert np.sqrt((errors**2).mean()) < 2


@pytest.mark.parametrize("model", ["brown", "fisheye", "rational"])
def test_the_corners_choose_the_model(model: LensModel) -> None:
    """By itself each lens is given a model that explains it, the plain one where that does."""
    truth, corners = filmed(model)
    result = calibrate(truth, corners, "auto")
    (camera,) = result.rig
    assert camera.lens_model == model
    assert result.residual_px[camera.name] < 0.23


def test_a_long_lens_stays_plain() -> None:
    """Where no model beats another, the lens has Brown's five coefficients."""
    truth = ring_rig(1)
    corners = see_parts(truth, near_boards(truth.cameras[0], 30, distance=0.6), BOARD.points)
    assert calibrate(truth, corners, "auto").rig.cameras[0].lens_model == "brown"


def test_the_model_is_asked_for_by_camera() -> None:
    """A mapping names the model of some cameras; the others are chosen; unknown names are an error."""
    truth, corners = filmed("fisheye")
    name = truth.names[0]
    options = BoardOptions(lens={name: "fisheye"})
    assert calibrate_board(corners, sizes(truth), BOARD, options=options).rig[name].fisheye
    with pytest.raises(UsageError, match="the camera with a lens model 'left' is unknown"):
        calibrate_board(corners, sizes(truth), BOARD, options=BoardOptions(lens={"left": "brown"}))

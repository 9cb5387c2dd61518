"""Where the cameras stand to each other, by what most of the shared frames say.

Cameras are placed one after another, each by the frames that it shares with those that stand already. Where
the rig has doubled, all that stands is adjusted together, so that a long chain does not bend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, LENS_SIZE, State
from calibration.from_boards.adjustment.bundle import Options, adjust
from calibration.from_boards.adjustment.poses import Sightings, place_boards
from calibration.from_boards.placing.agreement import frame_ids
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.placing.newcomer import Newcomer

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SETTLE = Options(robust_px=3.0, max_iterations=8, tolerance=1e-3)
_FIRST_SETTLED = 4
_MOST_STARTS = 4


@dataclass(frozen=True)
class Standing:
    """How far the placing has come; M images.

    Attributes:
        state: cameras, those not placed at the origin; no boards.
        sightings: the images, those of placed cameras with corners listed as the others of the frame do.
        placed: indices of the cameras that stand.
        trusted: (M,) images of these that may well show the board where the others see it.
        refused: why a camera could not be placed, by index.
    """

    state: State
    sightings: Sightings
    placed: tuple[int, ...]
    trusted: Bools
    refused: Mapping[int, CalibrationError]

    def only_placed(self) -> tuple[State, Sightings, Bools]:
        """The cameras that stand, numbered anew in the order of their indices, their images, and which of
        these are trusted."""
        cameras = np.array(sorted(self.placed))
        chosen = np.isin(self.sightings.camera, cameras)
        mine = self.sightings.take(chosen)
        state = replace(
            self.state,
            lens=self.state.lens[cameras],
            fisheye=self.state.fisheye[cameras],
            camera_rotation=self.state.camera_rotation[cameras],
            camera_translation=self.state.camera_translation[cameras],
        )
        return state, replace(mine, camera=np.searchsorted(cameras, mine.camera)), self.trusted[chosen]


def place_most(lineup: Lineup, sightings: Sightings, *, from_reference: bool) -> tuple[Lineup, Standing]:
    """The placing that most cameras take part in.

    Where fewer than half can be placed from the reference camera, it may itself be what is wrong, or stand
    apart: other cameras are tried as the first.

    Args:
        lineup: the cameras and the board.
        sightings: M images.
        from_reference: whether the reference camera must be the origin of the world.

    Returns:
        The line-up with the reference camera that was used, and the placing. A reference that must be the
        origin and can only be placed alone is refused.
    """
    standing = place_cameras(lineup, sightings)
    best, tried = (lineup, standing), {lineup.reference}
    while 2 * len(best[1].placed) < len(lineup) and len(tried) < _MOST_STARTS:
        start = min(set(range(len(lineup))) - tried - set(best[1].placed))
        other = replace(lineup, reference=start)
        standing = place_cameras(other, sightings)
        tried.add(start)
        if len(standing.placed) > len(best[1].placed):
            best = other, standing
    if from_reference and lineup.reference in best[1].placed:
        return lineup, _from(lineup.reference, best[1])
    return best


def _from(camera: int, standing: Standing) -> Standing:
    """The same in the axes of one of the cameras that stand."""
    state = standing.state
    R, t = state.camera_rotation[camera], state.camera_translation[camera]
    rotation = state.camera_rotation @ R.T
    return replace(
        standing,
        state=replace(
            state, camera_rotation=rotation, camera_translation=state.camera_translation - rotation @ t
        ),
    )


def place_cameras(lineup: Lineup, sightings: Sightings) -> Standing:
    """Poses of all cameras that can be placed, with the reference camera at the origin of the world."""
    trusted = sightings.camera == lineup.reference
    standing = Standing(lineup.start(), sightings, (lineup.reference,), trusted, {})
    tried: dict[int, int] = {}
    settled_at = _FIRST_SETTLED
    while True:
        shared = _shared(standing, len(lineup))
        waiting = [c for c in np.flatnonzero(shared > 0) if shared[c] > tried.get(int(c), 0)]
        if not waiting:
            break
        camera = int(max(waiting, key=lambda c: shared[c]))
        tried[camera] = int(shared[camera])
        standing = _with(lineup, standing, camera)
        if len(standing.placed) >= settled_at:
            standing, settled_at = _settled(lineup, standing), 2 * settled_at
    return replace(standing, refused=_reasons(lineup, standing))


def _shared(standing: Standing, count: int) -> Ints:
    """(C,) how many frames each camera shares with those that stand; 0 for these themselves."""
    sightings = standing.sightings
    known = np.isin(sightings.frame, np.unique(sightings.frame[standing.trusted]))
    shared = np.bincount(sightings.camera[known], minlength=count)
    shared[list(standing.placed)] = 0
    return shared


def _with(lineup: Lineup, standing: Standing, camera: int) -> Standing:
    """With one more camera, or with the reason why it cannot be placed."""
    newcomer = Newcomer(lineup, standing.state, standing.sightings, standing.trusted, camera)
    try:
        state, sightings, agreeing = newcomer.placed()
    except CalibrationError as error:
        return replace(standing, refused={**standing.refused, camera: error})
    refused = {index: error for index, error in standing.refused.items() if index != camera}
    trusted = standing.trusted | agreeing
    return Standing(state, sightings, (*standing.placed, camera), trusted, refused)


def _settled(lineup: Lineup, standing: Standing) -> Standing:
    """With the poses of all that stands adjusted to the frames that they agree about."""
    ids = frame_ids(standing.sightings.frame)
    together = np.bincount(ids, weights=standing.trusted)[ids] > 1
    group = standing.sightings.take(standing.trusted & together)
    start = place_boards(standing.state, group, frame_ids(group.frame), lineup.points)
    free = np.zeros((len(lineup), CAMERA_SIZE), dtype=bool)
    free[list(standing.placed), LENS_SIZE:] = True
    free[lineup.reference] = False
    adjusted = adjust(start.state, start.images, lineup.points, free, None, _SETTLE).state
    state = replace(
        standing.state,
        camera_rotation=adjusted.camera_rotation,
        camera_translation=adjusted.camera_translation,
    )
    return replace(standing, state=state)


def _reasons(lineup: Lineup, standing: Standing) -> dict[int, CalibrationError]:
    """Why each camera that does not stand could not be placed."""
    reasons = dict(standing.refused)
    names = lineup.names
    there = ", ".join(names[index] for index in sorted(standing.placed))
    for index, name in enumerate(names):
        if index not in standing.placed and index not in reasons:
            reasons[index] = CalibrationError(
                f"in no frame is the board seen both by {name} and by {there}",
                where=f"Camera {name}",
                fix="Film the board where it is seen by both",
            )
    return reasons

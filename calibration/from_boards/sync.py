"""Which images do not show the board where the other cameras of the frame see it, and by how much.

One rigid board explains all the images of a frame, or the frame is not one moment. An image that is left
out here still says all it can about the lens of its own camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.board_images import Images, State, image_rms, residuals
from calibration.from_boards.consensus import Agreement, frame_ids, worst_by
from calibration.from_boards.poses import Sightings, place_boards

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Disagreement:
    """One image that is out of step with the other cameras of its frame.

    Attributes:
        camera: index of the camera.
        frame: frame number.
        others: indices of the cameras that it disagrees with.
        off_px: RMS distance in its image between the board and where the others see it, in pixels.
        off_metres: the same distance at the depth of the board.
    """

    camera: int
    frame: int
    others: tuple[int, ...]
    off_px: float
    off_metres: float


def find_agreeing(
    state: State,
    sightings: Sightings,
    points: Array,
    reference: int,
    agreement: Agreement,
    typical_px: float,
) -> Bools:
    """Which images (M,) agree with the others of their frame; an image alone in its frame does.

    In a frame that does not fit together, the camera without which the rest fits best is left out. Where
    only two cameras see the board, it is the one that was found wrong more often in other frames, and
    failing that the one that is not the reference.

    Args:
        state: its cameras are used.
        sightings: M images.
        points: (N, 3) board points in metres.
        reference: index of the reference camera.
        agreement: what counts as agreement.
        typical_px: RMS of a typical image of a frame that agrees.
    """
    keep = np.ones(len(sightings), dtype=bool)
    limits = agreement.limits(typical_px, sightings.rms)
    blame = np.zeros(len(state.lens))
    blame[reference] = -0.5
    while True:
        placed = np.flatnonzero(keep)
        ids = frame_ids(sightings.frame[placed])
        rms = place_boards(state, sightings.take(placed), ids, points).rms
        groups = np.flatnonzero((worst_by(ids, rms / limits[placed]) > 1) & (np.bincount(ids) > 1))
        bad = [placed[ids == group] for group in groups]
        if not bad:
            return keep
        crowds = [members for members in bad if len(members) > 2]
        if crowds:
            dropped = _worst_members(state, sightings, points, crowds)
            np.add.at(blame, sightings.camera[dropped], 1)
        else:
            dropped = [int(pair[np.argmax(blame[sightings.camera[pair]])]) for pair in bad]
        keep[dropped] = False


def _worst_members(state: State, sightings: Sightings, points: Array, groups: Sequence[Ints]) -> list[int]:
    """For each group of images, the one without which the rest of the group fits best."""
    trials = [np.delete(members, left_out) for members in groups for left_out in range(len(members))]
    ids = np.repeat(np.arange(len(trials)), [len(trial) for trial in trials])
    worst = worst_by(ids, place_boards(state, sightings.take(np.concatenate(trials)), ids, points).rms)
    starts = np.cumsum([0, *(len(members) for members in groups)])
    return [
        int(members[worst[start : start + len(members)].argmin()])
        for members, start in zip(groups, starts[:-1], strict=True)
    ]


def disagreements(state: State, sightings: Sightings, points: Array, agreeing: Bools) -> list[Disagreement]:
    """How far off each image is that does not agree, by the board that the others of its frame see."""
    off = np.flatnonzero(~agreeing)
    others = [np.flatnonzero(agreeing & (sightings.frame == sightings.frame[index])) for index in off]
    if not others:
        return []
    ids = np.repeat(np.arange(len(off)), [len(members) for members in others])
    boards = place_boards(state, sightings.take(np.concatenate(others)), ids, points).state
    seen = sightings.take(off)
    rms = image_rms(residuals(boards, Images(seen.camera, np.arange(len(off)), seen.pixels), points))
    metres = rms * seen.t[:, 2] / state.lens[seen.camera, 0]
    return [
        Disagreement(
            int(seen.camera[row]),
            int(seen.frame[row]),
            tuple(int(other) for other in sightings.camera[members]),
            float(rms[row]),
            float(metres[row]),
        )
        for row, members in enumerate(others)
    ]

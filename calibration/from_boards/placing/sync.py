"""Which images do not show the board where the other cameras of the frame see it, and by how much.

One rigid board explains all the images of a frame, or the frame is not one moment. An image that is left
out here still says all it can about the lens of its own camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.from_boards.adjustment.board_images import Images, State, image_rms, residuals
from calibration.from_boards.adjustment.poses import Sightings, place_boards
from calibration.from_boards.placing.agreement import Agreement, frame_ids, worst_by

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MAX_SUSPECTS = 6
"""Images of a frame that are tried as the one that does not belong."""


@dataclass(frozen=True)
class Disagreement:
    """One image that is out of step with the other cameras of its frame.

    Attributes:
        camera: index of the camera.
        frame: frame number.
        others: indices of the cameras that it disagrees with; none where no other image is trusted either.
        off_px: RMS distance in its image between the board and where the others see it, in pixels; NaN
            without others.
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
    asked = keep.copy()
    while True:
        placed = np.flatnonzero(keep & asked)
        ids = frame_ids(sightings.frame[placed])
        rms = place_boards(state, sightings.take(placed), ids, points).rms
        groups = np.flatnonzero((worst_by(ids, rms / limits[placed]) > 1) & (np.bincount(ids) > 1))
        bad = [placed[ids == group] for group in groups]
        if not bad:
            return keep
        worse = rms / limits[placed]
        crowds = [members for members in bad if len(members) > 2]
        if crowds:
            suspects = [_suspects(members, worse[np.isin(placed, members)]) for members in crowds]
            dropped = _worst_members(state, sightings, points, crowds, suspects)
            np.add.at(blame, sightings.camera[dropped], 1)
        else:
            dropped = [int(pair[np.argmax(blame[sightings.camera[pair]])]) for pair in bad]
        keep[dropped] = False
        asked = np.isin(sightings.frame, sightings.frame[np.concatenate(bad)])


def _suspects(members: Ints, worse: Array) -> Ints:
    """The images of a frame that fit its board worst, among which is the one that does not belong."""
    return members[np.argsort(-worse, kind="stable")[:_MAX_SUSPECTS]]


def _worst_members(
    state: State, sightings: Sightings, points: Array, groups: Sequence[Ints], suspects: Sequence[Ints]
) -> list[int]:
    """For each group of images, the suspect without which the rest of the group fits best."""
    trials = [members[members != one] for members, some in zip(groups, suspects, strict=True) for one in some]
    ids = np.repeat(np.arange(len(trials)), [len(trial) for trial in trials])
    worst = worst_by(ids, place_boards(state, sightings.take(np.concatenate(trials)), ids, points).rms)
    starts = np.cumsum([0, *(len(some) for some in suspects)])
    return [
        int(some[worst[start : start + len(some)].argmin()])
        for some, start in zip(suspects, starts[:-1], strict=True)
    ]


def disagreements(state: State, sightings: Sightings, points: Array, agreeing: Bools) -> list[Disagreement]:
    """How far off each image is that does not agree, by the board that the others of its frame see."""
    off = np.flatnonzero(~agreeing)
    others = [np.flatnonzero(agreeing & (sightings.frame == sightings.frame[index])) for index in off]
    told = [row for row, members in enumerate(others) if len(members)]
    rms, metres = np.full(len(off), np.nan), np.full(len(off), np.nan)
    if told:
        ids = np.repeat(np.arange(len(told)), [len(others[row]) for row in told])
        members = np.concatenate([others[row] for row in told])
        boards = place_boards(state, sightings.take(members), ids, points).state
        seen = sightings.take(off[told])
        left = residuals(boards, Images(seen.camera, np.arange(len(told)), seen.pixels), points)
        rms[told] = image_rms(left)
        metres[told] = rms[told] * seen.t[:, 2] / state.lens[seen.camera, 0]
    return [
        Disagreement(
            int(sightings.camera[index]),
            int(sightings.frame[index]),
            tuple(int(other) for other in sightings.camera[others[row]]),
            float(rms[row]),
            float(metres[row]),
        )
        for row, index in enumerate(off)
    ]

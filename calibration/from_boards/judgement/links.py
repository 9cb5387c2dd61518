"""How firmly the cameras of a rig are tied to each other by boards that they saw at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Link:
    """The firmest way from a camera to the reference camera, from camera to camera.

    Attributes:
        chain: the cameras on it, from the camera to the reference; the camera alone if it is the reference.
        boards: how many boards the two cameras of its weakest step share.
        weakest: these two cameras.
    """

    chain: tuple[str, ...]
    boards: int
    weakest: tuple[str, str]


def shared_boards(cameras_at: Bools) -> Ints:
    """(C, C) how many boards each two cameras share, by which cameras saw each board (F, C)."""
    seen = cameras_at.astype(np.int64)
    return np.asarray(seen.T @ seen)


def links(names: Sequence[str], cameras_at: Bools, reference: str) -> Mapping[str, Link]:
    """The firmest way of each camera to the reference camera: its weakest step shares the most boards.

    Args:
        names: C cameras.
        cameras_at: (F, C) which cameras saw each board.
        reference: the camera that the others are placed by.
    """
    shared = shared_boards(cameras_at)
    start = list(names).index(reference)
    found = {start: Link((reference,), int(shared[start, start]), (reference, reference))}
    while len(found) < len(names):
        # The next firmest step out of what is tied already (Prim's tree) makes the firmest ways.
        steps = [(int(shared[a, b]), -b, a, b) for a in found for b in range(len(names)) if b not in found]
        boards, _, a, b = max(steps)
        before = found[a]
        chain = (names[b], *before.chain)
        if a != start and before.boards <= boards:
            found[b] = Link(chain, before.boards, before.weakest)
        else:
            found[b] = Link(chain, boards, (names[b], names[a]))
    return {names[index]: found[index] for index in range(len(names))}

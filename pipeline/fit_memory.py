"""How much memory a fit takes, as it was measured: for whoever has to find room for it.

The peak of resident memory, process by process, of fits of 200 to 1,200 frames with 3 to 17 cameras and 68 to
703 landmarks: the figures are within a tenth of all of them, on the side of too much.
"""

from __future__ import annotations

IDENTITY_FRAMES = 240
"""Frames that identity and cameras of a long take are found from; more hardly change the result."""

_SOLVER = 25 << 20
_FRAME = 250_000
"""Bytes of a frame's unknowns in the normal equations and their covariance."""
_FOUND_CAMERA = 50_000
"""Bytes more of a frame for each camera that is found with it."""
_LANDMARK = 36
"""Bytes of a landmark in an image: as it was read, as the solver has it, and its residual."""
_JOINED_LANDMARK = 24
_STORED_LANDMARK = 12
_LOOK = 2_500
"""Bytes of an image whose frame may be chosen to find the identity from."""


def fit_memory(frames: int, cameras: int, landmarks: int, *, found_cameras: bool = False) -> int:
    """Bytes beside the process itself that a fit of so many frames takes, or a stretch of a long take.

    Args:
        frames: of the fit; of a stretch, with those before and after it. cameras, landmarks: how many.
        found_cameras: whether cameras are found or refined with the head.
    """
    of_frame = _FRAME + (_FOUND_CAMERA * cameras if found_cameras else 0)
    return _SOLVER + frames * (of_frame + _LANDMARK * cameras * landmarks)


def identity_memory(frames: int, cameras: int, landmarks: int) -> int:
    """The same of the stage identity of a take of so many frames."""
    choosing = frames * (_STORED_LANDMARK * landmarks + _LOOK * cameras)
    chosen = min(frames, IDENTITY_FRAMES)
    return max(choosing, fit_memory(chosen, cameras, landmarks, found_cameras=True))


def joining_memory(frames: int, cameras: int, landmarks: int) -> int:
    """The same of putting the stretches of a take of so many frames together."""
    return _SOLVER + frames * cameras * landmarks * _JOINED_LANDMARK

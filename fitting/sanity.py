"""Input that cannot be right, named before it is fitted.

Cameras that see nothing, that were swapped, that have mirrored images, that are measured in another unit, or
that contradict the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError
from fitting.camera_checks.agreement import Agreement
from fitting.camera_checks.diagnosis import Diagnosis, Mistake, diagnose
from fitting.camera_checks.explain import majority
from fitting.camera_checks.sample import Sample, spread
from fitting.camera_checks.units import POSSIBLE_SIZE, USUAL_SIZE, head_height, unit_of
from fitting.observations import Observations

Array = NDArray[np.float64]

_FRAMES, _LANDMARKS, _MIN_LANDMARKS = 6, 60, 6
_SHOWN = 8
_FOOTAGE = ("swapped", "mirrored-images")
"""Mistakes after which leaving the cameras out is not the answer."""


@dataclass(frozen=True)
class Findings:
    """What is wrong with the input but can be lived with.

    Attributes:
        warnings: a sentence each, with what to do.
        left_out: positions of the cameras that are not to be fitted.
    """

    warnings: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()

    def without(self, observations: Observations) -> Observations:
        """The observations, the cameras that are left out seeing nothing."""
        seen = observations.seen.copy()
        seen[:, list(self.left_out)] = False
        return replace(observations, seen=seen)


def examine(observations: Observations, rig: Rig, head: Array, *, poses_known: bool = True) -> Findings:
    """Look at the input of a fit before it is fitted.

    Args:
        observations: F frames, C cameras, L landmarks.
        rig: C cameras.
        head: (L, 3) the landmarks of the mean head, metres.
        poses_known: whether the poses of the cameras are to be taken as they are; where they are to be
            refined, cameras may contradict each other.

    Returns:
        what can be lived with: cameras that see nothing, frames that none sees, an unusual size of the head,
        and a camera that contradicts at least three others that agree.

    Raises:
        InputError: what cannot: two cameras were swapped, a camera has mirrored images, lengths are in
            another unit, or the cameras contradict each other and it is not plain which is wrong.
    """
    warnings = unseen(observations.seeing, observations.frames, rig.names)
    sample = _sample(observations, rig, head)
    if sample is None:
        return Findings(tuple(warnings))
    found = diagnose(sample, fine=False)
    if found.before.badness <= 1:
        return Findings((*warnings, *_size(found.before.scale, rig.source)))
    # Where some may have moved and two or more agree, no mistake with all of them is looked for.
    whole = poses_known or found.before.good_cameras.sum() < 2
    for mistake in found.mistakes:
        if (mistake.whole and whole) or mistake.kind in _FOOTAGE:
            raise _mistaken(mistake, rig)
    if not poses_known:
        return Findings(tuple(warnings))
    contradictions = dict(_contradictions(found, rig))
    warnings += [str(error) for error in contradictions.values()]
    return Findings(tuple(warnings), tuple(sorted(contradictions)))


def unseen(sees: NDArray[np.bool_], frames: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """A sentence for each camera that sees no face, and one for the frames (F,) that none sees one in.

    Args:
        sees: (F, C) whether a camera sees one. frames: (F,) their numbers. names: (C,) of the cameras.
    """
    return [*_blind(np.asarray(sees.any(0)), names), *_empty(frames, np.asarray(sees.any(1)))]


def _blind(sees: NDArray[np.bool_], names: Sequence[str]) -> Iterator[str]:
    for index in np.flatnonzero(~sees) if sees.any() else ():
        yield str(
            InputError(
                "it sees no face in any frame",
                where=f"Camera {names[int(index)]}",
                fix="Look at its images, or take it out of the shoot",
            )
        )


def _empty(frames: NDArray[np.int64], seen: NDArray[np.bool_]) -> Iterator[str]:
    missing = frames[~seen]
    if 0 < len(missing) < len(frames):
        what = "no camera sees a face; they are interpolated between their neighbours"
        yield str(InputError(what, where=f"Frames {_listed(missing)}", fix="Look at their images"))


def _listed(numbers: Iterable[int]) -> str:
    every = [str(number) for number in numbers]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _sample(observations: Observations, rig: Rig, head: Array) -> Sample | None:
    """Frames that two cameras or more see, spread out and with every camera; None if there are none."""
    sees = observations.used.sum(-1) >= _MIN_LANDMARKS
    shared = np.flatnonzero(sees.sum(1) >= 2)
    if not len(shared):
        return None
    chosen = set(spread(shared, _FRAMES).tolist())
    for camera in range(len(rig)):
        own = shared[sees[shared, camera]]
        if len(own) and not chosen & set(own.tolist()):
            chosen.add(int(own[np.argmax(sees[own].sum(1))]))
    frames = np.array(sorted(chosen))
    landmarks = spread(np.arange(len(head)), _LANDMARKS)
    grid = np.ix_(frames, np.arange(len(rig)), landmarks)
    used, mean = observations.used[grid][..., None], observations.mean[grid].astype(np.float64)
    pixels = np.swapaxes(np.where(used, mean, np.nan), 1, 2)
    sizes = np.array([camera.size for camera in rig])
    return Sample(pixels, head[landmarks], rig, observations.frames[frames], sizes)


def _mistaken(mistake: Mistake, rig: Rig) -> InputError:
    indices = [rig.names.index(name) for name in mistake.cameras]
    before, after = _off(mistake.before_px[indices]), _off(mistake.after_px[indices])
    gain = f"landmarks that are {before} off come to {after} without that"
    return InputError(f"{mistake.what}: {gain}", where=mistake.who, fix=mistake.fix)


def _contradictions(found: Diagnosis, rig: Rig) -> Iterator[tuple[int, InputError]]:
    """The cameras to leave out: those that contradict a majority of at least three that agree.

    Raises:
        InputError: see :func:`examine`.
    """
    for mistake in found.mistakes:
        index = rig.names.index(mistake.cameras[0])
        yield index, _contradiction(rig, index, mistake.before_px, mistake.what)
    if found.contradicting and not majority(found.after):
        raise _undecided(found)
    for name in found.contradicting:
        index = rig.names.index(name)
        yield index, _contradiction(rig, index, found.after.residual_px, "no known mistake explains it")


def _contradiction(rig: Rig, index: int, residual_px: Array, why: str) -> InputError:
    return InputError(
        f"it contradicts the others, which agree: its landmarks are {_off(residual_px[[index]])} off; it is "
        f"left out of the fit; {why}",
        where=f"Camera {rig.names[index]}",
        fix="Calibrate it again, or check that it was not moved and that its images are of the same moments; "
        "vultus cameras check looks closer",
    )


def _undecided(found: Diagnosis) -> InputError:
    sample, names = found.corrected, found.given.rig.names
    explained = [names[index] for index in sample.seeing if _agree_without(sample, int(index))]
    return InputError(
        f"they contradict each other: their landmarks do not meet ({_off(found.after.residual_px)} off)",
        where=f"Cameras {', '.join(names[index] for index in sample.seeing)}",
        fix=f"Check the calibration, above all of {' or '.join(explained)}: without it the others would agree"
        if explained
        else "Check that images and calibration belong together, and that no camera was moved",
    )


def _agree_without(sample: Sample, index: int) -> bool:
    """Whether the others agree where one camera is left out, and are at least two."""
    if len(sample.seeing) < 3:
        return False
    pixels = np.full((*sample.pixels.shape[:2], 2), np.nan)
    return Agreement.of(sample.with_pixels(index, pixels)).badness < 1


def _size(scale: float, source: str) -> Iterator[str]:
    """Words of an unusual size of the head.

    Raises:
        InputError: for one that no head has.
    """
    size = f"in the world of these cameras the head is {head_height(scale)} tall, {scale:.3g} times the usual"
    if not POSSIBLE_SIZE[0] < scale < POSSIBLE_SIZE[1]:
        unit = unit_of(scale)
        guess = "" if unit is None else f", as with {unit[1]}"
        raise InputError(
            f"{size}{guess}",
            where=source or "The cameras",
            fix="Check the units of the camera file and the size of the board's squares",
        )
    if not USUAL_SIZE[0] < scale < USUAL_SIZE[1]:
        yield str(
            InputError(
                size,
                where=source or "The cameras",
                fix="Check the size of the board's squares, unless it is a small child's head",
            )
        )


def _off(values: Array) -> str:
    return f"{', '.join('?' if np.isnan(value) else f'{value:.0f}' for value in values)} px"

"""Input that cannot be right, named before it is fitted.

Cameras that see nothing, that were swapped, that have mirrored images, that are measured in another unit, or
that contradict the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError
from fitting.cameras.agreement import Agreement, Sample, mirrors, omissions, swaps
from fitting.observations import Observations

Array = NDArray[np.float64]

_FRAMES, _LANDMARKS, _MIN_LANDMARKS = 6, 60, 6
_POSSIBLE_SIZE, _USUAL_SIZE = (0.5, 2.0), (0.75, 1.35)
_HEAD_HEIGHT = 0.23
_FAR = 30.0
_SHOWN = 8
_LIKELIER = 2.0
_UNITS = {
    1e3: "millimetres taken for metres",
    1e2: "centimetres taken for metres",
    10.0: "millimetres taken for centimetres",
    39.37: "inches taken for metres",
    3.281: "feet taken for metres",
    2.54: "centimetres taken for inches",
    1e-3: "metres taken for millimetres",
    1e-2: "metres taken for centimetres",
    0.1: "centimetres taken for millimetres",
    0.0254: "metres taken for inches",
    0.3937: "inches taken for centimetres",
}


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
    warnings = [*_blind(observations, rig), *_empty(observations)]
    sample = _sample(observations, rig, head)
    if sample is None:
        return Findings(tuple(warnings))
    agreement = Agreement.of(sample)
    if agreement.badness > 1:
        left_out = _explain(sample, agreement, poses_known)
        warnings += [str(_contradiction(sample, index, agreement)) for index in left_out]
    else:
        left_out = ()
        warnings += _size(agreement.scale, rig.source)
    return Findings(tuple(warnings), left_out)


def _blind(observations: Observations, rig: Rig) -> Iterator[str]:
    sees = observations.used.any((0, 2))
    for index in np.flatnonzero(~sees) if sees.any() else ():
        yield str(
            InputError(
                "it sees no face in any frame",
                where=f"Camera {rig.names[index]}",
                fix="Look at its images, or take it out of the shoot",
            )
        )


def _empty(observations: Observations) -> Iterator[str]:
    missing = observations.frames[observations.views == 0]
    if 0 < len(missing) < len(observations.frames):
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
    chosen = set(_spread(shared, _FRAMES).tolist())
    for camera in range(len(rig)):
        own = shared[sees[shared, camera]]
        if len(own) and not chosen & set(own.tolist()):
            chosen.add(int(own[np.argmax(sees[own].sum(1))]))
    frames = sorted(chosen)
    landmarks = _spread(np.arange(len(head)), _LANDMARKS)
    grid = np.ix_(np.array(frames), np.arange(len(rig)), landmarks)
    used, mean = observations.used[grid][..., None], observations.mean[grid].astype(np.float64)
    pixels = np.where(used, mean, np.nan)
    return Sample(np.swapaxes(pixels, 1, 2), head[landmarks], rig)


def _spread(values: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the values, evenly apart."""
    positions = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int))
    return np.asarray(values[positions], dtype=np.int64)


def _explain(sample: Sample, found: Agreement, poses_known: bool) -> tuple[int, ...]:
    """Why the cameras do not agree.

    Returns:
        the camera to leave out, if any.

    Raises:
        InputError: see :func:`examine`.
    """
    names = sample.rig.names
    suspects = _suspects(sample, found)
    swapped = _best(swaps(sample, suspects))
    mirrored = _best(mirrors(sample, suspects))
    # Faces are symmetric, and so are many rigs: where both explain it, swapped folders are the likelier.
    if swapped is not None and (mirrored is None or swapped[1].badness < _LIKELIER * mirrored[1].badness):
        raise InputError(
            f"their images or their calibrations are swapped: exchanged, {_gain(found, *swapped)}",
            where=f"Cameras {' and '.join(names[index] for index in swapped[0])}",
            fix="Exchange their folders of images in the shoot file, or their names in the calibration",
        )
    if mirrored is not None:
        several = len(mirrored[0]) > 1
        raise InputError(
            f"{'their' if several else 'its'} images are mirrored: mirrored back, {_gain(found, *mirrored)}",
            where=f"Camera{'s' if several else ''} {', '.join(names[index] for index in mirrored[0])}",
            fix="Mirror the images back and detect again",
        )
    return _contradicting(sample, found) if poses_known else ()


def _suspects(sample: Sample, found: Agreement) -> NDArray[np.int64]:
    """The cameras that may be at fault: those that disagree, if there are three that agree."""
    bad = np.flatnonzero(np.isfinite(found.residual) & ~found.good_cameras)
    return bad if len(bad) and found.good_cameras.sum() > 2 else sample.seeing


def _best(
    hypotheses: Iterable[tuple[tuple[int, ...], Agreement]],
) -> tuple[tuple[int, ...], Agreement] | None:
    """The hypothesis under which the cameras agree best; None if they agree under none."""
    ordered = sorted(hypotheses, key=lambda each: each[1].badness)
    return ordered[0] if ordered and ordered[0][1].badness < 1 else None


def _contradicting(sample: Sample, found: Agreement) -> tuple[int, ...]:
    """The cameras to leave out: those that contradict a majority of at least three that agree."""
    good = np.flatnonzero(found.good_cameras)
    bad = np.flatnonzero(np.isfinite(found.residual) & ~found.good_cameras)
    majority = len(good) > max(2, len(bad))
    if len(bad) and majority and Agreement.of(sample.only(good)).badness < 1:
        return tuple(int(index) for index in bad)
    names = sample.rig.names
    explained = [names[cameras[0]] for cameras, each in omissions(sample) if each.badness < 1]
    raise InputError(
        f"they contradict each other: their landmarks do not meet ({_off(found, range(len(names)))} off)",
        where=f"Cameras {', '.join(names[index] for index in sample.seeing)}",
        fix=f"Check the calibration, above all of {' or '.join(explained)}: without it the others would agree"
        if explained
        else "Check that images and calibration belong together, and that no camera was moved",
    )


def _contradiction(sample: Sample, index: int, found: Agreement) -> InputError:
    cameras = sample.rig.cameras
    distance = np.array([np.linalg.norm(camera.t) for camera in cameras])
    ratio = distance[index] / max(float(np.median(np.delete(distance, index))), 1e-9)
    unit = "; its translation is in another unit than the others', by its size" if ratio > _FAR else ""
    unit = unit or ("; its translation is far smaller than the others'" if ratio < 1 / _FAR else "")
    return InputError(
        f"it contradicts the others, which agree: its landmarks are {_off(found, [index])} off; it is left "
        f"out of the fit{unit}",
        where=f"Camera {cameras[index].name}",
        fix="Calibrate it again, or check that it was not moved and that its images are of the same moments",
    )


def _size(scale: float, source: str) -> Iterator[str]:
    """Words of an unusual size of the head.

    Raises:
        InputError: for one that no head has.
    """
    metres = scale * _HEAD_HEIGHT
    size = f"{metres:.2f} m" if metres > 0.1 else f"{1000 * metres:.2g} mm"
    if not _POSSIBLE_SIZE[0] < scale < _POSSIBLE_SIZE[1]:
        factor, words = min(_UNITS.items(), key=lambda each: abs(np.log(scale / each[0])))
        guess = f", as with {words}" if abs(np.log(scale / factor)) < np.log(1.3) else ""
        raise InputError(
            f"in the world of these cameras the head is {size} tall, {scale:.3g} times the usual{guess}",
            where=source or "The cameras",
            fix="Check the units of the camera file and the size of the board's squares",
        )
    if not _USUAL_SIZE[0] < scale < _USUAL_SIZE[1]:
        yield str(
            InputError(
                f"in the world of these cameras the head is {size} tall, {scale:.2f} times the usual",
                where=source or "The cameras",
                fix="Check the size of the board's squares, unless it is a small child's head",
            )
        )


def _off(found: Agreement, cameras: Iterable[int]) -> str:
    values = [found.residual_px[index] for index in cameras]
    return f"{', '.join('?' if np.isnan(value) else f'{value:.0f}' for value in values)} px"


def _gain(found: Agreement, cameras: tuple[int, ...], then: Agreement) -> str:
    return f"landmarks that are {_off(found, cameras)} off come to {_off(then, cameras)}"

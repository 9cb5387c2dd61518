"""Calibration of a rig from images of a board: lenses, poses, and which images do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from calibration.boards.advice import advice
from calibration.boards.board import Board
from calibration.boards.detection import Progress, View, detect_all
from calibration.errors import CalibrationError, UsageError
from calibration.from_boards.adjustment.poses import Sightings
from calibration.from_boards.adjustment.shape_prior import Refinement, ShapePrior
from calibration.from_boards.clocks.between_frames import Late, earlier
from calibration.from_boards.clocks.in_time import ROUNDS, solve_in_time
from calibration.from_boards.collect import Findings
from calibration.from_boards.joint import JointFit, fit_jointly
from calibration.from_boards.lenses.lens_fit import LensFit, LensImages
from calibration.from_boards.options import BoardOptions
from calibration.from_boards.placing.agreement import UnfitCamerasError
from calibration.from_boards.placing.consensus import place_most
from calibration.from_boards.placing.lineup import Lineup
from calibration.from_boards.placing.mirrored import Found, Mirrors
from calibration.from_boards.result import BoardCalibration
from calibration.from_boards.seen import Seen, what_was_seen
from calibration.from_boards.steps import Steps

__all__ = ["BoardCalibration", "BoardOptions", "calibrate_board"]

Array = NDArray[np.float64]
Images = Mapping[str, Mapping[int, View]]


def calibrate_board(
    images: Images,
    sizes: Mapping[str, tuple[int, int]],
    board: Board,
    *,
    lens_images: Images | None = None,
    reference: str | None = None,
    options: BoardOptions | None = None,
    progress: Progress | None = None,
) -> BoardCalibration:
    """Calibrate a rig from images of a board.

    Each lens is first fitted on its own; the cameras are then placed by what most shared frames say; last,
    lenses, cameras and boards are refined together. An image in which the board is not where the other
    cameras of the frame see it has no say about poses, but keeps its say about its own lens. A camera that
    cannot be calibrated is left out, and the result says why, as long as two cameras remain.

    Args:
        images: by camera name and frame number, grey images, functions that load them, or corners. Images
            of one frame number show the board at one moment.
        sizes: (width, height) in pixels by camera name.
        board: the board.
        lens_images: further images for the lens alone, in which no moment is shared with other cameras.
        reference: the camera at the origin of the world; by default the first that can be placed.
        options: what the images must satisfy.
        progress: told (done, total, what) as work goes on.

    Raises:
        CalibrationError: naming the camera that the images do not determine, if it was to be the reference,
            if fewer than two remain, or if the options are strict.
        InputError: if images and sizes do not fit together.
        UsageError: if a camera is unknown or none is given.
    """
    options = options or BoardOptions()
    lens_images = lens_images or {}
    _check_names(images, lens_images, reference, options)
    count = sum(len(views) for many in (images, lens_images) for views in many.values())
    steps = Steps(progress, count + ROUNDS * (len(images) + 1))
    found = detect_all(images, sizes, board, workers=options.workers, progress=steps.of_many)
    lens_found = detect_all(lens_images, sizes, board, workers=options.workers, progress=steps.of_many)
    seen = what_was_seen(found, lens_found, sizes, board.points)
    lenses, left_out = _lenses(seen, board, options, steps)
    left_out = {name: _advised(error, images[name], found[name], board) for name, error in left_out.items()}

    def attempt(late: Late) -> _Attempt:
        seen = what_was_seen(earlier(found, late, board.turned), lens_found, sizes, board.points)
        moved = [one for one in seen if late.get(one.name, 0) % 1]
        return _Attempt(seen, lenses | _lenses(moved, board, options, steps)[0], board, reference, options)

    attempt({}).require_enough(left_out)
    mirrors = Mirrors(found, sizes, board, partial(_fit_together, sizes=sizes, board=board, options=options))
    try:
        (lineup, joint, unplaced), late = solve_in_time(
            lambda late: attempt(late).solved(left_out),
            lambda late: attempt(late).everyone(left_out),
            steps,
            known=len(left_out),
            find=options.offsets == "find",
        )
    except CalibrationError as error:
        raise mirrors.explained(error, left_out) from error
    unplaced = {name: mirrors.explained(error, unplaced) for name, error in unplaced.items()}
    steps.finish("cameras")
    timed, last = earlier(found, late, board.turned), attempt(late)
    return Findings(board, timed, lens_found, last.seen, last.lenses, lineup, joint, unplaced, late).result()


def _check_names(images: Images, lens_images: Images, reference: str | None, options: BoardOptions) -> None:
    """Refuse names of cameras that there are not."""
    if not images:
        raise UsageError("there are no cameras to calibrate")
    asked = [("the reference camera", [reference] if reference is not None else [])]
    asked.append(("the camera with images for its lens", list(lens_images)))
    asked.append(
        ("the camera with a lens model", [] if isinstance(options.lens, str) else list(options.lens))
    )
    for what, names in asked:
        for name in names:
            if name not in images:
                raise UsageError(f"{what} {name!r} is unknown", fix=f"Name one of: {', '.join(images)}")


def _lenses(
    seen: Sequence[Seen], board: Board, options: BoardOptions, steps: Steps
) -> tuple[dict[str, LensFit], dict[str, CalibrationError]]:
    """The lenses of all cameras by name, and why some could not be determined."""

    def fitted(one: Seen) -> LensFit | CalibrationError:
        steps.step(f"lens of {one.name}")
        try:
            return _lens(one, board, options)
        except CalibrationError as error:
            return error

    with ThreadPoolExecutor(options.workers) as pool:
        fits = dict(zip((one.name for one in seen), pool.map(fitted, seen), strict=True))
    errors = {name: fit for name, fit in fits.items() if isinstance(fit, CalibrationError)}
    return {name: fit for name, fit in fits.items() if isinstance(fit, LensFit)}, errors


def _advised(
    error: CalibrationError, images: Mapping[int, View], found: Mapping[int, Array | None], board: Board
) -> CalibrationError:
    """The error, with what there is in the images if the board is in few of them."""
    if 4 * sum(points is not None for points in found.values()) > len(found):
        return error
    return CalibrationError(error.what, where=error.where, fix=advice(images, board))


def _fit_together(
    found: Found, *, sizes: Mapping[str, tuple[int, int]], board: Board, options: BoardOptions
) -> bool:
    """Whether all cameras of some can be calibrated with each other."""
    options = replace(options, strict=True, refine_board=None)
    seen = what_was_seen(found, {}, sizes, board.points)
    try:
        lenses, left_out = _lenses(seen, board, options, Steps(None, 0))
        _Attempt(seen, lenses, board, None, options).solved(left_out)
    except CalibrationError:
        return False
    return True


def _lens(one: Seen, board: Board, options: BoardOptions) -> LensFit:
    if len(one.moments) < options.minimum_images:
        raise CalibrationError(
            f"the board was found in {len(one.moments)} of {sum(one.images)} images, "
            f"at least {options.minimum_images} are needed",
            where=f"Camera {one.name}",
            fix=f"Check that the board has {board}, or film it again",
        )
    return LensImages(
        one.name, one.size, one.pixels, board.points, options.minimum_images, options.lens_floor_px
    ).fitted(options.lens_of(one.name))


@dataclass(frozen=True)
class _Attempt:
    """The cameras whose lens is known, to be placed and refined without those that do not let themselves."""

    seen: Sequence[Seen]
    lenses: Mapping[str, LensFit]
    board: Board
    reference: str | None
    options: BoardOptions

    def solved(
        self, left_out: Mapping[str, CalibrationError]
    ) -> tuple[Lineup, JointFit, dict[str, CalibrationError]]:
        """The cameras that could be calibrated, their fit, and why the others could not."""
        left_out = dict(left_out)
        while True:
            self.require_enough(left_out)
            lineup, sightings = self.everyone(left_out)
            lineup, standing = place_most(lineup, sightings, from_reference=self.reference is not None)
            left_out |= {lineup.names[index]: error for index, error in standing.refused.items()}
            self.require_enough(left_out)
            lineup = lineup.of(sorted(standing.placed))
            try:
                insist = self.options.refine_board != "auto"
                joint = fit_jointly(lineup, *standing.only_placed(), self._shapes(), insist=insist)
                return lineup, joint, left_out
            except UnfitCamerasError as unfit:
                left_out |= {lineup.names[index]: error for index, error in unfit.reasons.items()}

    def require_enough(self, left_out: Mapping[str, CalibrationError]) -> None:
        """Raise the first error where no rig would remain, or not the one that was asked for."""
        missing = [left_out[one.name] for one in self.seen if one.name in left_out]
        if self.reference is not None and self.reference in left_out:
            raise left_out[self.reference]
        if missing and (self.options.strict or len(self.seen) - len(missing) < 2):
            raise missing[0]

    def everyone(self, left_out: Mapping[str, CalibrationError]) -> tuple[Lineup, Sightings]:
        """The cameras that are not left out, and their images that fit their lenses."""
        seen = [one for one in self.seen if one.name not in left_out]
        names = [one.name for one in seen]
        fits = [self.lenses[name] for name in names]
        parts = []
        for index, (one, fit) in enumerate(zip(seen, fits, strict=True)):
            camera = np.full(len(one.moments), index, dtype=np.int64)
            sightings = Sightings(camera, one.moments, one.pixels, fit.R, fit.t, fit.rms)
            parts.append(sightings.take(fit.kept))
        held = names.index(self.reference) if self.reference in names else 0
        sizes = [one.size for one in seen]
        board = self.board
        lineup = Lineup(names, sizes, fits, board.points, board.turned, held, self.options.agreement)
        return lineup, Sightings.joined(parts)

    def _shapes(self) -> list[ShapePrior]:
        """How the board may be off, the stricter belief first."""
        asked = self.options.refine_board
        kinds: tuple[Refinement, ...] = ("flat", "free") if asked == "auto" else (asked,) if asked else ()
        board = self.board
        return [ShapePrior(board.points, self.options.board_sigma, kind, board.turned) for kind in kinds]

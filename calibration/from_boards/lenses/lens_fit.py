"""The lens of one camera from its own images of a board, whatever the other cameras do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.camera import LensModel
from calibration.errors import CalibrationError
from calibration.from_boards.adjustment.board_images import CAMERA_SIZE, LENS_SIZE
from calibration.from_boards.adjustment.bundle import Options, adjust
from calibration.from_boards.adjustment.poses import poses_in_camera
from calibration.from_boards.lenses.lens_models import LensChoice, freed, lens_prior
from calibration.from_boards.lenses.lens_start import guess_lens

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Another model is worth a look where it lowers the residual of the images that it is fitted to this much...
_WORTH_A_LOOK = 0.985
# ...and is taken where it lowers the residual of images that it was not fitted to this much.
_CLEARLY_BETTER = 0.97
# Images whose corners fit this many times worse than the typical one's are not of this board and lens.
_UNFIT = 4.0
_MODEL_STEPS = 20


@dataclass(frozen=True)
class LensFit:
    """What one camera's images say about its lens.

    Attributes:
        lens: (LENS_SIZE,) fx fy cx cy, coefficients.
        model: what the lens is taken for.
        R: (M, 3, 3) board to camera, for every image.
        t: (M, 3) metres.
        rms: (M,) RMS distance of the corners in pixels.
        kept: (M,) whether the image agrees with the lens and was used.
    """

    lens: Array
    model: LensModel
    R: Array
    t: Array
    rms: Array
    kept: Bools


@dataclass(frozen=True)
class LensImages:
    """All that is known of a lens before it is fitted.

    Attributes:
        name: the camera, for errors.
        size: (width, height) in pixels.
        pixels: (M, N, 2) corners, NaN where one is not seen; each image tells where the board is.
        points: (N, 3) board points in metres.
        minimum: the fewest images that will do.
        floor_px: RMS in pixels below which an image is never left out.
    """

    name: str
    size: tuple[int, int]
    pixels: Array
    points: Array
    minimum: int
    floor_px: float

    def fitted(self, choice: LensChoice = "auto") -> LensFit:
        """The lens, of a given model or of the one that the corners ask for.

        By itself the lens is Brown's with k1 k2 p1 p2 k3. Where a rational lens would fit the same images
        better by 1.5 percent, a fisheye and a rational lens are tried: half of the images are fitted and the
        other half judge. The model is the simplest that no other beats by 3 percent.

        Raises:
            CalibrationError: if the images do not determine the lens.
        """
        if choice != "auto":
            return self._alone(choice)
        try:
            plain = self._alone("brown")
        except CalibrationError as error:
            return self._without_brown(error)
        rational = self._adjusted(plain, "rational")
        if _overall(rational.rms, plain.kept) > _WORTH_A_LOOK * _overall(plain.rms, plain.kept):
            return plain
        return self._simplest([plain, *self._fisheyes(), rational])

    def _without_brown(self, error: CalibrationError) -> LensFit:
        """A fisheye, where a perspective lens explains nothing."""
        fisheyes = self._fisheyes()
        if not fisheyes:
            raise error
        return fisheyes[0]

    def _fisheyes(self) -> list[LensFit]:
        try:
            return [self._alone("fisheye")]
        except CalibrationError:
            return []

    def _simplest(self, fits: list[LensFit]) -> LensFit:
        """The first of the fits that none after it beats clearly on images that it was not fitted to."""
        judges = np.logical_and.reduce([fit.kept for fit in fits])
        if not judges.any():
            return max(fits, key=lambda fit: int(fit.kept.sum()))
        held = [_overall(self._held_px(fit), judges) for fit in fits]
        best = 0
        for index in range(1, len(fits)):
            if held[index] < _CLEARLY_BETTER * held[best]:
                best = index
        return fits[best]

    def _held_px(self, fit: LensFit) -> Array:
        """RMS in pixels (M,) of each image for the lens that the other half of the images determines."""
        half = np.arange(len(self.pixels)) % 2 == 0
        held = np.full(len(self.pixels), np.inf)
        for mine in (half, ~half):
            if (fit.kept & mine).any():
                lens = self._refined(fit.lens, fit.model, fit.kept & mine)
                placed = poses_in_camera(lens, fit.model == "fisheye", self.pixels[~mine], self.points)
                held[~mine] = placed.rms
        return held

    def _alone(self, model: LensModel) -> LensFit:
        """The lens of one model from a first guess."""
        lens = guess_lens(self.size, self.pixels, self.points, fisheye=model == "fisheye")
        if lens is None:
            raise CalibrationError(
                "the images of the board do not tell the focal length",
                where=f"Camera {self.name}",
                fix="Check the board's corner counts, and tilt it in different directions",
            )
        return self._kept(lens, model, np.ones(len(self.pixels), dtype=bool))

    def _adjusted(self, start: LensFit, model: LensModel) -> LensFit:
        """The lens of another model, from one that is nearly right."""
        return self._kept(start.lens, model, start.kept)

    def _kept(self, lens: Array, model: LensModel, kept: Bools) -> LensFit:
        """Fit, and leave out the images that do not fit, until those are the same."""
        while True:
            lens = self._refined(lens, model, kept)
            placed = poses_in_camera(lens, model == "fisheye", self.pixels, self.points)
            good = placed.rms <= max(self.floor_px, _UNFIT * float(np.median(placed.rms[kept])))
            if good.sum() < self.minimum:
                raise CalibrationError(
                    f"the corners of {int(good.sum())} of {len(good)} images fit one lens, "
                    f"at least {self.minimum} are needed",
                    where=f"Camera {self.name}",
                    fix="Check the board's corner counts and the sharpness of the images",
                )
            if not (kept & ~good).any():
                state = placed.state
                return LensFit(lens, model, state.board_rotation, state.board_translation, placed.rms, kept)
            kept = kept & good

    def _refined(self, lens: Array, model: LensModel, kept: Bools) -> Array:
        """The lens adjusted to some of the images."""
        placed = poses_in_camera(lens, model == "fisheye", self.pixels[kept], self.points)
        free = freed(model)
        lens = np.where(free, lens, 0.0)
        start = replace(placed.state, lens=lens[None])
        all_free = np.zeros((1, CAMERA_SIZE), dtype=bool)
        all_free[:, :LENS_SIZE] = free
        prior = lens_prior([self.size], lens[None], [model])
        options = Options(max_iterations=_MODEL_STEPS if model == "rational" else Options.max_iterations)
        found = adjust(start, placed.images, self.points, all_free, prior, options)
        return np.asarray(found.state.lens[0])


def _overall(rms: Array, chosen: Bools) -> float:
    """RMS in pixels over some of the images (M,)."""
    return float(np.sqrt((rms[chosen] ** 2).mean()))

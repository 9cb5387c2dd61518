"""The landmarks that a rig is checked by: those that are stored already, or of a few frames, found now."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.camera import Rig
from calibration.errors import InputError, NoFaceError
from detector.region import QUERY_SCALE
from fitting.camera_checks.sample import Sample, spread
from pipeline.frames.ranges import format_frames
from pipeline.progress import Progress
from pipeline.rig_follower import STRANGER
from pipeline.shoot.shoot import Shoot
from pipeline.stages import detect
from pipeline.stores.landmarks import FrameStatus, Landmarks, read_landmarks

log = logging.getLogger(__name__)

FRAMES = 6
LAYOUT = "dense320"
_RUN = 3
_LANDMARKS = 120
_UNSURE = 2.0


@dataclass(frozen=True, eq=False)
class Sightings:
    """What the cameras of a rig saw in a few frames.

    Attributes:
        stored: the landmark files of C cameras, in the order of the rig.
        frames: (F,) frame numbers to look at.
        found_now: whether they were found for this check.
    """

    stored: tuple[Landmarks, ...]
    frames: NDArray[np.int64]
    found_now: bool

    @property
    def blind(self) -> tuple[str, ...]:
        """The cameras that see no face in any of the frames."""
        return tuple(each.header.camera for each in self.stored if not each.seen[self.rows].any())

    @property
    def rows(self) -> NDArray[np.int64]:
        """(F,) where the frames are in the files."""
        return np.searchsorted(self.stored[0].header.frames, self.frames)

    def sample(self, rig: Rig) -> Sample:
        """The landmarks that the cameras are sure of.

        Args:
            rig: the cameras of the files, in their order.
        """
        header = self.stored[0].header
        chosen = spread(np.arange(len(header.queries)), _LANDMARKS)
        grid = np.ix_(self.rows, chosen)
        seen = [_sure(each, grid) for each in self.stored]
        head = header.queries[chosen].astype(np.float64) * QUERY_SCALE
        sizes = np.array([each.header.size for each in self.stored])
        return Sample(np.stack(seen, axis=2), head, rig, self.frames, sizes)


def detected(shoot: Shoot, folder: Path, count: int, progress: Progress) -> Sightings:
    """Those that the detection has stored already, else those of a few frames, found now.

    Args:
        shoot: whose cameras are checked.
        folder: for what is found now; it is kept, so that the next check is quick.
        count: how many frames.
        progress: of the detection.

    Raises:
        InputError: there are no images or no weights.
        NoFaceError: fewer than two cameras see a face.
    """
    files = {name: shoot.landmark_file(name) for name in shoot.camera_names}
    if all(file.is_file() for file in files.values()):
        found = stored(files, count)
        if not _refused(found):
            log.info("Check: the landmarks in %s are used", shoot.landmarks_folder)
            return _sighted(found, shoot.name)
    few = shoot.with_changes(
        shoot={"frames": format_frames(spread_runs(shoot.frames, count)), "output": str(folder.resolve())},
        detect={"layout": LAYOUT},
        # The rig is what is in question: it must not tell the detection where to look.
        fit={"cameras": "unknown", "personal_shape": False},
    )
    detect.main(few, progress=progress)
    files = {name: few.landmark_file(name) for name in few.camera_names}
    everything = stored(files, len(few.frames))
    return _sighted(Sightings(everything.stored, everything.frames, True), shoot.name)


def stored(files: Mapping[str, Path], count: int) -> Sightings:
    """The landmarks of some frames, spread out, of landmark files by camera.

    Raises:
        InputError: a file is missing or damaged, or they differ in layout or frames.
    """
    read = [read_landmarks(file) for file in files.values()]
    first = read[0].header
    for other in (each.header for each in read[1:]):
        if not np.array_equal(first.queries, other.queries) or not np.array_equal(first.frames, other.frames):
            raise InputError(
                f"The landmarks of cameras {first.camera} and {other.camera} differ in layout or frames",
                fix="Run: vultus detect",
            )
    views = np.stack([each.seen for each in read]).sum(0)
    usable = first.frames[views >= min(2, views.max())]
    frames = spread_runs(usable.tolist(), count)
    return Sightings(tuple(read), np.array(frames, dtype=np.int64), False)


def landmark_files(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """The landmark file of each camera that has one in a folder.

    Raises:
        InputError: fewer than two have one.
    """
    files = {name: folder / f"{name}.h5" for name in names}
    there = {name: file for name, file in files.items() if file.is_file()}
    if len(there) < 2:
        raise InputError(
            f"There are landmarks of fewer than two of the cameras {', '.join(names)}",
            where=str(folder),
            fix="Name the folder of landmarks that vultus detect wrote, and cameras as its files are called",
        )
    return there


def spread_runs(frames: Sequence[int], count: int) -> list[int]:
    """So many of the frames: runs of consecutive ones, which show whether cameras are in step, spread out."""
    if len(frames) <= count:
        return list(frames)
    run = min(_RUN, count)
    runs = max(1, count // run)
    starts = np.linspace(0, len(frames) - run, runs).round().astype(int)
    places = {int(start) + step for start in starts for step in range(run)}
    more = (int(place) for place in np.linspace(0, len(frames) - 1, count))
    while len(places) < count and (place := next(more, None)) is not None:
        places.add(place)
    return [frames[place] for place in sorted(places)]


def _sure(each: Landmarks, grid: tuple[NDArray[np.int64], ...]) -> NDArray[np.float64]:
    """(F, L, 2) the landmarks of one camera; NaN where it is far less sure of one than of the usual."""
    mean, sigma = each.rows.mean[grid].astype(np.float64), each.rows.sigma[grid].astype(np.float64)
    known = np.isfinite(sigma) & each.seen[grid[0].ravel()][:, None]
    usual = np.median(sigma[known]) if known.any() else 0.0
    sure = known & (sigma <= _UNSURE * usual)
    return np.where(sure[..., None], mean, np.nan)


def _refused(found: Sightings) -> bool:
    """Whether the detection refused faces because the rig, which is in question, said so."""
    return any(STRANGER in each.rows.reason[row] for each in found.stored for row in found.rows)


def _sighted(found: Sightings, name: str) -> Sightings:
    seeing = [each for each in found.stored if (each.rows.status[found.rows] == FrameStatus.OK).any()]
    if len(seeing) < 2:
        raise NoFaceError(
            "Fewer than two cameras see a face: cameras cannot be checked against each other",
            where=name,
            fix="Look at the images, or name more frames with --frames",
        )
    return found

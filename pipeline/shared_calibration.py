"""Calibrations that several takes share: made once, by the take that comes first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from calibration.camera import Rig
from calibration.errors import InputError
from calibration.formats import read_rig, write_rig
from pipeline.progress import WAITING, Progress
from pipeline.shoot.rigs import RigChoice
from pipeline.shoot.settings import (
    CalibrationSettings,
    GeneralSettings,
    RigSettings,
    ShootSettings,
)
from pipeline.shoot.shoot import Shoot
from pipeline.stores.lock import alone

log = logging.getLogger(__name__)

Calibrate = Callable[..., Path]


def make_shared(shoot: Shoot, calibrate: Calibrate, progress: Progress) -> None:
    """Calibrate the boards of the rigs that are valid for a take, where that was not done yet.

    Takes that start together wait for the one that came first. What is up to date is left as it is, even
    where the take's own work is forced: other takes use it.

    Args:
        shoot: the take; nothing is done where its file names its only calibration.
        calibrate: the stage: called with a shoot that consists of a board, and `progress`.
        progress: of a calibration.

    Raises:
        CalibrationError, InputError: as of the stage; or rigs of one world both have a camera.
    """
    choice = shoot.rig_choice
    if choice is None:
        return
    log.info("Calibrate: %s", choice)
    for rig in choice.made:
        with alone(choice.folder(rig.name), _Waiting(rig.name, progress)):
            calibrate(_board_alone(choice, rig), progress=progress)
    if len(choice.valid) > 1:
        with alone(choice.folder(choice.name), _Waiting(choice.name, progress)):
            _merge(choice, {name: source.size for name, source in shoot.sources.items()})


class _Waiting:
    """Says once that another take is at work, and lets an interruption through."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name, self.progress, self.said = name, progress, False

    def __call__(self) -> None:
        if not self.said:
            log.info("Calibrate: another take is calibrating rig %s; waiting for it", self.name)
            self.said = True
        self.progress(0, 1, WAITING)


def _board_alone(choice: RigChoice, rig: RigSettings) -> Shoot:
    """A shoot of nothing but the images of a board, whose results are those that takes share."""
    rigs, board = choice.rigs, rig.board
    images = {} if board is None else board.images
    settings = ShootSettings(
        shoot=GeneralSettings(name=rig.name, root=str(rigs.root), output=str(choice.folder(rig.name))),
        cameras=dict(images),
        calibration=CalibrationSettings(source="board", board=board),
    )
    return Shoot(rigs.file, settings)


def _merge(choice: RigChoice, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Put the cameras of several rigs of one world into one file."""
    sources = [choice.source_of(rig) for rig in choice.valid]
    read = [read_rig(each.file, each.format, units=each.units, sizes=sizes) for each in sources]
    names = [name for cameras in read for name in cameras.names]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(
            f"{choice.name} are valid together, and both have a camera {doubled[0]}",
            where=str(choice.rigs.file),
            fix="Narrow takes, from or until so that one rig is left, or take the camera out of one of them",
        )
    world = choice.valid[0].world
    merged = Rig(
        tuple(camera for cameras in read for camera in cameras),
        f"rigs {choice.name}, which share the world {world}",
        {name: px for cameras in read for name, px in cameras.residual_px.items()},
        tuple(note for cameras in read for note in cameras.notes),
    )
    write_rig(merged, choice.merged_file, "vultus")

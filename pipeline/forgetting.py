"""Letting go of what was done for a shoot, so that every step is done again."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from calibration.errors import InputError
from pipeline.shoot.shoot import Shoot
from pipeline.stores.hdf5 import partial_path
from pipeline.stores.stamps import clear_stamp


def forget(shoot: Shoot, stages: Iterable[str]) -> None:
    """Remove the stores of a shoot, with what was done of them so far, and the stamps of its stages.

    What only people and other programs read is left, until it is written anew.

    Raises:
        InputError: something cannot be removed.
    """
    for stage in stages:
        clear_stamp(shoot.output, stage)
    performance = shoot.performance_file
    parts = (shoot.performance_parts, shoot.landmarks_folder)
    for path in (performance, partial_path(performance), *parts):
        _remove(path)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"This cannot be removed ({error})", where=str(path)) from error

"""The shoot that comes with vultus: small, rendered, and with its truth, so that it can be measured."""

from __future__ import annotations

import shutil
from pathlib import Path

from calibration.errors import InputError
from pipeline.shoot.shoot import FILE_NAME

BUNDLED = Path(__file__).parent / "shoot"
TRUTH = "truth/mesh.npz"


def copy_demo(folder: Path) -> Path:
    """Put the demo shoot into a folder, unless it is there already.

    Returns:
        its shoot file.

    Raises:
        InputError: the installation is incomplete, or the folder cannot be written.
    """
    file = folder / FILE_NAME
    if file.is_file():
        return file
    if not (BUNDLED / FILE_NAME).is_file():
        raise InputError("The demo shoot is not part of this installation", where=str(BUNDLED))
    try:
        shutil.copytree(BUNDLED, folder, dirs_exist_ok=True)
    except OSError as error:
        raise InputError(f"The demo cannot be copied ({error.strerror})", where=str(folder)) from error
    return file

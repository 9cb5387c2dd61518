"""vultus calibrate: from images of a board, or a file of known cameras, to cameras.json."""

from __future__ import annotations

import logging
from pathlib import Path

from calibration.camera import Rig
from calibration.errors import InputError
from calibration.formats import read_rig, write_rig
from calibration.from_boards.calibrate import calibrate_board
from calibration.from_boards.options import BoardOptions
from calibration.from_boards.result import BoardCalibration
from pipeline.board_footage import BoardFootage, open_board
from pipeline.board_report import clear_report, log_report, report_board
from pipeline.progress import Progress, silent, span
from pipeline.shared_calibration import make_shared
from pipeline.shoot.board_settings import BoardSettings
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest, fingerprint
from pipeline.stores.stamps import clear_stamp, is_current, write_stamp

log = logging.getLogger(__name__)

STAGE = "calibrate"
_CALIBRATED = 0.75  # share of the work that is done when the cameras are known


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Calibrate the cameras of a shoot, from the source that its file names.

    Args:
        shoot: to calibrate.
        force: calibrate again, even if the result is up to date.
        progress: called as work goes on.

    Returns:
        the file of cameras; the folder of the results, where the fit is to find the cameras from the head.

    Raises:
        CalibrationError: the images of the board do not determine the cameras.
        InputError: the file of cameras or the images are missing, or their sizes differ.
    """
    make_shared(shoot, main, progress)
    settings, path = shoot.calibration, shoot.cameras_file
    if settings.source == "head":
        return _nothing_to_do(shoot)
    board = settings.board if settings.source == "board" else None
    footage = open_board(shoot, board) if board is not None else None
    work = _fingerprint(shoot, footage)
    if not force and is_current(shoot.output, STAGE, work):
        log_report(shoot.calibration_folder)
        log.info("Calibrate: up to date (%s)", path)
        return path
    clear_stamp(shoot.output, STAGE)
    clear_report(shoot.calibration_folder)
    files = [path]
    if board is not None and footage is not None:
        found = _from_board(board, footage, span(progress, 0.0, _CALIBRATED))
        rig = found.rig
        _check_sizes(shoot, rig)
        files += report_board(found, footage, shoot.calibration_folder, span(progress, _CALIBRATED, 1.0))
    else:
        rig = rig_from_file(shoot)
        _check_sizes(shoot, rig)
        for name, residual in rig.residual_px.items():
            log.info("Calibrate: camera %s, %.2f px", name, residual)
    write_rig(rig, path, "vultus")
    write_stamp(shoot.output, STAGE, work, files)
    progress(1, 1, STAGE)
    return path


def _nothing_to_do(shoot: Shoot) -> Path:
    """Without a calibration: an earlier one of these images is no longer what the shoot file says."""
    log.info("Calibrate: nothing to do; the fit finds the cameras from the head that they see")
    clear_stamp(shoot.output, STAGE)
    clear_report(shoot.calibration_folder)
    shoot.cameras_file.unlink(missing_ok=True)
    return shoot.output


def rig_from_file(shoot: Shoot) -> Rig:
    """The cameras of the shoot out of the file of known ones that it names.

    Raises:
        InputError: the file is missing, cannot be read, or has none of the shoot's cameras.
    """
    settings = shoot.calibration
    sizes = {name: source.size for name, source in shoot.sources.items()}
    rig = read_rig(shoot.path(settings.file), settings.format, units=settings.units, sizes=sizes)
    known = [name for name in shoot.camera_names if name in rig.names]
    if not known:
        raise InputError(
            f"None of the shoot's cameras ({', '.join(shoot.camera_names)}) is in the file, "
            f"which has {', '.join(rig.names)}",
            where=str(shoot.path(settings.file)),
            fix="Name the cameras in shoot.toml as the file does",
        )
    for name in sorted(set(shoot.camera_names) - set(known)):
        log.warning("Camera %s is not in %s; it is left out of the fit", name, settings.file)
    for note in rig.notes:
        log.warning("Calibrate: %s", note)
    return rig.select(known)


def _from_board(settings: BoardSettings, footage: BoardFootage, progress: Progress) -> BoardCalibration:
    return calibrate_board(
        footage.images(),
        footage.sizes,
        settings.board,
        lens_images=footage.lens_images(),
        options=BoardOptions(
            lens=settings.lens,
            refine_board=None if settings.refine == "never" else settings.refine,
            offsets=settings.offsets,
            strict=settings.strict,
        ),
        progress=progress,
    )


def _check_sizes(shoot: Shoot, rig: Rig) -> None:
    """Refuse cameras that were calibrated at another size than the shot: the focal length would be wrong."""
    for camera in rig:
        width, height = shoot.sources[camera.name].size
        if (width, height) != camera.size:
            expected = f"{camera.width} x {camera.height}"
            raise InputError(
                f"The images are {width} x {height} but the calibration is for {expected}",
                where=f"Camera {camera.name}",
                fix="Calibrate with images of the same size and crop as the shot",
            )


def _fingerprint(shoot: Shoot, board: BoardFootage | None) -> str:
    settings = shoot.calibration
    file = shoot.path(settings.file)
    return fingerprint(
        settings=settings.model_dump(),
        cameras=shoot.camera_names,
        file=_digests(file) if settings.source == "file" else (),
        boards={} if board is None else board.fingerprint(),
    )


def _digests(path: Path) -> tuple[str, ...]:
    """Of a file of cameras, or of each file in a folder of them."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    return tuple(file_digest(file) for file in files if file.is_file())

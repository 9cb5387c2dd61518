"""What `vultus calibrate` leaves for people beside the cameras: a report, its numbers, and pictures."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.from_boards.judgement.facts import CameraFacts, Facts, find_facts
from calibration.from_boards.judgement.reasons import Grade
from calibration.from_boards.judgement.report import advice_lines, report_data, report_lines, table_lines
from calibration.from_boards.judgement.verdict import RigVerdict, judge
from calibration.from_boards.result import BoardCalibration
from calibration.whole_file import write_text
from pipeline.board_footage import BoardFootage
from pipeline.drawing.board_camera import Image, camera_page
from pipeline.drawing.board_rig import rig_page
from pipeline.drawing.picture_file import write_picture
from pipeline.frames.images import UnreadableImageError
from pipeline.progress import Progress, span

log = logging.getLogger(__name__)

REPORT, DATA, RIG_PICTURE = "report.txt", "report.json", "rig.jpg"


def camera_picture(name: str) -> str:
    """The file name of a camera's picture."""
    return f"camera_{name}.jpg"


def report_board(
    calibration: BoardCalibration, footage: BoardFootage, folder: Path, progress: Progress
) -> list[Path]:
    """Judge a calibration, and write and log what is to be said about it.

    Args:
        calibration: to be judged.
        footage: the images that it was made from; one of each camera is drawn upon.
        folder: to write to; what an earlier report left there is taken away.
        progress: told as work goes on.

    Returns:
        the files.
    """
    facts = find_facts(calibration, span(progress, 0.0, 0.5))
    verdict = judge(facts)
    clear_report(folder)
    folder.mkdir(parents=True, exist_ok=True)
    summary = [*table_lines(facts, verdict), "", *advice_lines(verdict)]
    data = {**report_data(facts, verdict), "summary": summary}
    files = [folder / REPORT, folder / DATA]
    write_text(files[0], "\n".join(report_lines(facts, verdict)) + "\n")
    write_text(files[1], json.dumps(data, indent=1, allow_nan=False) + "\n")
    files += _Pictures(facts, verdict, footage, folder).written(span(progress, 0.5, 1.0))
    log_report(folder)
    log.log(
        logging.INFO if verdict.grade is Grade.GOOD else logging.WARNING, "Calibrate: %s", verdict.sentence
    )
    return files


def log_report(folder: Path) -> None:
    """Say again what was found out when the cameras were calibrated; nothing where there is no report."""
    told = _told(folder)
    for line in told.get("summary", ()):
        log.info("%s", line)
    for name in told.get("left_out", ()):
        log.warning("Calibrate: camera %s could not be calibrated and is left out", name)


def left_out(folder: Path) -> tuple[str, ...]:
    """The cameras that could not be calibrated, by the report in a folder; none where there is no report."""
    return tuple(_told(folder).get("left_out", ()))


def _told(folder: Path) -> dict[str, Any]:
    """The numbers of the report in a folder; nothing where there is none."""
    try:
        told = json.loads((folder / DATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def clear_report(folder: Path) -> None:
    """Take away the report of an earlier calibration."""
    for file in [folder / REPORT, folder / DATA, folder / RIG_PICTURE, *folder.glob(camera_picture("*"))]:
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Pictures:
    facts: Facts
    verdict: RigVerdict
    footage: BoardFootage
    folder: Path

    def written(self, progress: Progress) -> list[Path]:
        """The files of all pictures."""
        total = len(self.facts.cameras) + 1
        files = [self.folder / RIG_PICTURE]
        write_picture(files[0], rig_page(self.facts, self.verdict))
        for done, camera in enumerate(self.facts.cameras, start=1):
            progress(done, total, f"picture of {camera.name}")
            page = camera_page(camera, self.verdict[camera.name], self._photo(camera))
            files.append(self.folder / camera_picture(camera.name))
            write_picture(files[-1], page)
        progress(total, total, "pictures")
        return files

    def _photo(self, camera: CameraFacts) -> Image | None:
        """The first image of a camera in which the board was found."""
        calibration, name = self.facts.calibration, camera.name
        shared = calibration.used[name] or tuple(calibration.detections[name])
        try:
            if shared:
                return self.footage.poses[name].read(round(shared[0] + camera.late))
            return self.footage.lenses[name].read(next(iter(calibration.lens_detections[name])))
        except UnreadableImageError:
            return None

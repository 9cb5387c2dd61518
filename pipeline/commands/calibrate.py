"""vultus calibrate."""

from __future__ import annotations

from pipeline.commands.common import stage_command
from pipeline.shoot.shoot import Shoot

HELP = """Find the cameras of SHOOT and write cameras.json.

Where they come from is in the shoot file: images of a board, or a file of known cameras.

From a board, it also says what each camera is good for and what to film again where one is not, and leaves a
report and pictures in the folder calibration of the results: corners, residuals and coverage of each camera,
the rig with the boards, and what became of each frame. A camera whose images do not determine it is left out:
the exit status is 4 then."""


def _status(shoot: Shoot) -> int:
    from pipeline.board_report import left_out
    from pipeline.exit_status import DONE, PARTIAL

    return PARTIAL if left_out(shoot.calibration_folder) else DONE


command = stage_command("calibrate", HELP, _status)

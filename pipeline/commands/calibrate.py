"""vultus calibrate."""

from __future__ import annotations

from pipeline.commands.common import stage_command

HELP = """Find the cameras of SHOOT and write cameras.json.

Where they come from is in the shoot file: images of a board, or a file of known cameras.

From a board, it also says what each camera is good for and what to film again where one is not, and leaves a
report and pictures in the folder calibration of the results: corners, residuals and coverage of each camera,
the rig with the boards, and what became of each frame."""

command = stage_command("calibrate", HELP)

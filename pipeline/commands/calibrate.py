"""vultus calibrate."""

from __future__ import annotations

from pipeline.commands.common import stage_command

HELP = """Find the cameras of SHOOT and write cameras.json.

Where they come from is in the shoot file: images of a checkerboard, or a file of known cameras."""

command = stage_command("calibrate", HELP)

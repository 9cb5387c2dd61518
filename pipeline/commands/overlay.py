"""vultus overlay."""

from __future__ import annotations

from pipeline.commands.common import stage_command

HELP = "Draw the fitted head of SHOOT over its images: a movie per camera and a sheet of pictures."

command = stage_command("overlay", HELP)

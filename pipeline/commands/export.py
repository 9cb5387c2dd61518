"""vultus export."""

from __future__ import annotations

from pipeline.commands.common import stage_command

HELP = "Write the fitted performance of SHOOT in the formats of its shoot file."

command = stage_command("export", HELP)

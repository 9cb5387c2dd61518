"""vultus jobs."""

from __future__ import annotations

import click

from pipeline.commands.lazy_group import LazyGroup

COMMANDS = {
    "run": ("pipeline.commands.jobs.run", "Do all stages for many shoots, side by side."),
    "status": ("pipeline.commands.jobs.status", "Tell where a job stands, from any machine."),
    "logs": ("pipeline.commands.jobs.logs", "Print the logs of a job's tasks."),
    "retry": ("pipeline.commands.jobs.retry", "Run what failed, or was left undone, again."),
    "cancel": ("pipeline.commands.jobs.cancel", "Ask a job, or sequences of it, to stop."),
    "plan": ("pipeline.commands.jobs.plan", "Write down the commands for a farm without Dask."),
    "profile": ("pipeline.commands.jobs.profile", "Commented settings for each kind of cluster."),
    "worker": ("pipeline.commands.jobs.worker", "Give this machine to a scheduler elsewhere."),
    "scheduler": ("pipeline.commands.jobs.scheduler", "Run a scheduler that outlives the jobs."),
}
"""Module and one-line help of each command; the module has the command as ``command``."""


@click.group(cls=LazyGroup, modules=COMMANDS, epilog="Example:  vultus jobs run footage/take*")
def command() -> None:
    """Run many shoots, on this machine or a cluster."""

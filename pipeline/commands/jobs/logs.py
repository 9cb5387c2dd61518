"""vultus jobs logs."""

from __future__ import annotations

import click


@click.command(
    "logs",
    epilog="""\b
Examples:
  vultus jobs logs take012              all steps of a sequence of the newest job
  vultus jobs logs vultus-jobs/day3 take012 detect --follow
  vultus jobs logs --failed             of all that failed""",
)
@click.argument("arguments", metavar="[FOLDER] [SEQUENCE] [STEP]", nargs=-1)
@click.option("--follow", is_flag=True, help="Go on with what is written while the job runs.")
@click.option("--failed", is_flag=True, help="Of failed tasks alone; SEQUENCE may be left out.")
def command(arguments: tuple[str, ...], follow: bool, failed: bool) -> None:
    """Print the logs of tasks.

    FOLDER is a job's folder, or its name below vultus-jobs; without it, the newest job there. STEP is a
    stage, or one of its chunks such as "detect 1001-1240".
    """
    from calibration.errors import UsageError
    from jobs.watching.following import Wanted, follow_logs, read_logs, tasks_wanted
    from jobs.watching.reading import read_record, split_arguments

    folder, names = split_arguments(arguments)
    if not names and not failed:
        raise UsageError("No sequence is named", fix="Name one, or ask for --failed")
    wanted = Wanted(names[0] if names else "", " ".join(names[1:]), failed)
    tasks = tasks_wanted(read_record(folder), wanted)
    for line in follow_logs(folder, tasks) if follow else read_logs(folder, tasks):
        click.echo(line)

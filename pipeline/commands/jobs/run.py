"""vultus jobs run."""

from __future__ import annotations

import time
from pathlib import Path

import click

EPILOG = """\b
Examples:
  vultus jobs run footage/take*                      on this machine, with all that it has
  vultus jobs run @monday.txt --workers 2            a list of shoots, one path a line
  vultus jobs run @monday.txt --cluster slurm --profile farm.toml
  vultus jobs run @monday.txt --cluster tcp://farm:8786

The same command goes on where an interrupted or killed one was. Exit status: 0 all done, 4 some shoots failed
or are partial, 1 all failed, 3 the footage of all is missing, 130/143 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("shoots", nargs=-1, required=True)
@click.option(
    "--cluster",
    default="local",
    show_default=True,
    help="local, slurm, pbs, lsf, sge, ssh:HOST,HOST or tcp://SCHEDULER:8786; see: vultus jobs profile list",
)
@click.option(
    "--profile", type=click.Path(path_type=Path), help="Settings of the cluster: vultus jobs profile show"
)
@click.option("--workers", type=click.IntRange(1), help="Processes in all, instead of the profile's.")
@click.option("--device", help="auto, cpu, cuda or cuda:N instead of the files'.")
@click.option("--output", help="Results go to OUTPUT/<shoot> instead of where the files say.")
@click.option("--force", is_flag=True, help="Do the work again, even if it is up to date.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Of the job: ledger, logs, summary; vultus-jobs/<name> if not said.",
)
@click.pass_context
def command(
    context: click.Context,
    shoots: tuple[str, ...],
    cluster: str,
    profile: Path | None,
    workers: int | None,
    device: str | None,
    output: str | None,
    force: bool,
    folder: Path | None,
) -> None:
    """Do all stages for many SHOOTS, side by side, on this machine or a cluster.

    SHOOTS are folders or shoot files; @FILE stands for the paths in a text file. One that fails does not stop
    the others. What is up to date is not done again.
    """
    from jobs.records.request import JobRequest
    from jobs.run_job import run_job
    from jobs.sequences import job_name, name_sequences, read_arguments
    from jobs.tasks import JobContext
    from jobs.watching.reading import JOBS
    from jobs.watching.summary_text import summary_lines

    current = Path.cwd()
    sequences = name_sequences(read_arguments(shoots), current)
    place = (current / folder) if folder is not None else current / JOBS / job_name(shoots, sequences)
    request = JobRequest(
        place.name,
        tuple(each.path for each in sequences),
        JobContext(place.name, str(place), str(current), device, output or "", force),
        cluster,
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        str(current / profile) if profile is not None else "",
        workers,
    )
    outcome, summary = run_job(request)
    click.echo("\n".join(summary_lines(summary)))
    context.exit(outcome.exit_status)

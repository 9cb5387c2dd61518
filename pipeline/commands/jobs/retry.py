"""vultus jobs retry."""

from __future__ import annotations

import click


@click.command("retry", epilog="Example:  vultus jobs retry vultus-jobs/day3 take012 take013")
@click.argument("arguments", metavar="[FOLDER] [SEQUENCE...]", nargs=-1)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run sequences of a job again, on the same cluster and with the same options.

    Those that are named; otherwise all that failed, were cancelled, or did not come to their end. Steps that
    are up to date are not done again. FOLDER is a job's folder, or its name below vultus-jobs; without it,
    the newest job there.

    Exit status: as of vultus jobs run, for the whole job.
    """
    from dataclasses import replace

    from jobs.run_job import run_job
    from jobs.watching.reading import check_sequences, read_record, split_arguments, stored_request
    from jobs.watching.summary import summarise
    from jobs.watching.summary_text import summary_lines
    from jobs.watching.words import counted

    folder, names = split_arguments(arguments)
    check_sequences(folder, names)
    summary = summarise(read_record(folder))
    chosen = names or summary.to_be_done
    if not chosen:
        click.echo(f"Nothing of {folder.name} is left to be done")
        context.exit(summary.exit_status or 0)
    click.echo(
        f"{folder.name}: {counted(len(chosen), 'sequence')} of {len(summary.sequences)} again", err=True
    )
    outcome, summary = run_job(replace(stored_request(folder), only=chosen))
    click.echo("\n".join(summary_lines(summary)))
    context.exit(summary.exit_status if summary.exit_status is not None else outcome.exit_status)

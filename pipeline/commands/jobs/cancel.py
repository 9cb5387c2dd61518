"""vultus jobs cancel."""

from __future__ import annotations

import click


@click.command("cancel", epilog="Example:  vultus jobs cancel vultus-jobs/day3 take012 take013")
@click.argument("arguments", metavar="[FOLDER] [SEQUENCE...]", nargs=-1)
def command(arguments: tuple[str, ...]) -> None:
    """Ask a job to stop: all of it, or the sequences that are named.

    Tasks that run stop at their next safe place. What was done is kept; vultus jobs retry goes on with it.
    FOLDER is a job's folder, or its name below vultus-jobs; without it, the newest job there.
    """
    from jobs.records.cancelling import cancel
    from jobs.watching.reading import check_sequences, read_record, split_arguments
    from jobs.watching.summary import UNFINISHED, summarise
    from jobs.watching.words import counted

    folder, names = split_arguments(arguments)
    check_sequences(folder, names)
    record = read_record(folder)
    chosen = set(names) or set(record.shoots)
    open_ones = [
        s.sequence for s in summarise(record).sequences if s.outcome in UNFINISHED and s.sequence in chosen
    ]
    if not record.client and not record.running():
        click.echo(f"Nobody is at the job, so there is nothing to stop ({folder})")
        return
    if not open_ones:
        click.echo(f"All of it has ended already ({folder})")
        return
    cancel(folder, names)
    stopping = [note.key for note in record.running() if note.key.rpartition("/")[0] in chosen]
    click.echo(f"Asked to stop: {counted(len(open_ones), 'sequence')} of {folder.name}")
    click.echo(
        f"{counted(len(stopping), 'task')} running now; that ends at the next safe place, within seconds"
    )

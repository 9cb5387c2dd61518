"""vultus jobs run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.errors import UsageError
from calibration.text_table import text_table
from pipeline.exit_status import DONE, PARTIAL

if TYPE_CHECKING:
    from jobs.shoots import ShootResult


@click.command("run", epilog="Example:  vultus jobs run footage/take* --workers 2")
@click.argument("shoots", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes on this machine."
)
@click.option("--scheduler", default="", help="Address of a Dask scheduler, such as tcp://farm:8786.")
@click.option("--resource", "resources", multiple=True, help="What a shoot takes of a farm's worker: GPU=1.")
@click.option("--device", help="auto, cpu, cuda or cuda:N instead of the files'.")
@click.pass_context
def command(
    context: click.Context,
    shoots: tuple[Path, ...],
    workers: int,
    scheduler: str,
    resources: tuple[str, ...],
    device: str | None,
) -> None:
    """Do all stages for each of SHOOTS; one that fails does not stop the others."""
    from jobs.shoots import ClusterOptions, run_shoots

    options = ClusterOptions(scheduler, workers, tuple(map(_resource, resources)), device)
    done = 0

    def report(result: ShootResult) -> None:
        nonlocal done
        done += 1
        click.echo(f"Progress: {100 * done // len(shoots)}%")
        if result.exit_status:
            click.echo(f"{result.shoot}: {result.message}", err=True)

    results = run_shoots(shoots, options, report)
    click.echo(summary(results))
    failed = [result for result in results if result.exit_status != DONE]
    context.exit(PARTIAL if failed else DONE)


def summary(results: Sequence[ShootResult]) -> str:
    """A table of what became of each shoot."""
    rows = [("shoot", "status", "seconds", "result")]
    rows += [(each.shoot, str(each.exit_status), f"{each.seconds:.0f}", each.message) for each in results]
    return "\n".join(text_table(rows))


def _resource(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    try:
        return name, float(amount)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a resource", fix="Write it like GPU=1") from error

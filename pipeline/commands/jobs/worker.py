"""vultus jobs worker."""

from __future__ import annotations

from pathlib import Path

import click

EPILOG = """\b
Examples:
  vultus jobs worker tcp://farm:8786                        all that this machine has
  vultus jobs worker tcp://farm:8786 --workers 4
  vultus jobs worker tls://farm:8786 --profile farm.toml    certificates, memory, GPUs as the profile says

It stays when the scheduler is lost, and goes on with the next one at the same address. SIGTERM ends it.
"""


@click.command(epilog=EPILOG)
@click.argument("address")
@click.option("--profile", type=click.Path(path_type=Path), help="See: vultus jobs profile show address")
@click.option("--workers", type=click.IntRange(1), help="Processes, instead of as many as there is room for.")
@click.option("--lifetime", type=click.FloatRange(60), help="Seconds after which to leave in good order.")
def command(address: str, profile: Path | None, workers: int | None, lifetime: float | None) -> None:
    """Give this machine to the Dask scheduler at ADDRESS: its cores, memory and GPUs, shared out sensibly."""
    from jobs.clusters.profile import read_profile
    from jobs.clusters.serving import serve

    serve(read_profile(address, profile), workers=workers, lifetime=lifetime, say=click.echo)

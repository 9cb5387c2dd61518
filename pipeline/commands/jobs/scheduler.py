"""vultus jobs scheduler."""

from __future__ import annotations

from pathlib import Path

import click

EPILOG = """\b
Examples:
  vultus jobs scheduler                              for workers of this machine, at tcp://127.0.0.1:8786
  vultus jobs scheduler --host 10.1.2.3 --profile farm.toml     for others, with the profile's certificates

Then, on each machine that shall work: vultus jobs worker tls://10.1.2.3:8786 --profile farm.toml
"""


@click.command(epilog=EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8786, show_default=True, help="Port to listen at.")
@click.option("--profile", type=click.Path(path_type=Path), help="See: vultus jobs profile show address")
def command(host: str, port: int, profile: Path | None) -> None:
    """Run a scheduler that outlives the jobs, and the machines that they are started from."""
    from jobs.clusters.profile import scheduler_profile
    from jobs.clusters.scheduling import schedule

    schedule(scheduler_profile(host, port, profile), host, port, say=click.echo)

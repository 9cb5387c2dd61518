"""vultus jobs plan."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path

import click

from pipeline.commands.common import fit_options

EPILOG = """\b
Examples:
  vultus jobs plan footage/take* > night.sh                 lines, in an order that can simply be run
  vultus jobs plan footage/take* --format slurm --gpu-queue gpu --walltime 04:00:00
  vultus jobs plan footage/take* --format tractor --into .   plan.alf, for tractor-spool
  vultus jobs plan footage/take* --format deadline           vultus-plan/submit.py submits
  vultus jobs plan footage/take* --format opencue --show hero

Each command is vultus run SHOOT --stage STAGE, with --frames for a chunk; it does what is not done yet. A
path that a farm manager would change is refused. The files for Deadline, Tractor and OpenCue follow their
documentation and were not tried on a farm.
"""


@click.command(epilog=EPILOG)
@click.argument("shoots", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    default="lines",
    show_default=True,
    help="lines, json, slurm, deadline, tractor or opencue.",
)
@click.option("--into", type=click.Path(path_type=Path), help="Folder for the plan's files; made if absent.")
@click.option(
    "--chunk", type=click.IntRange(1), help="Frames in a chunk, instead of one segment (240) in each."
)
@click.option("--output", default="", help="Results go to OUTPUT/<shoot> instead of where the files say.")
@click.option("--device", help="auto, cpu, cuda or cuda:N instead of the files'.")
@click.option(
    "--program", default="vultus", show_default=True, help="How vultus is started on the farm's machines."
)
@click.option(
    "--queue", default="", help="SLURM's partition, Deadline's pool, Tractor's service, OpenCue's tag."
)
@click.option("--gpu-queue", default="", help="The same for commands that gain from a GPU.")
@click.option("--walltime", default="", help="Of each command, HH:MM:SS; for SLURM.")
@click.option("--show", default="vultus", show_default=True, help="The production; for OpenCue.")
@click.option("--name", default="vultus", show_default=True, help="Of the job.")
@fit_options
def command(
    shoots: tuple[Path, ...],
    form: str,
    into: Path | None,
    chunk: int | None,
    output: str,
    device: str | None,
    program: str,
    queue: str,
    gpu_queue: str,
    walltime: str,
    show: str,
    name: str,
    fit: dict[str, object],
) -> None:
    """Write down how SHOOTS are done on a farm without Dask: one plain command per stage and chunk."""
    from jobs.plans import plan_format
    from jobs.plans.farm import FarmOptions
    from jobs.plans.plan import CommandOptions, make_plan
    from pipeline.shoot.files import find_shoot

    chosen = plan_format(form)
    options = CommandOptions(tuple(shlex.split(program)), output, device, fit, chunk)
    plan = make_plan([find_shoot(path) for path in shoots], options, name)
    farm = FarmOptions(queue, gpu_queue, walltime, show, getpass.getuser())
    texts = chosen.write(plan, farm)
    if into is None and chosen.alone:
        click.echo("".join(texts.values()), nl=False)
        return
    write_files(into or Path("vultus-plan"), texts)


def write_files(folder: Path, texts: dict[str, str]) -> None:
    """Write texts into a folder, scripts so that they can be run, and say what to do with them."""
    from calibration.whole_file import write_text

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
        if text.startswith("#!"):
            (folder / name).chmod(0o755)
    click.echo(folder)

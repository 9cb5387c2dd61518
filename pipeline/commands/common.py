"""What the commands share: the options of a shoot, progress, and the end of a stage."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.interruption import listen
from pipeline.progress import Progress, checked, for_stream
from pipeline.shoot.files import find_shoot
from pipeline.shoot.shoot import Shoot

Function = Callable[..., Any]


def shoot_options(*, device: bool = True) -> Callable[[Function], Function]:
    """The argument SHOOT and the options that all stages take."""

    def decorate(function: Function) -> Function:
        options = [
            click.argument("shoot", type=click.Path(path_type=Path)),
            click.option("--frames", help="Frame range instead of the file's, such as 1001-1520x2."),
            click.option("--output", help="Folder of the results instead of the file's."),
            click.option("--force", is_flag=True, help="Do the work again, even if it is up to date."),
        ]
        if device:
            options.append(click.option("--device", help="auto, cpu, cuda or cuda:N instead of the file's."))
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def fit_options(function: Function) -> Function:
    """The options of the fit; the command gets them as `fit`, keys of ``[fit]`` to change."""
    options = [
        click.option(
            "--solver", type=click.Choice(["lm", "lbfgs"]), help="Both end at the same place; lm is faster."
        ),
        click.option(
            "--cameras",
            type=click.Choice(["auto", "known", "refine", "poses", "unknown", "moving"]),
            help="What is known of the cameras, instead of what the file says: known (they stay as "
            "calibrated), refine (those that have moved since are found), poses (the lenses, not the "
            "places), unknown (nothing), moving (a single camera, in a hand).",
        ),
        click.option(
            "--personal-shape",
            is_flag=True,
            help="Also correct the actor's neutral by what all cameras see beyond the head model.",
        ),
        click.option("--model", help="Head model to fit instead of the file's; see: vultus model list"),
    ]

    @functools.wraps(function)
    def command(*args: Any, personal_shape: bool, **given: Any) -> Any:
        changes = {key: given.pop(key) for key in ("solver", "cameras", "model")}
        return function(*args, fit=changes | {"personal_shape": personal_shape or None}, **given)

    decorated: Function = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def open_shoot(
    path: Path,
    *,
    frames: str | None,
    output: str | None,
    device: str | None = None,
    fit: Mapping[str, object] | None = None,
) -> Shoot:
    """The shoot of a path, with the options of the command line in place of the file's.

    `fit` are keys of ``[fit]`` besides, as :func:`fit_options` gives them. A relative output on the command
    line is relative to the current folder, as everywhere on a command line.
    """
    place = str(Path(output).resolve()) if output else None
    return find_shoot(path).with_changes(
        shoot={"frames": frames, "output": place},
        detect={"device": device},
        fit={"device": device, **(fit or {})},
    )


@contextmanager
def working() -> Iterator[Progress]:
    """Progress for the work in the block, which also stops it in good order on SIGINT and SIGTERM."""
    with for_stream() as report, listen() as interruption:
        yield checked(report, interruption.check)


def _done(shoot: Shoot) -> int:
    return 0


def stage_command(stage: str, text: str, status: Callable[[Shoot], int] = _done) -> click.Command:
    """A command that runs one stage on a shoot and prints the path that it wrote.

    Args:
        stage: its module in :mod:`pipeline.stages`, imported when the command runs.
        text: the help.
        status: with which exit status it ends, once the stage is done.
    """

    @click.command(name=stage, help=text, epilog=f"Example:  vultus {stage} footage/take1")
    @shoot_options(device=False)
    @click.pass_context
    def command(
        context: click.Context, shoot: Path, frames: str | None, output: str | None, force: bool
    ) -> None:
        opened = open_shoot(shoot, frames=frames, output=output)
        main = importlib.import_module(f"pipeline.stages.{stage}").main
        with working() as progress:
            path = main(opened, force=force, progress=progress)
        click.echo(path)
        context.exit(status(opened))

    return command

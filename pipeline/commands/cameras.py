"""vultus cameras: look at cameras, bring them from one format into another, compare and check them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from calibration.camera import Rig

LAZY: dict[str, str] = {"check": "pipeline.commands.cameras_check"}
"""Modules of the subcommands that are imported when they are called."""

_SIZE = re.compile(r"(?:(?P<name>.+)=)?(?P<width>\d+)x(?P<height>\d+)")

Sizes = dict[str, tuple[int, int]]


class _Group(click.Group):
    """A group whose heavier commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *LAZY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LAZY:
            return super().get_command(ctx, cmd_name)
        command = importlib.import_module(LAZY[cmd_name]).command
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Group, epilog="Example:  vultus cameras show cameras.xml")
def command() -> None:
    """The cameras of a rig: look at them, convert them, compare them, check them against the footage."""


def _sizes(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> Sizes:
    """Image sizes by camera; one without a name is for all cameras that are not named."""
    from calibration.formats import EVERY_CAMERA

    sizes = {}
    for text in texts:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"'{text}' is no size such as 1920x1080 or front=1920x1080")
        sizes[match["name"] or EVERY_CAMERA] = (int(match["width"]), int(match["height"]))
    return sizes


def _reading(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of reading cameras that somebody else wrote."""
    options = [
        click.option(
            "--from", "source", metavar="FORMAT", help="Format of the file; else told by the file itself."
        ),
        click.option(
            "--units", type=click.Choice(["m", "cm", "mm"]), help="Of the file, where it does not say them."
        ),
        click.option(
            "--size",
            "sizes",
            multiple=True,
            metavar="[NAME=]WxH",
            callback=_sizes,
            help="Image size of a camera, or of all, for formats that do not hold it.",
        ),
        click.option(
            "--rotation-order", metavar="ORDER", help="Of a .chan file, such as XYZ; Nuke's ZXY if not said."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("formats", epilog="Example:  vultus cameras formats")
def list_formats() -> None:
    """Name the formats that cameras are read from and written to."""
    from calibration.formats import FORMATS
    from calibration.text_table import text_table

    rows = [("format", "read", "written", "suffixes", "what it is")]
    for format in FORMATS.values():
        read, written = ("yes" if function else "no" for function in (format.read, format.write))
        rows.append((format.name, read, written, " ".join(format.suffixes), format.summary))
    click.echo("\n".join(text_table(rows)))


@command.command(
    "convert",
    epilog="Examples:\n\n\b\n  vultus cameras convert cameras.xml cameras.json\n"
    "  vultus cameras convert cameras.json maps --to stmap --overscan 0.1\n"
    "  vultus cameras convert front.chan cameras.json --size 1920x1080 --units cm",
)
@click.argument("cameras", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@_reading
@click.option("--to", "target", metavar="FORMAT", help="Format to write; else told by the suffix of OUTPUT.")
@click.option("--overscan", type=click.FloatRange(0, 1), default=0.0, help="Of STMaps, on each side: 0.1.")
def convert(
    cameras: Path,
    output: Path,
    source: str | None,
    units: str | None,
    sizes: Sizes,
    rotation_order: str | None,
    target: str | None,
    overscan: float,
) -> None:
    """Read CAMERAS and write them to OUTPUT, a file or folder, in another format.

    The rotation order is that of the .chan file, whether it is read or written.
    """
    from calibration.formats import WriteOptions, read_rig, write_rig

    rig = read_rig(cameras, source, units=units, sizes=sizes, rotation_order=rotation_order)
    _tell_notes(rig)
    order = rotation_order if target == "chan" or output.suffix == ".chan" else None
    click.echo(write_rig(rig, output, target, WriteOptions(order, overscan)))


@command.command("show", epilog="Example:  vultus cameras show cameras.json")
@click.argument("cameras", type=click.Path(path_type=Path))
@_reading
def show(
    cameras: Path, source: str | None, units: str | None, sizes: Sizes, rotation_order: str | None
) -> None:
    """List CAMERAS: image, lens, view, place and neighbours of each.

    The lens column says by how many pixels the lens bends the corners; 36 mm eq. is the focal length
    on a sensor whose longer side is 36 mm.
    """
    from calibration.formats import read_rig
    from calibration.text_table import text_table
    from pipeline.camera_table import HEADINGS, camera_table

    rig = read_rig(cameras, source, units=units, sizes=sizes, rotation_order=rotation_order)
    click.echo("\n".join(text_table([HEADINGS, *camera_table(rig)])))
    _tell_notes(rig)


@command.command(
    "compare", epilog="Example:  vultus cameras compare morning/cameras.json evening/cameras.json"
)
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--scale", is_flag=True, help="The lengths of SECOND may be in another unit, or unknown.")
@click.option(
    "--distance",
    type=click.FloatRange(0, min_open=True),
    help="Metres to what is filmed; where the cameras look, if not said.",
)
def compare(first: Path, second: Path, scale: bool, distance: float | None) -> None:
    """Lay the cameras of SECOND over those of FIRST and tell what changed: which camera moved, by how much.

    The files may be of different formats, and of different worlds: most cameras decide how they lie.
    """
    from calibration.compare import compare_rigs
    from calibration.formats import read_rig

    difference = compare_rigs(read_rig(first), read_rig(second), scale=scale, working_distance=distance)
    click.echo("\n".join(difference.lines()))


def _tell_notes(rig: Rig) -> None:
    """What a person should know, on standard error."""
    for note in rig.notes:
        click.echo(f"Note: {note}", err=True)

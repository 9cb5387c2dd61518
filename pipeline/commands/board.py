"""vultus board: boards to print, and a look at what is found in images of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from calibration.boards.kinds import PrintableBoard

Function = Callable[..., Any]

_RECOGNISED_IN = 4

_OPTIONS = (
    click.option("--columns", type=int, help="Across, of what the kind counts."),
    click.option("--rows", type=int, help="Down."),
    click.option("--square-mm", type=float, help="Side of a square of a checkerboard or ChArUco board."),
    click.option("--marker-mm", type=float, help="Side of a marker of a ChArUco board."),
    click.option("--dictionary", help="Markers of a ChArUco board, such as 5X5_100."),
    click.option("--legacy", is_flag=True, default=None, help="ChArUco pattern of OpenCV before 4.6."),
    click.option("--tag-mm", type=float, help="Side of a tag of an AprilGrid."),
    click.option("--tag-spacing", type=float, help="Gap between tags as a share of their side; 0.3."),
    click.option("--spacing-mm", type=float, help="Between the middles of circles; of rows if asymmetric."),
    click.option("--diameter-mm", type=float, help="Of a circle."),
)


def _board_options(function: Function) -> Function:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group(epilog="Example:  vultus board make charuco board.pdf")
def command() -> None:
    """Calibration boards: print one, see what is found of one."""


@command.command(
    "make",
    epilog="Example:  vultus board make charuco board.pdf --columns 8 --rows 11 --square-mm 22 "
    "--marker-mm 16 --dictionary 5X5_100 --page a4",
)
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@_board_options
@click.option("--page", help="a4, a3, letter and so on, or millimetres as 300x400; as the board needs.")
@click.option("--margin-mm", type=float, default=10, show_default=True, help="White around the board.")
@click.option("--dpi", type=float, default=300, show_default=True, help="Pixels per inch of a PNG.")
def make(kind: str, file: Path, page: str | None, margin_mm: float, dpi: float, **said: Any) -> None:
    """Draw a board in its true size into FILE (.pdf or .png), and say what goes into shoot.toml.

    KIND is checkerboard (columns and rows count inner corners), charuco (squares), aprilgrid (tags), circles
    or asymmetric-circles. What is not said is as on a board that fits A4 and does its work.
    """
    from calibration.boards.printing import print_board
    from calibration.boards.sheet import lay_out, page_size
    from pipeline.shoot.board_text import board_table

    keys = {**_example(kind), **_said(said)}
    board = _board(kind, keys)
    sheet = lay_out(board, page_size(page) if page else None, margin_mm / 1000)
    click.echo(f"{print_board(sheet, file, dpi)}: {board}")
    click.echo(
        "Print it at 100 percent, measure the line under the board, and glue the board to a flat plate."
    )
    click.echo("In shoot.toml, with [calibration.board.images] after it:")
    click.echo(f"\n{board_table(kind, keys)}", nl=False)


@command.command("detect", epilog="Example:  vultus board detect board/left --pictures found")
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--kind", help="The kind of board; it is recognised in the images if not said.")
@_board_options
@click.option("--count", type=int, default=12, show_default=True, help="Images to look at, evenly spread.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for pictures of what was found.")
def detect(images: Path, kind: str | None, count: int, pictures: Path | None, **said: Any) -> None:
    """Say how much of a board is found in some of IMAGES: a folder, a pattern or a movie.

    Without --kind, the board is recognised: whether it is a checkerboard, a ChArUco board or an AprilGrid,
    and what it counts. Its size in millimetres cannot be seen.
    """
    from calibration.errors import InputError
    from pipeline.board_look import grey_images, look
    from pipeline.shoot.board_guess import guess_board
    from pipeline.shoot.board_text import board_table

    greys = grey_images(images, count)
    keys = _said(said)
    if kind is None:
        there = guess_board(list(greys.values())[:_RECOGNISED_IN])
        if there is None:
            raise InputError(
                "no board is recognised in the images", where=str(images), fix="Say what it is with --kind"
            )
        kind, keys = there.kind, there.keys
        click.echo(f"Recognised: {there.what}")
        click.echo(f"CHECK {there.measured}, which images do not tell:\n\n{board_table(kind, keys)}")
    for line in look(greys, _board(kind, keys), pictures):
        click.echo(line)


def _said(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _example(kind: str) -> dict[str, Any]:
    from calibration.boards.kinds import known_kind

    return dict(known_kind(kind).example)


def _board(kind: str, keys: dict[str, Any]) -> PrintableBoard:
    from calibration.boards.kinds import make_board
    from calibration.errors import UsageError

    rest = dict(keys)
    try:
        columns, rows = rest.pop("columns"), rest.pop("rows")
    except KeyError as error:
        raise UsageError("the size of the board is missing", fix="Give --columns and --rows") from error
    return make_board(kind, columns, rows, rest)

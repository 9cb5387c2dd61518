"""vultus database."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.database.query import Query
    from pipeline.database.view import Mask, View

QUERIES = """\b
A query:
  jawOpen > 0.6 and eyeBlinkLeft > 0.5
  subject == "anna" and not jump and residual_sigma < 1
  take in ("smile", "talk") and frame in 1001-1100
  left_eye_yaw > 15 or added < "2026-06-01"

Names: the 52 ARKit shapes, frame, views, residual_px, residual_sigma, uncertainty_mm, expression_sigma,
few_views, large_residual, uncertain, jump, head_yaw, head_pitch, left_eye_yaw ... (degrees), subject, take,
shoot, model, layout, weights, vultus, added."""

PATH = click.Path(path_type=Path)
DATABASE = click.argument("database", type=PATH)
WHERE = click.option("--where", help="Only frames that this query is true of; see: vultus database query -h")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(epilog='Example:  vultus database query expressions "jawOpen > 0.6 and eyeBlinkLeft > 0.5"')
def command() -> None:
    """A library of captured expressions: add fitted performances, search, draw samples to train on.

    DATABASE is a folder. Any number of machines may add to it at once, also over a network.
    """


@command.command("add", epilog="Example:  vultus database add expressions footage/take* --subject anna")
@DATABASE
@click.argument("performances", metavar="SHOOT...", nargs=-1, required=True, type=PATH)
@click.option("--subject", help="The actor; subject in the [shoot] table of shoot.toml if not said.")
@click.option("--take", help="The take; the name of the shoot if not said.")
@click.option("--min-views", type=click.IntRange(0), default=2, show_default=True, help="Cameras to see it.")
@click.option("--max-residual", type=float, default=1.5, show_default=True, help="Median, in sigmas; or inf.")
@click.option("--max-residual-px", type=float, default=inf, help="Median, in pixels; any if not said.")
@click.option("--max-uncertainty", type=float, default=inf, help="Of the surface, mm; any if not said.")
@click.option("--allow", multiple=True, help="A flag to let through: large_residual, uncertain, jump.")
@click.option("--unconverged", is_flag=True, help="Take performances whose solver did not reach its gate.")
@click.option("--replace", is_flag=True, help="Put this fit in the place of an older one of the same frames.")
@click.option("--readmit", is_flag=True, help="Let in again a subject that was removed.")
def add(
    database: Path,
    performances: tuple[Path, ...],
    subject: str | None,
    take: str | None,
    replace: bool,
    readmit: bool,
    **gates: Any,
) -> None:
    """Add the good frames of fitted performances: shoots, or performance.h5 files.

    What a line calls added is on the disk. What is there already is left alone. The rest is refused or fails
    with a reason, and keeps nothing else out; the exit status is then 4.
    """
    from pipeline.commands.common import working
    from pipeline.database.adding import AddOptions, add_performances
    from pipeline.database.folder import Database
    from pipeline.database.gates import QualityGates
    from pipeline.exit_status import PARTIAL

    options = AddOptions(QualityGates(**gates), subject, take, replace, readmit)
    opened, made = Database.open_or_make(database)
    if made:
        click.echo(f"A new database: {database}")
    failed = 0
    with working() as progress:
        for done, report in enumerate(add_performances(opened, performances, options), start=1):
            if report.error is not None and len(performances) == 1:
                raise report.error
            click.echo("\n".join(report.lines()))
            failed += report.result is None
            progress(done, len(performances), report.name)
    if failed:
        click.get_current_context().exit(PARTIAL)


@command.command("list", epilog="Example:  vultus database list expressions")
@DATABASE
@JSON
def list_takes(database: Path, as_json: bool) -> None:
    """List the takes in DATABASE, and the shards that are damaged."""
    from pipeline.database.reports import damage_lines, take_facts, take_lines

    view = _look(database)
    if as_json:
        click.echo(json.dumps({"takes": take_facts(view), "damaged": view.damaged}, indent=1))
    else:
        click.echo("\n".join([*take_lines(view), *damage_lines(view)]))


@command.command("query", epilog=QUERIES)
@DATABASE
@click.argument("query")
@click.option("--count", is_flag=True, help="Print only how many frames there are.")
@JSON
@click.option("--csv", "as_csv", is_flag=True, help="Print a line for each frame, separated by commas.")
@click.option("--most", type=click.IntRange(1), default=40, show_default=True, help="Takes in the table.")
def query_frames(database: Path, query: str, count: bool, as_json: bool, as_csv: bool, most: int) -> None:
    """Find the frames that QUERY is true of: a table of takes, or each frame with what is asked of it."""
    import numpy as np

    from pipeline.database.query import Query
    from pipeline.database.reports import frame_columns, frame_rows, take_lines

    asked = Query(query)
    view = _look(database)
    mask = asked.mask(view)
    if count:
        click.echo(int(mask.sum()))
    elif as_json or as_csv:
        names = frame_columns(asked)
        rows = frame_rows(view, np.flatnonzero(mask), names)
        if as_json:
            click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=1))
        else:
            _print_csv(names, rows)
    else:
        click.echo("\n".join(take_lines(view, mask, most)))


@command.command("stats", epilog="Example:  vultus database stats expressions --output expressions_stats")
@DATABASE
@WHERE
@JSON
@click.option("--output", type=PATH, help="Folder for pictures of coverage, correlation and components.")
def stats(database: Path, where: str | None, as_json: bool, output: Path | None) -> None:
    """Say what DATABASE covers: how far which shapes go, which it lacks, which go together."""
    from pipeline.database.reports import statistics_lines
    from pipeline.database.statistics import describe

    asked = _query(where)
    view = _look(database)
    found = describe(view, _mask(asked, view))
    click.echo(json.dumps(found.facts(), indent=1) if as_json else "\n".join(statistics_lines(found)))
    if output is not None:
        from pipeline.database.pictures import write_pictures

        for path in write_pictures(found, output):
            click.echo(path)


@command.command("sample", epilog="Example:  vultus database sample expressions 5000 --balanced")
@DATABASE
@click.argument("count", type=click.IntRange(1))
@click.option("--output", type=PATH, default=Path("expressions.npz"), show_default=True, help="The archive.")
@WHERE
@click.option("--balanced", is_flag=True, help="Draw what is rare more often.")
@click.option("--seed", type=int, default=0, show_default=True)
def sample(database: Path, count: int, output: Path, where: str | None, balanced: bool, seed: int) -> None:
    """Draw COUNT different frames of DATABASE into a NumPy archive, for vultus train --expressions."""
    from pipeline.database.sampling import SampleWish, draw, write_sample

    asked = _query(where)
    view = _look(database)
    rows = draw(view, SampleWish(count, balanced, seed), _mask(asked, view))
    click.echo(f"{write_sample(output, view, rows)}: {len(rows)} frames")


@command.command("export", epilog="Example:  vultus database export expressions smiles.csv --where ...")
@DATABASE
@click.argument("file", type=PATH)
@WHERE
def export(database: Path, file: Path, where: str | None) -> None:
    """Write the frames of DATABASE to FILE: .csv, .parquet (with pyarrow) or .npz."""
    import numpy as np

    from pipeline.commands.common import working
    from pipeline.database.exports import export_frames

    asked = _query(where)
    view = _look(database)
    mask = _mask(asked, view)
    rows = np.arange(len(view)) if mask is None else np.flatnonzero(mask)
    with working() as progress:
        export_frames(file, view, rows, progress)
    click.echo(f"{file}: {len(rows)} frames")


@command.command(
    "prune", epilog="""Example:  vultus database prune expressions "residual_sigma > 1" --dry-run"""
)
@DATABASE
@click.argument("query")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken out.")
def prune_frames(database: Path, query: str, dry_run: bool) -> None:
    """Take out the frames that QUERY is true of: by weights, quality or age (added < "2026-01-01")."""
    from pipeline.commands.common import working
    from pipeline.database.folder import Database
    from pipeline.database.query import Query
    from pipeline.database.removal import prune
    from pipeline.frames.ranges import format_frames

    asked, opened = Query(query), Database.open(database)
    with working() as progress:
        found = prune(opened, asked, dry_run=dry_run, progress=progress)
    for each in found:
        click.echo(f"{each.subject} {each.take}: {format_frames(each.frames)}; {each.left} frames stay")
    total = sum(len(each.frames) for each in found)
    click.echo(f"{total} frames {'would be' if dry_run else 'were'} taken out")


@command.command("remove", epilog="Example:  vultus database remove expressions anna --yes")
@DATABASE
@click.argument("subject")
@click.option("--take", help="Only this take of theirs.")
@click.confirmation_option(prompt="All of their frames will be deleted for good. Go on?")
def remove_subject(database: Path, subject: str, take: str | None) -> None:
    """Delete everything of SUBJECT from DATABASE, such as an actor who withdraws consent.

    A removed subject stays away, also if a farm adds their performances again. Samples and exports that were
    written elsewhere are not found by this: they name the subject of each frame.
    """
    from pipeline.database.folder import Database
    from pipeline.database.removal import remove

    count = remove(Database.open(database), subject, take)
    click.echo(f"removed {subject}{f' {take}' if take else ''}: {count} shards, and the cache of them")


@command.command("compact", epilog="Example:  vultus database compact expressions")
@DATABASE
def compact_cache(database: Path) -> None:
    """Make the cache of DATABASE anew, and clear away what killed commands left."""
    from pipeline.commands.common import working
    from pipeline.database.cache import compact
    from pipeline.database.folder import Database

    with working() as progress:
        view = compact(Database.open(database), progress)
    click.echo(f"{len(view)} frames of {len(view.shards)} shards")


def _look(database: Path) -> View:
    """All frames; what is damaged is told on standard error."""
    from pipeline.database.cache import look
    from pipeline.database.folder import Database
    from pipeline.database.reports import damage_lines

    view = look(Database.open(database))
    for line in damage_lines(view):
        click.echo(f"Warning: {line}", err=True)
    return view


def _query(text: str | None) -> Query | None:
    from pipeline.database.query import Query

    return None if text is None else Query(text)


def _mask(query: Query | None, view: View) -> Mask | None:
    return None if query is None else query.mask(view)


def _print_csv(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *rows])
    click.echo(text.getvalue(), nl=False)

"""vultus demo."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.common import working


@click.command(epilog="Example:  vultus demo")
@click.argument("folder", type=click.Path(path_type=Path), default="vultus-demo")
@click.option("--device", help="auto, cpu, cuda or cuda:N.")
@click.pass_context
def command(context: click.Context, folder: Path, device: str | None) -> None:
    """Run the shoot that comes with vultus in FOLDER (vultus-demo), and say how accurate the result is."""
    from pipeline.commands.common import open_shoot
    from pipeline.demo import TRUTH, copy_demo
    from pipeline.progress import span
    from pipeline.stages import evaluate, run
    from pipeline.stores.outcome import read_outcome

    shoot = open_shoot(copy_demo(folder), frames=None, output=None, device=device)
    with working() as progress:
        run.main(shoot, progress=span(progress, 0.0, 0.95))
        figures = evaluate.main(shoot, shoot.root / TRUTH, progress=span(progress, 0.95, 1.0))
    click.echo("How far the fitted head is from the true one:")
    for line in evaluate.read_evaluation(figures).lines():
        click.echo(f"  {line}")
    click.echo("Look at:")
    click.echo(f"  {shoot.report_file}   what became of it, with pictures and plots")
    click.echo(f"  {shoot.overlay_folder}/sheet.jpg   the fitted head over the images")
    click.echo(f"  {shoot.export_folder}   the animated head for other programs")
    context.exit(read_outcome(shoot).exit_status)

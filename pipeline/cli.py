"""The command line: a thin skin over the stages.

Commands are imported when they are called, so that ``vultus --help`` is instant though torch is heavy.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import click

from calibration.errors import VultusError
from pipeline import PACKAGES
from pipeline.commands.lazy_group import LazyGroup
from pipeline.openmp import spin_briefly

COMMANDS = {
    "init": ("pipeline.commands.init", "Look at a shoot's folders and write a shoot.toml to review."),
    "calibrate": (
        "pipeline.commands.calibrate",
        "Find the cameras from images of a board, or read them.",
    ),
    "board": ("pipeline.commands.board", "Print a calibration board; see what is found of one in images."),
    "cameras": ("pipeline.commands.cameras", "Look at cameras, convert them between formats, check them."),
    "detect": ("pipeline.commands.detect", "Find dense landmarks in the images of all cameras."),
    "fit": ("pipeline.commands.fit", "Fit the head model to the landmarks of all cameras and frames."),
    "export": ("pipeline.commands.export", "Write the performance for other programs."),
    "overlay": ("pipeline.commands.overlay", "Draw the fitted head over the images."),
    "report": ("pipeline.commands.report", "Write the page that tells what became of a shoot."),
    "preview": ("pipeline.commands.preview", "Draw the fitted head: turntable, animation, contact sheet."),
    "evaluate": ("pipeline.commands.evaluate", "Measure against ground truth: fitted heads, or landmarks."),
    "bench": ("pipeline.commands.bench", "Measure how fast the stages are on this machine."),
    "run": ("pipeline.commands.run", "Do all stages for one shoot; what is done is not done again."),
    "jobs": ("pipeline.commands.jobs", "Run many shoots, on this machine or a Dask cluster."),
    "demo": ("pipeline.commands.demo", "Run the shoot that comes with vultus, and say how accurate it is."),
    "layouts": ("pipeline.commands.layouts", "The landmark layouts that there are."),
    "model": ("pipeline.commands.model", "Head models of others: bring them in, register them."),
    "topology": ("pipeline.commands.topology", "Your own head mesh: register it, and export takes on it."),
    "train": ("pipeline.commands.train", "Train a landmark network on synthetic heads."),
    "database": ("pipeline.commands.database", "A library of captured expressions: add, search, sample."),
    "ablate": ("pipeline.commands.ablate", "Train short, one thing changed at a time, and compare."),
}
"""Module and one-line help of each command; the module has the command as ``command``."""

INTERRUPTED = 130

EPILOG = """\b
Examples:
  vultus init footage/take1          writes footage/take1/shoot.toml
  vultus run footage/take1           cameras, landmarks, fit, exports, overlays
  vultus run footage/take1 --frames 1001-1010 --device cpu
  vultus jobs run footage/take*      many shoots

Every option can be set in the environment: VULTUS_RUN_DEVICE=cpu is run --device cpu.

\b
Exit status: 0 done, 1 failed, 2 wrong usage, 3 input missing or unreadable,
4 some frames, cameras or shoots failed, 5 the solver did not reach its gate, 130/143 interrupted.
"""


class MainGroup(LazyGroup):
    """Tells errors in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that a user can act on becomes one line and an exit status."""
        try:
            return super().invoke(ctx)
        except VultusError as error:
            if ctx.params["debug"]:
                raise
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("Error: interrupted", err=True)
            ctx.exit(INTERRUPTED)


class _EchoHandler(logging.Handler):
    """Sends log records to standard error as it is now, so that a progress bar and tests can redirect it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.capitalize()}: "
        try:
            sys.stderr.write(f"{prefix}{record.getMessage()}\n")
            sys.stderr.flush()
        except OSError:
            # standard error goes to a full disk: work that has room for its results goes on
            self.handleError(record)


def _configure_output(quiet: bool, debug: bool) -> None:
    if not debug and not sys.warnoptions:
        # What libraries say to each other's programmers (torch, of its own parts) is no business of a TD's.
        warnings.simplefilter("ignore", FutureWarning)
    for name in PACKAGES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING if quiet else logging.INFO)
        if not any(isinstance(handler, _EchoHandler) for handler in logger.handlers):
            logger.addHandler(_EchoHandler())


@click.group(
    cls=MainGroup,
    modules=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "VULTUS"},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--quiet", is_flag=True, help="Say nothing but warnings and errors.")
@click.version_option(package_name="vultus")
def main(debug: bool, quiet: bool) -> None:
    """From a multi-camera shoot of an actor to an animated head."""
    _configure_output(quiet, debug)
    spin_briefly()


if __name__ == "__main__":
    main()

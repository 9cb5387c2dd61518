"""vultus preview: movies and a contact sheet of a fitted head."""

from __future__ import annotations

import logging
from pathlib import Path

from fitting.head_models.store import find_head_model
from pipeline.preview import PreviewOptions, write_preview
from pipeline.stores.performance import read_performance

log = logging.getLogger(__name__)

FOLDER = "preview"


def main(performance_file: Path, folder: Path, options: PreviewOptions) -> Path:
    """Draw a performance and return the contact sheet, beside which the movies are.

    Args:
        performance_file: what the fit wrote.
        folder: for the files; it is made where it is absent.
        options: of the drawing.

    Raises:
        InputError: there is no performance, or the folder cannot be written to.
        UsageError: the performance has none of the frames.
        MissingDependencyError: OpenGL is not there.
    """
    performance, info = read_performance(performance_file)
    sheet, *movies = write_preview(performance, find_head_model(info.name), folder, options)
    log.info("Preview: %s, %s", sheet, " and ".join(movie.name for movie in movies))
    return sheet

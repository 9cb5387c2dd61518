"""The page of a shoot: one HTML file beside its results."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import jinja2
from markupsafe import Markup

from pipeline.fit_summary import deviations
from pipeline.frames.ranges import format_frames
from pipeline.report.facts import Facts
from pipeline.report.files import find_exports, find_pictures
from pipeline.report.heads import residual_heads
from pipeline.report.plots import (
    STATUS_COLOURS,
    STATUS_WORDS,
    expression_plots,
    motion_plots,
    residual_plots,
    seen_plot,
    uncertainty_plots,
)
from pipeline.report.tables import camera_rows, settings_text, versions
from pipeline.report.verdict import judge

_TEMPLATES = "templates"


@dataclass(frozen=True)
class Figure:
    """A number at the head of the page, and what it is."""

    value: str
    unit: str
    what: str


def page(facts: Facts) -> str:
    """The page as text; the same facts give the same text.

    All that it shows is in it, but for pictures and movies in the folder of the results, to which it links.
    """
    pictures = find_pictures(facts.shoot)
    uncertainty = facts.performance.uncertainty
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", _TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        style=Markup(template_text("style.css")),  # our own file
        shoot=facts.shoot,
        verdict=judge(facts),
        figures=_figures(facts),
        deviations="" if uncertainty is None else deviations(uncertainty),
        pictures=pictures,
        heads=residual_heads(facts),
        residuals=[*residual_plots(facts), *uncertainty_plots(facts)],
        performance=[*expression_plots(facts), *motion_plots(facts)],
        flagged=format_frames(facts.flagged.tolist()),
        seen=seen_plot(facts),
        statuses=[
            (words, "rgb({}, {}, {})".format(*STATUS_COLOURS[each])) for each, words in STATUS_WORDS.items()
        ],
        cameras=camera_rows(facts, pictures),
        exports=find_exports(facts.shoot),
        settings=settings_text(facts),
        versions=versions(facts),
    )


def template_text(name: str) -> str:
    """A file that the page is made with."""
    return files("pipeline.report").joinpath(_TEMPLATES, name).read_text(encoding="utf-8")


def _figures(facts: Facts) -> list[Figure]:
    performance = facts.performance
    frames = performance.frames.tolist()
    figures = [
        Figure(str(len(frames)), "frames", f"{format_frames(frames)} at {performance.fps:g} per second"),
        Figure(str(len(performance.rig.names)), "cameras", f"of {len(facts.marks)} in the shoot"),
        Figure(f"{performance.reprojection_px:.2f}", "px", "mean distance of seen and fitted landmarks"),
    ]
    if performance.uncertainty is not None:
        surface = performance.uncertainty.surface
        known = surface[surface == surface]
        if known.size:
            sure = f"{1e3 * float((known**2).mean() ** 0.5):.2f}"
            figures.append(Figure(sure, "mm", "one standard deviation of the surface"))
    return figures

"""vultus export: from a performance to files for other programs."""

from __future__ import annotations

import logging
from pathlib import Path

from fitting.head_models.store import find_head_model
from fitting.head_traits import MAKEHUMAN
from fitting.topology.store import Topology, read_topology, topology_digest
from pipeline.export import ExportOptions, export, exporter
from pipeline.export.arkit import WEIGHT_COLUMNS
from pipeline.export.arkit_names import arkit_shapes
from pipeline.export.cameras import check_camera_formats, export_cameras
from pipeline.export.topology import check_model, shape_fit, told, write_shape_fit
from pipeline.frames.ranges import parse_frames
from pipeline.progress import Progress, silent, span
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import fingerprint
from pipeline.stores.performance import performance_fingerprint, read_performance
from pipeline.stores.stamps import clear_stamp, is_current, write_stamp

log = logging.getLogger(__name__)

STAGE = "export"


def main(shoot: Shoot, *, force: bool = False, progress: Progress = silent) -> Path:
    """Write the performance in all formats of the shoot file, and the cameras as they came out of the fit.

    Args:
        shoot: whose performance is fitted.
        force: export again, even if the result is up to date.
        progress: called after each frame of each format.

    Returns:
        the folder of the exports, with one folder per format.

    Raises:
        UsageError: a format or the topology is not known.
        InputError: there is no performance, or the folder cannot be written.
    """
    settings, folder = shoot.settings.export, shoot.export_folder
    check(shoot)
    performance, info = read_performance(shoot.performance_file)
    work = fingerprint(
        settings=settings.model_dump(),
        frames=shoot.settings.shoot.frames,
        topology=topology_digest(settings.topology) if settings.topology else None,
        name=shoot.name,
        performance=performance_fingerprint(shoot.performance_file),
    )
    if not force and is_current(shoot.output, STAGE, work):
        log.info("Export: up to date (%s)", folder)
        return folder
    clear_stamp(shoot.output, STAGE)
    model = find_head_model(info.name)
    topology = read_topology(settings.topology) if settings.topology else None
    files = export_cameras(settings.cameras, performance.rig, folder)
    count = len(settings.formats)
    for position, name in enumerate(settings.formats):
        options = _options(shoot, topology, span(progress, position / count, (position + 1) / count))
        files += export(name, performance, model, folder / name, options=options)
    if topology is not None and topology.shapes is not None:
        found = shape_fit(performance, model, topology)
        log.info("Export: %s", told(found))
        files += write_shape_fit(found, folder / "topology", shoot.name, settings.frame_offset)
    write_stamp(shoot.output, STAGE, work, files)
    progress(1, 1, STAGE)
    log.info("Export: %s and the cameras in %s", ", ".join(settings.formats), folder)
    return folder


def _options(shoot: Shoot, topology: Topology | None, progress: Progress) -> ExportOptions:
    """What the shoot file says of geometry and frames, and where the footage of each camera is."""
    settings = shoot.settings.export
    chosen = settings.model_dump(exclude={"formats", "cameras", "neutral_frames", "topology"})
    wanted = shoot.settings.shoot.frames
    chosen["frames"] = parse_frames(wanted, where=str(shoot.file)) if wanted else None
    chosen["neutral_frames"] = parse_frames(settings.neutral_frames) if settings.neutral_frames else ()
    footage = {name: str(shoot.path(camera.images)) for name, camera in shoot.settings.cameras.items()}
    return ExportOptions(name=shoot.name, footage=footage, topology=topology, progress=progress, **chosen)


def check(shoot: Shoot) -> None:
    """Refuse unknown formats and topologies, and those that the head model cannot give, at once.

    Raises:
        UsageError: naming the format or the topology, and those that there are.
    """
    for name in shoot.settings.export.formats:
        exporter(name)
    if shoot.settings.export.topology:
        check_model(shoot.settings.fit.model, read_topology(shoot.settings.export.topology).name)
    check_camera_formats(shoot.settings.export.cameras)
    if "arkit" in shoot.settings.export.formats and shoot.settings.fit.model != MAKEHUMAN:
        arkit_shapes(find_head_model(shoot.settings.fit.model), WEIGHT_COLUMNS)

"""A plan as a job specification of OpenCue, for ``opencue.api.launchSpecAndWait``.

Written after OpenCue's own DTD of specifications (cjsl-1.15) and its Python library's writer: a job for each
sequence, a layer for each stage, whose frames are the chunks. Not tried on a farm.
"""

from __future__ import annotations

import shlex
from xml.etree import ElementTree

from jobs.plans.farm import FarmOptions, plain, plain_names, refuse
from jobs.plans.plan import Plan, PlannedStage

FILE = "plan.cue.xml"
DOCTYPE = (
    '<!DOCTYPE spec PUBLIC "SPI Cue  Specification Language" "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd">'
)
CHUNK = "#FRAME_START#-#FRAME_END#"
_GPU_MEMORY = "4g"
_RENDER = ("detect", "fit")


def write(plan: Plan, options: FarmOptions) -> dict[str, str]:
    """A specification.

    Raises:
        UsageError: a path has a line break, or a text that OpenCue replaces.
    """
    refuse(plan, r"[\r\n]|#[A-Z_]+#", "OpenCue")
    names = plain_names(plan)
    root = ElementTree.Element("spec")
    for tag, text in {
        "show": plain(options.show),
        "shot": plain(plan.name),
        "user": plain(options.user),
    }.items():
        ElementTree.SubElement(root, tag).text = text
    depends = ElementTree.Element("depends")
    jobs: dict[str, str] = {stage.id: plain(stage.sequence) for stage in plan.stages}
    for sequence in plan.sequences:
        job = ElementTree.SubElement(root, "job", name=plain(sequence))
        layers = ElementTree.SubElement(job, "layers")
        for stage in (each for each in plan.stages if each.sequence == sequence):
            _add_layer(layers, names[stage.id], stage, options)
            for needed in stage.needs:
                depend = ElementTree.SubElement(depends, "depend", type="LAYER_ON_LAYER", anyframe="False")
                ends = {"depjob": jobs[stage.id], "deplayer": names[stage.id]}
                ends |= {"onjob": jobs[needed], "onlayer": names[needed]}
                for tag, text in ends.items():
                    ElementTree.SubElement(depend, tag).text = text
    root.append(depends)
    ElementTree.indent(root, " ")
    body = ElementTree.tostring(root, encoding="unicode")
    return {FILE: f'<?xml version="1.0" encoding="utf-8"?>\n{DOCTYPE}\n{body}\n'}


def _add_layer(layers: ElementTree.Element, name: str, stage: PlannedStage, options: FarmOptions) -> None:
    """One layer, its elements in the order that the DTD wants."""
    kind = "Render" if stage.stage in _RENDER else "Util"
    layer = ElementTree.SubElement(layers, "layer", name=name, type=kind)
    first, last = stage.frames
    texts = {
        "cmd": shlex.join(stage.words(CHUNK)),
        "range": f"{first}-{last}" if stage.chunks else str(first),
        "chunk": str(stage.chunk if stage.chunks else 1),
    }
    if stage.gpu and options.gpu_queue:
        texts |= {"gpus": "1", "gpu_memory": _GPU_MEMORY}
    if queue := options.queue_of(stage.gpu):
        texts["tags"] = queue
    for tag, text in texts.items():
        ElementTree.SubElement(layer, tag).text = text
    services = ElementTree.SubElement(layer, "services")
    ElementTree.SubElement(services, "service").text = "default"

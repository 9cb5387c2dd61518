"""How well a topology lies on our head, in words and by region."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from detector.head_regions import REGIONS, region_indices
from detector.region import QUERY_SCALE
from fitting.head_model import HeadModel
from fitting.polygons import face_sizes
from fitting.topology.binding import FREE
from fitting.topology.islands import FOLLOWED, SKIN
from fitting.topology.registration import CLOSE
from fitting.topology.store import Topology


def topology_facts(topology: Topology, head: HeadModel) -> list[str]:
    """What a person wants to know of a topology, line by line."""
    sizes = np.bincount(face_sizes(topology.faces))
    kinds = ", ".join(f"{count} of {corners}" for corners, count in enumerate(sizes) if count)
    unit = topology.unit or f"none that has a name: one is {topology.scale:.4g} m"
    shapes = topology.shapes
    told = _shapes_told(shapes.names, shapes.low, shapes.high) if shapes else "none: ours are used"
    lines = [
        f"{topology.name}: {topology.source}",
        f"  vertices  {len(topology.neutral)}; {len(topology.faces)} faces by corners: {kinds}",
        f"  groups    {', '.join(dict.fromkeys(str(g) or '(none)' for g in topology.groups.tolist()))}",
        f"  unit      {unit}",
        f"  shapes    {told}",
        f"  on ours   {topology.covered:.0%} of our face has it within {CLOSE * 1e3:g} mm",
        *_parts_told(topology),
        f"  {'distance, mm':<14} {'vertices':>8} {'median':>7} {'95 %':>7}",
    ]
    return lines + [
        f"    {name:<12} {len(apart):>8} {np.median(apart):>7.2f} {np.quantile(apart, 0.95):>7.2f}"
        for name, apart in region_distances(topology, head).items()
    ]


def region_distances(topology: Topology, head: HeadModel) -> dict[str, NDArray[np.float64]]:
    """Millimetres from our surface of the skin that follows it, by region of the head and in "all"."""
    binding = topology.binding
    skin = np.flatnonzero((binding.part == FOLLOWED.index(SKIN)) & (binding.hold >= 1.0))
    queries = binding.points.subset(skin).evaluate(head.canonical) / QUERY_SCALE
    region = region_indices(torch.as_tensor(queries, dtype=torch.float32)).numpy()
    apart = binding.distance[skin] * 1e3
    found = {name: apart[region == index] for index, name in enumerate(REGIONS)}
    return {name: values for name, values in ({"all": apart} | found).items() if len(values)}


def _shapes_told(names: tuple[str, ...], low: float, high: float) -> str:
    few = ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} ... {names[-1]}"
    return f"{len(names)}: {few}; weights from {low:g} to {high:g}"


def _parts_told(topology: Topology) -> list[str]:
    """What was recognised, and what is done with what is not on our head."""
    binding = topology.binding
    counts = {name: int((binding.part == index).sum()) for index, name in enumerate(FOLLOWED)}
    lines = [f"  parts     {', '.join(f'{name} {count}' for name, count in counts.items() if count)}"]
    skin = binding.part == FOLLOWED.index(SKIN)
    fading, free = (
        int((skin & test).sum()) for test in ((binding.hold < 1) & (binding.hold > 0), binding.hold <= 0)
    )
    if free:
        lines.append(
            f"  far       {free} vertices are more than {FREE * 1e3:.0f} mm from our head: they move with "
            "the nearest joints and have no expression"
        )
    if fading:
        lines.append(f"  near      {fading} vertices between: expressions fade out on them")
    return lines

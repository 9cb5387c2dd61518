"""How deep bone lies under the skin of an adult's head.

The depths are the pooled adult means, over both sexes and all origins and to half a millimetre, of the
T-Table: C. N. Stephan and E. K. Simpson, "Facial soft tissue depths in craniofacial identification (part I):
an analytical review of the published adult data", Journal of Forensic Sciences 53(6), 2008, 1257-1272. They
were written down from memory of that table and not copied from the print: check them before you quote them.

What later editions say of it is known from their abstracts. Means of 2013 differ by at most 1.7 mm, at the
gonion, and by no more than 1 mm at 93 percent of the landmarks (C. N. Stephan, "The application of the
central limit theorem and the law of large numbers to facial soft tissue depths: T-Table robustness and trends
since 2008", Journal of Forensic Sciences 59(2), 2014, 454-462). Those of 2018 are 2 to 2.5 mm deeper at the
gonion and the mid-mandibular border, which is not taken over here, and differ by less than 1 mm elsewhere
(C. N. Stephan, Forensic Science International, 2017, doi:10.1016/j.forsciint.2017.09.016). As an estimate of
one person's depth such a mean has a standard error of 3.7 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

Array = NDArray[np.float64]
Position = tuple[float, float, float]

SIDE = 1.0
"""Millimetres from the middle plane beyond which a landmark has a twin on the other side."""


@dataclass(frozen=True)
class DepthLandmark:
    """One row of the table.

    Attributes:
        name: of the point, as the forensic literature calls it.
        position: where it lies on the mean head's skin, to a millimetre or two; canonical millimetres, the
            actor's left one of a pair.
        depth: mean depth of the soft tissue, millimetres.
    """

    name: str
    position: Position
    depth: float

    def sides(self) -> list[Position]:
        """Its place, and that of its twin on the actor's right."""
        x, y, z = self.position
        return [self.position, (-x, y, z)] if x > SIDE else [self.position]


DEPTHS = (
    DepthLandmark("opisthocranion", (0.0, 35.0, -174.0), 6.5),
    DepthLandmark("vertex", (0.0, 113.0, -80.0), 5.0),
    DepthLandmark("glabella", (0.0, 22.7, 28.9), 5.5),
    DepthLandmark("nasion", (0.0, 1.6, 25.4), 6.5),
    DepthLandmark("mid-nasal", (0.0, -10.6, 28.3), 4.0),
    DepthLandmark("rhinion", (0.0, -19.9, 33.6), 3.0),
    DepthLandmark("mid-philtrum", (0.0, -57.0, 33.2), 11.5),
    DepthLandmark("labrale inferius", (0.0, -80.6, 32.4), 13.0),
    DepthLandmark("mentolabial sulcus", (0.0, -91.7, 23.5), 11.0),
    DepthLandmark("pogonion", (0.0, -102.5, 23.6), 11.5),
    DepthLandmark("gnathion", (0.0, -110.0, 19.5), 8.5),
    DepthLandmark("menton", (0.0, -115.4, 12.3), 7.0),
    DepthLandmark("mid-supraorbital", (31.0, 21.0, 24.5), 6.0),
    DepthLandmark("mid-infraorbital", (31.0, -21.0, 16.0), 7.0),
    DepthLandmark("alare curvature", (17.0, -46.0, 24.0), 9.5),
    DepthLandmark("gonion", (60.0, -88.0, -48.0), 10.0),
    DepthLandmark("zygion", (71.0, -22.0, -38.0), 6.0),
    DepthLandmark("supra-canine", (17.0, -57.0, 28.0), 9.5),
    DepthLandmark("infra-canine", (15.0, -90.0, 24.0), 10.5),
    DepthLandmark("supra second molar", (47.0, -52.0, 5.0), 26.0),
    DepthLandmark("infra second molar", (48.0, -80.0, -8.0), 19.5),
    DepthLandmark("mid-ramus", (67.0, -60.0, -40.0), 17.5),
    DepthLandmark("mid-mandibular border", (42.0, -103.0, -16.0), 10.5),
)


def tissue_depth(points: NDArray[np.floating]) -> Array:
    """Depths (N,) in metres under points (N, 3) of the mean head's skin (canonical metres).

    Between the landmarks of the table they are interpolated with linear radial basis functions, which meet
    every landmark and go no farther than the table does.
    """
    rows = [(place, each.depth) for each in DEPTHS for place in each.sides()]
    depths = np.array([depth for _, depth in rows])
    interpolate = RBFInterpolator(np.array([place for place, _ in rows]), depths, kernel="linear", degree=0)
    found: Array = np.clip(interpolate(np.asarray(points) * 1e3), depths.min(), depths.max())
    return found / 1e3

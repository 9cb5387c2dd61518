"""Labelled photographs of the world's formats: .pts, dlib XML, COCO keypoints, WFLW lists."""

from detector.datasets.photograph import IBUG68, LabelLayout, LabelledPhotograph
from detector.datasets.reading import FORMATS, read_dataset

__all__ = ["FORMATS", "IBUG68", "LabelLayout", "LabelledPhotograph", "read_dataset"]

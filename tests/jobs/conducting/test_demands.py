"""What tasks ask of a cluster."""

from __future__ import annotations

from jobs.conducting.demands import resources
from jobs.tasks import Task


def test_a_gpu_is_asked_for_where_images_are_looked_at_and_not_to_put_parts_together() -> None:
    """A short take is detected as a whole; of a long one the chunks are, and the whole only gathers them."""
    chunk = Task("take1", "/s", "detect", "1001-1240", ("take1/calibrate",))
    short = Task("take1", "/s", "detect", needs=("take1/calibrate",))
    gathering = Task("take1", "/s", "detect", needs=(chunk.key, "take1/detect 1241-1480"))
    asked = [resources(task, 2.0, gpus=True) for task in (chunk, short, gathering)]
    assert [each.get("GPU") for each in asked] == [1.0, 1.0, None]
    assert resources(chunk, 2.0, gpus=False) == {"MEMORY": 2.0}
